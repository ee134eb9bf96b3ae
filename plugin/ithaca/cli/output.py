"""Write the output of commands: JSON, tables, files, and numbers for people."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ithaca.runs.progress import COLOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ithaca.records.fold import StepState
    from ithaca.store import Entry
    from ithaca.values import NamedValue


def print_json(content: Any) -> None:
    """Print one JSON value, indented."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def print_notice(text: str) -> None:
    """Print a notice to stderr."""
    click.echo(f"{click.style('notice', fg='yellow')}: {text}", err=True)


def write_output(place: str, content: bytes) -> None:
    """Write a command's whole output to a file, or to stdout for `-`.

    The file is replaced in one step, so it is never there in part.
    """
    if place == "-":
        click.echo(content, nl=False)
        return
    path = Path(place)
    if path.exists() and not path.is_file():  # a pipe, /dev/null
        path.write_bytes(content)
        return
    path = Path(os.path.realpath(path))  # keep a link a link
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def print_error(code: str, text: str, cure: str, *, err: bool = False) -> None:
    """Print an error and what to do about it.

    Args:
        code: Its stable code.
        text: Its place and message.
        cure: What to do; may be empty.
        err: Print to stderr.
    """
    click.echo(f"{click.style(f'error[{code}]', fg='red', bold=True)}: {text}", err=err)
    if cure:
        click.echo(f"  → {cure}", err=err)


def status_text(status: str) -> str:
    """A status in its colour."""
    return click.style(status.replace("_", " "), fg=COLOURS.get(status))


def in_step(name: str, text: str) -> str:
    """A message from the kernel without the step's name, for places that name it already.

    Example:
        >>> in_step("train", "step train cannot save x")
        'cannot save x'
    """
    return text.removeprefix(f"step {name} ")


def failure(step: StepState) -> str:
    """The error of a step with its place: ``step `train`, cell 3: KeyError: 'x'``."""
    assert step.error is not None
    place = ", ".join(filter(None, (f"step `{step.name}`", step.error.place)))
    return f"{place}: {in_step(step.name, step.error.message)}"


def moment(seconds: float) -> str:
    """A time for people, in the local time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def size(amount: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError


def describe_value(value: NamedValue) -> str:
    """A value for people: `pandas.DataFrame 1797 x 64, 898.6 KiB`."""
    if value.state == "conflict":
        return f"conflict between {', '.join(value.conflict)}"
    if value.state == "deleted":
        return "deleted"
    shape = f" {' x '.join(map(str, value.shape))}" if value.shape else ""
    return f"{value.type}{shape}, {size(value.size)}"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns; styled cells keep their colour."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(click.unstyle(line[i])) for line in lines) for i in range(len(head))]
    for number, line in enumerate(lines):
        cells = [
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(line, widths, strict=True)
        ]
        text = "  ".join(cells).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)


def entry_facts(entry: Entry) -> dict[str, Any]:
    """A file of a snapshot as JSON data."""
    return {
        "kind": entry.kind,
        "size": entry.size,
        "digest": entry.digest or None,
        "executable": entry.executable,
        "target": _text(entry.target) or None,
        "mode": f"{entry.mode:o}",
    }


def entry_mode(entry: Entry) -> str:
    """The kind and mode of a file: `d0755`."""
    kind = {"dir": "d", "symlink": "l"}.get(entry.kind, "-")
    return f"{kind}{entry.mode & 0o7777:04o}"


def entry_target(entry: Entry) -> str:
    """` -> TARGET` of a symbolic link, else nothing."""
    return f" -> {printable(_text(entry.target))}" if entry.kind == "symlink" else ""


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def printable(path: str) -> str:
    """A file's name with control characters escaped, so that it cannot control the terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in path
    )
