"""Locks: the file that says what to install, and the digest of what counts of it.

The digest decides whether an environment is built again. Comments and order of lines in a
requirements file do not count, nor does anything of a `pyproject.toml` but its dependencies,
`requires-python` and uv's own table. Files that a lock names count with their bytes: other
requirements, wheels, a folder of `--find-links`, a package's folder in the project.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import blake3
import msgspec

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
"""Raised when the same lock would be installed otherwise than before."""

_LOOKED_FOR = ("uv.lock", "pyproject.toml", "requirements.txt")
_FILES = ("-r", "--requirement", "-c", "--constraint")
_FOLDERS = ("-f", "--find-links")
_EDITABLE = ("-e", "--editable")
_OPTION = re.compile(r"(-{1,2}[A-Za-z][\w-]*)(?:\s*=\s*|\s+|(?<=^-[a-z]))(.+)")
_LOCAL = re.compile(r"\.{0,2}/|\.{1,2}$|file:")
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
        path: Which file; empty to look for `uv.lock`, `pyproject.toml` (with dependencies) and
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
        f"the environment is to come from a lock, and there is none of {', '.join(_LOOKED_FOR)}",
        where=str(root),
        cure="write what the notebook imports into requirements.txt, or name the file: "
        '`environment = "lock:FILE"`',
    )


def digest(root: Path, lock: Lock) -> str:
    """Digest of what counts of a lock: 64 hexadecimal digits.

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
    """Whether the project is a package itself, whose own modules notebooks may import."""
    file = (root / lock.path).parent / "pyproject.toml"
    if lock.kind == "requirements" or not file.is_file():
        return False
    content = _toml(file)
    told = _table(content, "tool", "uv").get("package")
    return "build-system" in content if told is None else bool(told)


def _kind(path: str) -> Literal["requirements", "pyproject", "uv"]:
    name = Path(path).name
    if name == "uv.lock":
        return "uv"
    return "pyproject" if name == "pyproject.toml" else "requirements"


def _within(root: Path, path: str) -> None:
    file = root / path
    if not file.resolve().is_relative_to(root.resolve()):
        raise _cannot_read(file, "it lies outside of the project", "put it into the project")
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
        return [_text(file)]  # whatever computes them may read anything in it
    counts = {key: project[key] for key in _PROJECT_KEYS if key in project}
    local = [
        _local(file.parent / each["path"], editable=bool(each.get("editable")))
        for each in _table(uv, "sources").values()
        if isinstance(each, dict) and isinstance(each.get("path"), str)
    ]
    return [counts, uv, local]


def _uv(file: Path) -> list[Any]:
    """A `uv.lock` is exact but for packages that are folders of the project."""
    project = file.with_name("pyproject.toml")
    if not project.is_file():
        raise _cannot_read(file, "the pyproject.toml that belongs to it is missing")
    sources = [_table(each, "source") for each in _toml(file).get("package", ())]
    local = [
        _local(file.parent / source[key], editable=key == "editable")
        for source in sources
        for key in ("directory", "path", "editable")
        if isinstance(source.get(key), str) and source[key] != "."
    ]
    return [_text(file), _table(_toml(project), "tool", "uv"), local]


def _requirements(file: Path, seen: frozenset[Path] = frozenset()) -> list[Any]:
    """The lines that count, sorted, with what they name in their place."""
    if file.resolve() in seen:
        return []
    seen |= {file.resolve()}
    counts: list[Any] = []
    for line in _lines(_text(file)):
        option = _OPTION.fullmatch(line)
        name, value = (option[1], option[2].strip("\"'")) if option else ("", line)
        place = file.parent / value
        if name in _FILES and "://" not in value:
            counts.append([name[:3], _requirements(place, seen)])
        elif name in _FOLDERS and "://" not in value:
            counts.append([name, value, _local(place)])
        elif _LOCAL.match(value) and (not name or name in _EDITABLE):
            path = value.removeprefix("file://").removeprefix("file:").partition("[")[0].strip()
            counts.append([line, _local(file.parent / path, editable=name in _EDITABLE)])
        else:
            counts.append([line])
    return sorted(counts, key=lambda each: msgspec.json.encode(each))


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\n", " ", text).splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if plain:
            yield re.sub(r"\s+", " ", plain)


def _local(path: Path, *, editable: bool = False) -> list[list[str]]:
    """What counts of a file or folder that a lock names: names and digests.

    The code of an editable package is read from the step's own files; only what it needs counts.
    """
    if path.is_file():
        return [[path.name, _bytes(path)]]
    if not path.is_dir():
        raise _cannot_read(path, "it names something that is not there")
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
