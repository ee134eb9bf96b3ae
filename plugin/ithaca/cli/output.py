"""How the command line writes: JSON, times, tables, and the options that many commands share."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from click.shell_completion import CompletionItem

    from ithaca.values import NamedValue

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

COLOURS = {
    "succeeded": "green",
    "reused": "cyan",
    "running": "blue",
    "waiting": "yellow",
    "failed": "red",
    "timed_out": "red",
    "lost": "red",
    "cancelled": "magenta",
}


class RunName(click.ParamType):  # type: ignore[type-arg] # generic in new versions of click only
    """`RUN`, `RUN/STEP` or a URI, completed from the store."""

    name = "run"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Ids of the project's runs, or the steps of the one that was written."""
        from click.shell_completion import CompletionItem

        from ithaca.cli import remotes
        from ithaca.errors import IthacaError

        try:
            project = remotes.project(ctx)
            run, slash, _ = incomplete.partition("/")
            if slash:
                steps = project.run(run).journal.workflow().steps
                found = [f"{run}/{step.name}" for step in steps]
            else:
                found = ["latest", *(each.id for each in reversed(project.runs()))]
        except IthacaError:
            return []
        return [CompletionItem(each) for each in found if each.startswith(incomplete)]


def print_json(content: Any) -> None:
    """Print one JSON value, indented."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def write_output(place: str, content: bytes) -> None:
    """Write a command's whole output to a file, or to stdout for `-`.

    A file is there whole or not at all: what stood there before stays until then.
    """
    if place == "-":
        click.echo(content, nl=False)
        return
    path = Path(place)
    if path.exists() and not path.is_file():  # a pipe, /dev/null
        path.write_bytes(content)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        if path.exists():
            shutil.copymode(path, draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def status_text(status: str) -> str:
    """A status in its colour."""
    return click.style(status.replace("_", " "), fg=COLOURS.get(status))


def in_step(name: str, text: str) -> str:
    """What Ithaca's side of the kernel says of a step, where the step was named before.

    Example:
        >>> in_step("train", "step train cannot save x")
        'cannot save x'
    """
    return text.removeprefix(f"step {name} ")


def duration(seconds: float | None) -> str:
    """Seconds for people: `0.8 s`, `2 min 05 s`, `3 h 10 min`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(seconds: float) -> str:
    """A time for people, in their zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def size(amount: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError


def describe_value(value: NamedValue) -> str:
    """What a name is bound to, for people: `pandas.DataFrame 1797 x 64, 898.6 KiB`."""
    if value.state == "conflict":
        return f"a conflict of {', '.join(value.conflict)}"
    if value.state == "deleted":
        return "deleted"
    shape = f" {' x '.join(map(str, value.shape))}" if value.shape else ""
    return f"{value.type}{shape}, {size(value.size)}"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as they need to be; styled cells keep their colour."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(click.unstyle(line[i])) for line in lines) for i in range(len(head))]
    for number, line in enumerate(lines):
        cells = [
            cell + " " * (width - len(click.unstyle(cell)))
            for cell, width in zip(line, widths, strict=True)
        ]
        text = "  ".join(cells).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)
