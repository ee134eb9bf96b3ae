"""A run as JUnit XML, which CI systems show: one test case a step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs.handle import Run

TAIL = 20_000
"""How much of the log of a step that failed is told, in characters."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""

_VERDICTS = {
    "failed": "failure",
    "timed_out": "failure",
    "lost": "error",
    "skipped": "skipped",
    "cancelled": "skipped",
    "pending": "skipped",
    "waiting": "skipped",
    "running": "skipped",
}
"""Element for a step that did not go well; one that did has none."""


def junit(run: Run) -> str:
    """The report of a run.

    Args:
        run: A run that has ended.

    Returns:
        The text of one `testsuite`.
    """
    state = run.state()
    suite = ET.Element("testsuite", _counts(state))
    properties = ET.SubElement(suite, "properties")
    told = {"run": state.id, "status": state.status, "backend": state.backend}
    told.update({f"metric.{name}": repr(number) for name, number in state.metrics.items()})
    for name, text in told.items():
        ET.SubElement(properties, "property", name=_plain(name), value=_plain(text))
    for step in state.steps:
        _case(suite, run, state, step)
    ET.indent(suite)
    return f"{ET.tostring(suite, encoding='unicode')}\n"


def _counts(state: RunState) -> dict[str, str]:
    verdicts = [_VERDICTS.get(step.status) for step in state.steps]
    return {
        "name": _plain(state.name),
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
        "time": f"{(state.ended or state.created) - state.created:.3f}",
    }


def _case(suite: ET.Element, run: Run, state: RunState, step: StepState) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_plain(state.name),
        name=step.name,
        time=f"{step.seconds or 0:.3f}",
    )
    verdict = _VERDICTS.get(step.status)
    if verdict is None:
        return
    found = ET.SubElement(case, verdict, message=_plain(step.status.replace("_", " ")))
    if step.error is not None:
        place = f"{step.error.place}: " if step.error.place else ""
        found.set("type", step.error.code)
        found.set("message", _plain(place + step.error.message))
        found.text = _plain(step.error.cure)
    if verdict != "skipped" and step.attempt:
        log = run.logs(step.name)
        ET.SubElement(case, "system-out").text = _plain(log[-TAIL:])


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
