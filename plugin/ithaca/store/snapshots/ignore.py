"""What is left out of a snapshot: `.ithacaignore`, defaults, credentials, Ithaca's own files.

The defaults are not gitignore patterns, because a tree has tens of thousands of files. A line
`!PATTERN` in `.ithacaignore` includes what a default leaves out.
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pathspec import GitIgnoreSpec

from ithaca.errors import UsageError
from ithaca.store.snapshots.model import RESERVED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FILE_NAME = ".ithacaignore"

Reason = Literal["internal", "cache", "default", "notebook", "credential", "user"]
"""Why a path is left out. Ithaca's own files, caches and notebooks are not reported."""

_CACHE_FOLDER = re.compile(
    r"__pycache__|\.(ipynb_checkpoints|(mypy|pytest|ruff)_cache|pytype|hypothesis|[tn]ox|eggs"
    r"|virtual_documents)"
)
_CACHE_FILES = frozenset({".DS_Store", "Thumbs.db"})
_BYTECODE = (".pyc", ".pyo")
_DEFAULT_FOLDER = re.compile(r"\.(git|hg|svn|bzr|jj|pixi|direnv|cache)|node_modules")
_CREDENTIAL_FOLDERS = frozenset(
    {".aws", ".azure", ".gcloud", ".ssh", ".gnupg", ".kube", ".databricks"}
)
_CREDENTIAL = re.compile(
    r"""
    \.(env|envrc|netrc|pgpass|pypirc|npmrc|htpasswd|git-credentials|dockercfg|databrickscfg)
    | \.(boto|s3cfg) | _netrc | id_(rsa|dsa|ecdsa|ed25519)
    | (kaggle|credentials|application_default_credentials)\.json | credentials
    | secrets\.(toml|yaml|yml|json) | client_secret.*\.json
    | .*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)
    | \.env\..*(?<!\.example)(?<!\.sample)(?<!\.template)(?<!\.dist)
    # Histories of shells and clients can hold passwords: `.bash_history`, `.psql_history` ...
    | (?=\.).*(_history|_hist|\.history|\.histfile) | \.lesshst
    """,
    re.VERBOSE | re.DOTALL,
)
"""Names of files, in lower case, that look like credentials."""


def literal(path: str) -> str:
    r"""The pattern that matches exactly one path.

    Args:
        path: Relative to the root.

    Example:
        >>> print(literal("data/a[1].csv"))
        /data/a\[1\].csv
    """
    return "/" + re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)


@dataclasses.dataclass(frozen=True)
class Ignore:
    """What `take` leaves out. Create one with `Ignore.read`, or `Ignore()` for the defaults only.

    Attributes:
        user: The patterns of `.ithacaignore`.
        extra: Patterns that cannot be overridden, such as the runner's own files.
        source: For the snapshot of a source, which holds neither notebooks nor `.ithaca-volume`.
        whole: Leave out `extra` only: the folder is not a project, but the output of a tool.
    """

    user: GitIgnoreSpec | None = None
    extra: GitIgnoreSpec | None = None
    source: bool = False
    whole: bool = False

    @classmethod
    def read(cls, root: Path, *, source: bool = False, extra: Sequence[str] = ()) -> Self:
        r"""The rules of a folder: its `.ithacaignore` and the defaults.

        Args:
            root: The folder.
            source: Whether the folder is a source (see the class).
            extra: Further patterns in gitignore syntax, which cannot be overridden.

        Raises:
            UsageError: A pattern is invalid, or the file cannot be read.

        Example:
            >>> from tempfile import mkdtemp
            >>> root = Path(mkdtemp())
            >>> _ = (root / ".ithacaignore").write_text("data/\n!.env\n")
            >>> ignore = Ignore.read(root)
            >>> ignore.reason("data", folder=True), ignore.reason(".env", folder=False)
            ('user', None)
        """
        file = Path(root) / FILE_NAME
        try:
            lines = file.read_text("utf-8", "surrogateescape").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            lines = []
        except OSError as error:
            raise UsageError(
                "ITH413", f"cannot read the file: {error.strerror}", where=os.fspath(file)
            ) from None
        return cls(patterns(lines, str(file)), patterns(extra, "reserved patterns"), source)

    @classmethod
    def only(cls, extra: Sequence[str]) -> Self:
        """Rules that leave out only what matches some patterns.

        Args:
            extra: Patterns in gitignore syntax.

        Example:
            >>> Ignore.only(["/a.pem"]).reason("b.pem", folder=False)
        """
        return cls(extra=patterns(extra, "reserved patterns"), whole=True)

    def reason(self, path: str, *, folder: bool) -> Reason | None:
        """Why a path is left out; None if it is not.

        Args:
            path: Relative, with `/`.
            folder: Whether it is a folder.
        """
        top, _, rest = path.partition("/")
        name = path.rpartition("/")[2]
        if name == ".ithaca" or matches(self.extra, path, folder=folder):
            return "internal"
        if self.whole:
            return None
        if top == RESERVED:
            return self._reserved_reason(rest, name, folder=folder)
        decision = matches(self.user, path, folder=folder)
        if decision is not None:
            return "user" if decision else None
        return self._default_reason(path, name, folder=folder)

    def folder_reason(self, path: str, names: Collection[str]) -> Reason | None:
        """Why a folder is left out because of its content: virtual and conda environments."""
        if self.whole or ("pyvenv.cfg" not in names and "conda-meta" not in names):
            return None
        if path.partition("/")[0] == RESERVED:
            return None
        return None if matches(self.user, path, folder=True) is False else "default"

    def credential_folder(self, path: str) -> bool:
        """Whether everything in a folder looks like credentials."""
        return not self.whole and not _CREDENTIAL_FOLDERS.isdisjoint(path.split("/"))

    def _reserved_reason(self, rest: str, name: str, *, folder: bool) -> Reason | None:
        if self.source and not rest:
            return "internal"
        bytecode = name == "__pycache__" if folder else name.endswith(_BYTECODE)
        return "cache" if bytecode else None

    def _default_reason(self, path: str, name: str, *, folder: bool) -> Reason | None:
        if folder:
            if _CACHE_FOLDER.fullmatch(name):
                return "cache"
            return "default" if _DEFAULT_FOLDER.fullmatch(name) else None
        if name.endswith(_BYTECODE) or name in _CACHE_FILES:
            return "cache"
        if self.source and name.endswith(".ipynb"):
            return "notebook"
        if _CREDENTIAL.fullmatch(name.lower()) or ("/" in path and self.credential_folder(path)):
            return "credential"
        return None


def patterns(lines: Sequence[str], where: str) -> GitIgnoreSpec | None:
    """Patterns in gitignore syntax; None if there are none.

    Args:
        lines: One pattern a line; empty lines and comments are skipped.
        where: Their place, for messages.

    Raises:
        UsageError: One is invalid.
    """
    wanted = [line for line in lines if line.strip() and not line.startswith("#")]
    if not wanted:
        return None
    try:
        return GitIgnoreSpec.from_lines(wanted)
    except ValueError as error:
        raise UsageError("ITH413", f"invalid pattern: {error}", where=where) from None


def matches(spec: GitIgnoreSpec | None, path: str, *, folder: bool) -> bool | None:
    """Whether patterns leave a path out (True), include it (False), or do not match (None)."""
    if spec is None:
        return None
    return spec.check_file(f"{path}/" if folder else path).include
