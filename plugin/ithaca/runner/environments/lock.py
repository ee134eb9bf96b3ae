"""Locks: the file that lists what to install, and its digest.

An environment is built again when the digest changes. It covers the requirements and options of a
requirements file, but not its comments or the order of its lines; of a `pyproject.toml` the
dependencies, `requires-python` and uv's own table; and the content of every file that a lock
names: other requirements, wheels, a folder of `--find-links`, a package's folder in the project.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

import blake3
import msgspec

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 2
"""Raised when the same lock would be installed differently than before."""

_LOOKED_FOR = ("uv.lock", "pyproject.toml", "requirements.txt")
_METADATA = ("pyproject.toml", "setup.py", "setup.cfg")
_PROJECT_KEYS = ("dependencies", "requires-python", "dynamic")


class Lock(msgspec.Struct, frozen=True):
    """A lock in a project.

    Attributes:
        path: Relative to the project's root.
        kind: How it is installed.
    """

    path: str
    kind: Literal["requirements", "pyproject", "uv"]


def find(root: Path, path: str = "") -> Lock:
    """The lock of a project.

    Args:
        root: The project's root.
        path: The file; empty to look for `uv.lock`, `pyproject.toml` (with dependencies) and
            `requirements.txt` in this order.

    Raises:
        UsageError: There is none.
    """
    if path:
        _within(root, path)
        return Lock(path, _kind(path))
    for name in _LOOKED_FOR:
        if (root / name).is_file() and (name != "pyproject.toml" or _has_dependencies(root / name)):
            return Lock(name, _kind(name))
    raise UsageError(
        "ITH670",
        f"no lock found for the environment: the project has no {', '.join(_LOOKED_FOR)}",
        where=str(root),
        cure="list what the notebook imports in requirements.txt, or name the file: "
        '`environment = "lock:FILE"`',
    )


def digest(root: Path, lock: Lock) -> str:
    """The digest of a lock: 64 hexadecimal digits.

    Args:
        root: The project's root.
        lock: The lock.

    Raises:
        UsageError: It cannot be read.
    """
    read = {"requirements": _requirements, "pyproject": _pyproject, "uv": _uv}[lock.kind]
    counts = [FORMAT, lock.kind, *read(root / lock.path)]
    return blake3.blake3(msgspec.json.encode(counts, order="deterministic")).hexdigest()


def is_package(root: Path, lock: Lock) -> bool:
    """Whether the project is itself a package that its notebooks may import."""
    file = (root / lock.path).parent / "pyproject.toml"
    if lock.kind == "requirements" or not file.is_file():
        return False
    content = _toml(file)
    package = _table(content, "tool", "uv").get("package")
    return "build-system" in content if package is None else bool(package)


def _kind(path: str) -> Literal["requirements", "pyproject", "uv"]:
    name = Path(path).name
    if name == "uv.lock":
        return "uv"
    return "pyproject" if name == "pyproject.toml" else "requirements"


def _within(root: Path, path: str) -> None:
    file = root / path
    if not file.resolve().is_relative_to(root.resolve()):
        raise _cannot_read(file, "it is outside of the project", "move it into the project")
    if not file.is_file():
        raise _cannot_read(file, "there is no such file", "name it relative to the project's root")


def _cannot_read(file: Path, why: str, cure: str = "correct the file") -> UsageError:
    return UsageError("ITH670", f"the lock cannot be read: {why}", where=str(file), cure=cure)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _cannot_read(file, getattr(error, "strerror", None) or str(error)) from None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise _cannot_read(file, str(error)) from None


def _table(content: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def _has_dependencies(file: Path) -> bool:
    project = _table(_toml(file), "project")
    return "dependencies" in project or "dependencies" in project.get("dynamic", [])


def _pyproject(file: Path) -> list[Any]:
    content = _toml(file)
    project, uv = _table(content, "project"), _table(content, "tool", "uv")
    if "dependencies" in (project.get("dynamic") or ()):
        return [_text(file)]  # they are computed from anything in it
    counts = {key: project[key] for key in _PROJECT_KEYS if key in project}
    local = [
        _local(file.parent / each["path"], editable=bool(each.get("editable")))
        for each in _table(uv, "sources").values()
        if isinstance(each, dict) and isinstance(each.get("path"), str)
    ]
    return [counts, uv, local]


def _uv(file: Path) -> list[Any]:
    """A `uv.lock` is exact, except for packages that are folders of the project."""
    project = file.with_name("pyproject.toml")
    if not project.is_file():
        raise _cannot_read(file, "its pyproject.toml is missing")
    sources = [_table(each, "source") for each in _toml(file).get("package", ())]
    local = [
        _local(file.parent / source[key], editable=key == "editable")
        for source in sources
        for key in ("directory", "path", "editable")
        if isinstance(source.get(key), str) and source[key] != "."
    ]
    return [_text(file), _table(_toml(project), "tool", "uv"), local]


def _requirements(file: Path, seen: frozenset[Path] = frozenset()) -> list[Any]:
    """The requirements and options of a file, sorted, with the content of what they name."""
    from pip_requirements_parser import RequirementsFile  # it takes long to import

    if file.resolve() in seen:
        return []
    seen |= {file.resolve()}
    _text(file)  # it can be read
    found = RequirementsFile.from_file(str(file))
    # Lines that only pip's newer versions and uv know are compared as text.
    counts: list[Any] = [[_one_line(each.line)] for each in found.invalid_lines]
    for option in found.options:
        counts += _option(file.parent, option.options, seen)
    for each in found.requirements:
        path = _path(each.link.url) if each.link else None
        local = [] if path is None else [_local(file.parent / path, editable=each.is_editable)]
        counts.append([_one_line(each.line), *local])
    return sorted(counts, key=lambda each: msgspec.json.encode(each))


def _option(folder: Path, options: dict[str, Any], seen: frozenset[Path]) -> Iterator[list[Any]]:
    """The options of one line, with the files that they name."""
    for name, values in options.items():
        for value in values if isinstance(values, list) else [values]:
            remote = "://" in str(value)
            if name in ("requirements", "constraints") and not remote:
                yield [name, _requirements(folder / value, seen)]
            elif name == "find_links" and not remote:
                yield [name, value, _local(folder / value)]
            else:
                yield [name, value]


def _path(link: str) -> str | None:
    """The path that a requirement's link names; None for one elsewhere."""
    if link.startswith("file:"):
        link = unquote(link.removeprefix("file://").removeprefix("file:"))
    return None if "://" in link else link.partition("#")[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _local(path: Path, *, editable: bool = False) -> list[list[str]]:
    """Names and digests of a file, or of the files in a folder, that a lock names.

    Of an editable package only the metadata counts: its code is among the step's own files.
    """
    if path.is_file():
        return [[path.name, _bytes(path)]]
    if not path.is_dir():
        raise _cannot_read(path, "it names a file that does not exist")
    if editable:
        found = [path / name for name in _METADATA if (path / name).is_file()]
    else:
        found = sorted(each for each in path.rglob("*") if each.is_file() and _counts(each, path))
    return [[each.relative_to(path).as_posix(), _bytes(each)] for each in found]


def _counts(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return not any(each.startswith(".") or each == "__pycache__" for each in parts)


def _bytes(path: Path) -> str:
    try:
        return blake3.blake3(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _cannot_read(path, error.strerror or str(error)) from None
