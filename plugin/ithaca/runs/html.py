"""Runs and workflows as HTML for notebooks: a graph as SVG and a small table.

Everything that comes from the user is escaped; there is no script, and nothing is loaded.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ithaca.model.workflow import Step, Workflow
    from ithaca.records.fold import RunState, StepState

COLOURS = {
    "succeeded": "#2e7d32",
    "complete": "#2e7d32",
    "finished": "#2e7d32",
    "pruned": "#ef6c00",
    "reused": "#00796b",
    "running": "#1565c0",
    "waiting": "#ef6c00",
    "failed": "#c62828",
    "timed_out": "#c62828",
    "lost": "#c62828",
    "cancelled": "#6d4c41",
    "skipped": "#757575",
    "pending": "#9e9e9e",
}
"""Colour of a step or a run by its status."""

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _LETTERS = 120, 28, 36, 12, 15


def workflow_html(workflow: Workflow) -> str:
    """A workflow: its graph, and a table of what its steps need, consume and publish.

    Args:
        workflow: The workflow.
    """
    metrics: dict[str, list[str]] = {}
    for metric in workflow.metrics:
        metrics.setdefault(metric.step, []).append(metric.name)
    rows = [
        (step.name, ", ".join(step.needs), ", ".join(step.parameters),
         ", ".join(metrics.get(step.name, ())))
        for step in workflow.steps
    ]  # fmt: skip
    return (
        f"<div><b>{escape(workflow.name)}</b>{graph_svg(workflow.steps)}"
        f"{table(('step', 'needs', 'parameters', 'metrics'), rows)}</div>"
    )


def run_html(state: RunState, workflow: Workflow) -> str:
    """A run: its status and metrics, its graph, and a table of its steps.

    Args:
        state: How the run stands.
        workflow: What runs.
    """
    statuses = {step.name: step.status for step in state.steps}
    metrics = ", ".join(f"{name} = {value:.6g}" for name, value in state.metrics.items())
    rows = [(step.name, coloured(step.status), _seconds(step), _note(step)) for step in state.steps]
    return (
        f"<div><b>{escape(state.name)}</b> <code>{escape(state.id)}</code> "
        f"{coloured(state.status)}"
        f"{f'<div>{escape(metrics)}</div>' if metrics else ''}"
        f"{graph_svg(workflow.steps, statuses)}"
        f"{table(('step', 'state', 'seconds', ''), rows)}</div>"
    )


def graph_svg(steps: Iterable[Step], statuses: Mapping[str, str] | None = None) -> str:
    """The graph of some steps, from left to right, as SVG.

    Each step stands in the column after that of the last step that it needs.

    Args:
        steps: The steps, in workflow order.
        statuses: Status by step, for colours.
    """
    steps, statuses = tuple(steps), statuses or {}
    column: dict[str, int] = {}
    filled: dict[int, int] = {}
    place: dict[str, tuple[int, int]] = {}
    for step in steps:
        at = column[step.name] = max((column[need] + 1 for need in step.needs), default=0)
        row = filled.get(at, 0)
        filled[at] = row + 1
        place[step.name] = (at * (_WIDTH + _GAP_X) + 1, row * (_HEIGHT + _GAP_Y) + 1)
    width = (max(filled, default=0) + 1) * (_WIDTH + _GAP_X) - _GAP_X + 2
    height = max(filled.values(), default=1) * (_HEIGHT + _GAP_Y) - _GAP_Y + 2
    lines = [_edge(place[need], place[step.name]) for step in steps for need in step.needs]
    boxes = [_box(step.name, statuses.get(step.name, ""), *place[step.name]) for step in steps]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" style="display:block;margin:6px 0">'
        f"{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    left, right = (start[0] + _WIDTH, start[1] + _HEIGHT // 2), (end[0], end[1] + _HEIGHT // 2)
    middle = (left[0] + right[0]) // 2
    return (
        f'<path d="M{left[0]} {left[1]} C{middle} {left[1]} {middle} {right[1]} '
        f'{right[0]} {right[1]}" fill="none" stroke="#9e9e9e"/>'
    )


def _box(name: str, status: str, left: int, top: int) -> str:
    colour = COLOURS.get(status, "#546e7a")
    shown = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
    title = f"{name}: {status.replace('_', ' ')}" if status else name
    return (
        f"<g><title>{escape(title)}</title>"
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="5" fill="none" '
        f'stroke="{colour}" stroke-width="2"/>'
        f'<text x="{left + _WIDTH // 2}" y="{top + _HEIGHT // 2 + 4}" text-anchor="middle" '
        f'font-family="sans-serif" font-size="12" fill="currentColor">{escape(shown)}</text></g>'
    )


class _Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; its texts are escaped unless `coloured` made them.

    Args:
        heads: The heads of the columns.
        rows: The rows.
    """
    head = "".join(f"<th style='text-align:left'>{each}</th>" for each in heads)
    body = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left'>{_cell(each)}</td>" for each in row)
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return text if isinstance(text, _Markup) else escape(text)


def coloured(status: str) -> _Markup:
    """A status in its colour."""
    colour, text = COLOURS.get(status, "inherit"), escape(status.replace("_", " "))
    return _Markup(f'<span style="color:{colour}">{text}</span>')


def _seconds(step: StepState) -> str:
    return "" if step.seconds is None else f"{step.seconds:.1f}"


def _note(step: StepState) -> str:
    """What a reader wants to know of a step besides its state."""
    if step.error is not None:
        place = f"{step.error.place}: " if step.error.place else ""
        return f"{place}{step.error.message}"
    if step.obstacle is not None:
        return f"does not start: {step.obstacle}"
    if step.status == "waiting":
        return step.question or "waits for an answer"
    return f"from run {step.reused_from}" if step.reused_from else ""
