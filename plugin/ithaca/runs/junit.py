"""A run as a JUnit XML report for CI systems, with one test case per step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ithaca.records.fold import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.records.fold import RunState, StepState

TAIL = 20_000
"""Characters of a failed step's log that are reported, from its end."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, even escaped."""

_VERDICTS = {"failed": "failure", "timed_out": "failure", "lost": "error"}
"""XML element for statuses other than success; `skipped` for those that are not here."""


def junit(state: RunState, log: Callable[[str], str]) -> str:
    """The JUnit XML report of a run.

    Args:
        state: The state of a run that has ended.
        log: Reads the log of a step.

    Returns:
        One `testsuite` element as text.
    """
    suite = ET.Element("testsuite", _counts(state))
    properties = ET.SubElement(suite, "properties")
    facts = {"run": state.id, "status": state.status, "backend": state.backend}
    facts.update({f"metric.{name}": repr(number) for name, number in state.metrics.items()})
    for name, text in facts.items():
        ET.SubElement(properties, "property", name=_plain(name), value=_plain(text))
    for step in state.steps:
        _case(suite, log, state, step)
    ET.indent(suite)
    return f"{ET.tostring(suite, encoding='unicode')}\n"


def _counts(state: RunState) -> dict[str, str]:
    verdicts = [_verdict(step) for step in state.steps]
    return {
        "name": _plain(state.name),
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
        "time": f"{(state.ended or state.created) - state.created:.3f}",
    }


def _case(suite: ET.Element, log: Callable[[str], str], state: RunState, step: StepState) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_plain(state.name),
        name=step.name,
        time=f"{step.seconds or 0:.3f}",
    )
    verdict = _verdict(step)
    if verdict is None:
        return
    found = ET.SubElement(case, verdict, message=_plain(step.status.replace("_", " ")))
    if step.error is not None:
        place = f"{step.error.place}: " if step.error.place else ""
        found.set("type", step.error.code)
        found.set("message", _plain(place + step.error.message))
        found.text = _plain(step.error.cure)
    if verdict != "skipped" and step.attempt:
        ET.SubElement(case, "system-out").text = _plain(log(step.name)[-TAIL:])


def _verdict(step: StepState) -> str | None:
    return None if step.status in GOOD else _VERDICTS.get(step.status, "skipped")


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
