"""Reads a notebook file, and explains why a file cannot be read."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.errors import NotebookError, UsageError
from ithaca.notebook.model import Cell
from ithaca.notebook.root import project_root

FORMAT = 4
"""The notebook format that is read directly; nbformat upgrades older ones."""

LARGEST = 512 * 1024 * 1024
"""Largest file in bytes; larger ones hold outputs, which compile does not need."""

_PYTHON = ("python", "ipython")
_NOT_A_NOTEBOOK = "give the path of a Jupyter notebook"


class RawNotebook(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a notebook file, without outputs.

    Attributes:
        path: Where the file is, absolute.
        shown: The path as the user gave it, for messages.
        relative: The path relative to the root, `/` as separator.
        root: The project root.
        cells: All cells, in order.
        metadata: The notebook's own metadata.
        kernel: Name of the kernelspec, else `python3`.
        diagnostics: Notices of reading, e.g. that the format was upgraded.
    """

    path: Path
    shown: str
    relative: str
    root: Path
    cells: tuple[Cell, ...]
    metadata: dict[str, Any] = {}
    kernel: str = "python3"
    diagnostics: tuple[Diagnostic, ...] = ()


class _Cell(msgspec.Struct):
    """The parsed fields of a cell; all others, above all outputs, are skipped."""

    cell_type: str = "code"
    source: str | list[str] = ""
    metadata: dict[str, Any] = {}


class _File(msgspec.Struct):
    nbformat: int | None = None
    cells: list[_Cell] | None = None
    worksheets: msgspec.Raw | None = None
    metadata: dict[str, Any] = {}


def _refused(
    code: str, message: str, cure: str, cell: int | None = None, line: int | None = None
) -> NotebookError:
    """The file cannot be compiled; `read` adds its path."""
    problem = Diagnostic(
        code=code, severity="error", message=message, cure=cure, cell=cell, line=line
    )
    return NotebookError([problem])


def read(path: Path, *, root: Path | None = None, shown: str | None = None) -> RawNotebook:
    """Read a notebook.

    Args:
        path: The `.ipynb` file.
        root: The project root; by default what `project_root` finds.
        shown: The path as messages name it; by default `path` as it was given.

    Returns:
        Its cells and metadata.

    Raises:
        UsageError: The file does not exist or cannot be read.
        NotebookError: The file is not a notebook that Ithaca can compile.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    base = project_root(absolute) if root is None else Path(os.path.abspath(root))  # noqa: PTH100
    shown = str(path) if shown is None else shown
    if not absolute.is_relative_to(base):
        raise UsageError(
            "ITH195",
            f"the notebook is outside the project root {base}",
            where=shown,
            cure="choose a root that contains the notebook",
        )
    data = _bytes(absolute, shown)
    try:
        file, notices = _parse(data)
        _check_kernel(file.metadata)
    except NotebookError as refused:
        raise NotebookError(_placed(refused.diagnostics, shown)) from None
    relative = absolute.relative_to(base).as_posix()
    return RawNotebook(
        path=absolute,
        shown=shown,
        relative=relative,
        root=base,
        cells=tuple(
            _cell(number, cell, relative) for number, cell in enumerate(file.cells or [], 1)
        ),
        metadata=file.metadata,
        kernel=_kernel_name(file.metadata),
        diagnostics=tuple(_placed(notices, shown)),
    )


def _placed(problems: Sequence[Diagnostic], shown: str) -> list[Diagnostic]:
    return [msgspec.structs.replace(problem, notebook=shown) for problem in problems]


def _bytes(path: Path, shown: str) -> bytes:
    """The file's content."""
    try:
        status = path.stat()
        size = status.st_size
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(
                "ITH192",
                "this is a folder, not a notebook",
                where=shown,
                cure="give the path of an .ipynb file in it",
            )
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(
                "ITH192", "not a regular file", where=shown, cure="save the notebook to a file"
            )
        if size > LARGEST:
            raise UsageError(
                "ITH194",
                f"the notebook is too large to read ({size / 1e6:,.0f} MB)",
                where=shown,
                cure="clear its outputs, or move data to files",
            )
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("ITH191", "no such notebook", where=shown, cure="check the path") from None
    except OSError as error:
        raise UsageError(
            "ITH193",
            f"cannot read the notebook: {error.strerror or error}",
            where=shown,
            cure="check the file's permissions",
        ) from None


def _parse(data: bytes) -> tuple[_File, list[Diagnostic]]:
    """A file's bytes, as format 4."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise _refused("ITH100", "the file is empty", "save the notebook again")
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Slower, but accepts the NaN that Jupyter writes in outputs, and reports line and column.
        file = _parse_leniently(data)
    if file.nbformat is None:
        raise _refused("ITH101", "not a notebook: the JSON has no `nbformat`", _NOT_A_NOTEBOOK)
    if file.nbformat > FORMAT:
        raise _refused(
            "ITH104",
            f"the notebook has format {file.nbformat}; this version of Ithaca reads up to {FORMAT}",
            f"save it in format {FORMAT}, or upgrade Ithaca",
        )
    if file.nbformat < FORMAT:
        return _upgrade(data, file.nbformat)
    if file.cells is None:
        raise _refused("ITH101", "not a notebook: the JSON has no `cells`", _NOT_A_NOTEBOOK)
    return file, []


def _parse_leniently(data: bytes) -> _File:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(
            "ITH102",
            f"the file is not UTF-8 text (byte 0x{data[error.start]:02x} in line {line})",
            "save it as UTF-8, for example from Jupyter",
        ) from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        cure = "resolve merge conflicts if there are any, then open and save it in Jupyter"
        raise _refused(
            "ITH100",
            f"the file is not JSON: {error.msg} (line {error.lineno}, column {error.colno})",
            cure,
        ) from None
    except RecursionError:
        raise _refused(
            "ITH101", "not a notebook: the JSON is nested too deeply", _NOT_A_NOTEBOOK
        ) from None
    return _convert(content)


def _convert(content: object) -> _File:
    if not isinstance(content, dict):
        raise _refused("ITH101", "not a notebook: the JSON is not an object", _NOT_A_NOTEBOOK)
    content.pop("worksheets", None)
    try:
        file = msgspec.convert(content, _File)
    except msgspec.ValidationError as error:
        place = re.search(r"\$\.cells\[(\d+)\]", str(error))
        raise _refused(
            "ITH101",
            f"the notebook is damaged: {error}",
            "open and save it in Jupyter",
            int(place[1]) + 1 if place else None,
        ) from None
    for number, cell in enumerate(file.cells or [], 1):
        _check_text(number, _text(cell.source))
    return file


def _check_text(number: int, source: str) -> None:
    """Refuse half a surrogate pair, which cannot be encoded and stored."""
    try:
        source.encode()
    except UnicodeEncodeError as error:
        line = source.count("\n", 0, error.start) + 1
        raise _refused(
            "ITH102",
            f"the cell contains half a character ({source[error.start]!r})",
            "delete it, or type the character again",
            number,
            line,
        ) from None


def _upgrade(data: bytes, old: int) -> tuple[_File, list[Diagnostic]]:
    """Upgrade a notebook of format 1 to 3."""
    import nbformat  # heavy; needed for old files only

    try:
        content = nbformat.reads(data.decode(), as_version=FORMAT)  # type: ignore[no-untyped-call]
    except Exception as error:  # nbformat's converters raise anything on a damaged file
        raise _refused(
            "ITH104",
            f"the notebook has format {old} and cannot be upgraded: {error}",
            f"open it in Jupyter and save it in format {FORMAT}",
        ) from None
    notice = Diagnostic(
        code="ITH103",
        severity="notice",
        message=f"the notebook has format {old}; it was read as format {FORMAT}",
        cure=f"open it in Jupyter and save it in format {FORMAT}",
    )
    return _convert(json.loads(json.dumps(content))), [notice]


def _check_kernel(metadata: dict[str, Any]) -> None:
    """Refuse a notebook of another language."""
    for section, key in (("kernelspec", "language"), ("language_info", "name")):
        language = _mapping(metadata.get(section)).get(key)
        if not isinstance(language, str) or not language:
            continue
        if language.lower().rstrip("0123456789.") not in _PYTHON:
            raise _refused(
                "ITH105",
                f"the notebook's kernel is for {language}, not Python",
                "choose a Python kernel in Jupyter and save the notebook",
            )
        return


def _kernel_name(metadata: dict[str, Any]) -> str:
    name = _mapping(metadata.get("kernelspec")).get("name")
    return name if isinstance(name, str) and name else "python3"


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _cell(number: int, cell: _Cell, notebook: str) -> Cell:
    tags = cell.metadata.get("tags")
    listed = tags if isinstance(tags, list) else []
    return Cell(
        number=number,
        kind=cell.cell_type,
        source=_text(cell.source),
        tags=tuple(tag for tag in listed if isinstance(tag, str)),
        metadata=cell.metadata,
        notebook=notebook,
    )


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
