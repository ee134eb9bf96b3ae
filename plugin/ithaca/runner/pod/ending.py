"""How a run of an engine ended: the missing ends of its attempts, then the end of the run."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.notebook.model import dns_label
from ithaca.records.ends import Loss, end_run, is_stop, lost, settle
from ithaca.records.fold import GOOD
from ithaca.runner.pod import document
from ithaca.runner.pod.output import report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ithaca.model.workflow import Step
    from ithaca.records.fold import RunState
    from ithaca.records.journal import Journal
    from ithaca.runner.pod.options import Options

_NUMBER = re.compile(r"\((\d+)\)$")
"""The number of a repeated node's attempt: `train(0)` is the first."""
_GOOD_NODE = ("", "None", "Succeeded", "Completed")
"""Messages of nodes that did not fail, from engines that report every node."""
_BAD = ("failed", "timed_out", "cancelled")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A node that failed, as the engine reports it."""

    name: str
    message: str
    pod: str


def end(options: Options) -> int:
    """Write how a run ended.

    Args:
        options: The command line.

    Returns:
        The exit code.
    """
    store = document.attach(options)
    journal = document.journal(options, store)
    known = [each for each in failures(options.failures) if each.message not in _GOOD_NODE]
    _settle(journal, known)
    if _is_good(journal.state(), options.end or ""):
        journal.end("succeeded")
    else:
        ends = options.ends(journal.run().created)
        over = ends is not None and time.time() > ends
        stopped = not over and any(is_stop(each.message) for each in known)
        end_run(
            journal,
            stopped=stopped,
            deadline=options.deadline if over else None,
            message="" if stopped else next((each.message for each in known if each.message), ""),
        )
    ended = journal.ended()
    if ended is None or ended.status == "succeeded":
        return 0
    report(options, ended.message)
    return options.exit_failed if ended.status == "failed" else 0


def failures(text: str) -> list[Failure]:
    """Read what an engine reports of its nodes; empty when that cannot be read.

    Args:
        text: A JSON list, or a JSON string that holds one.

    Example:
        >>> failures('[{"displayName": "fit", "message": "OOMKilled", "podName": "w-1"}]')
        [Failure(name='fit', message='OOMKilled', pod='w-1')]
    """
    try:
        found: Any = json.loads(text)
        if isinstance(found, str):
            found = json.loads(found)
        return [
            Failure(
                name=str(each.get("displayName", "")),
                message=str(each.get("message", "")),
                pod=str(each.get("podName", "")),
            )
            for each in found or ()
        ]
    except (ValueError, AttributeError, TypeError):
        return []


def _settle(journal: Journal, known: list[Failure]) -> None:
    """Write the ends of the attempts whose pods left none."""
    steps = journal.workflow().steps
    losses = list(_losses(known, steps))
    settle(journal, losses)
    messages = {each.step: each.message for each in losses}
    for step in steps:
        for number in journal.attempts(step.name):
            if journal.attempt_end(step.name, number) is None:
                lost(journal, step.name, number, messages.get(step.name, ""))


def _losses(known: Iterable[Failure], steps: Iterable[Step]) -> Iterator[Loss]:
    """The nodes that failed and are pods of steps."""
    named = {dns_label(step.name): step.name for step in steps}
    places = [(each, _NUMBER.sub("", each.name), _NUMBER.search(each.name)) for each in known]
    counted = {name for _, name, number in places if number}
    for each, name, number in places:
        step = named.get(name.removeprefix("s--"))
        if step is None or (number is None and name in counted):
            continue  # not of a step, or the node above all attempts of one
        yield Loss(step, int(number[1]) + 1 if number else 1, each.message, pod=each.pod)


def _is_good(state: RunState, phase: str) -> bool:
    """Whether a run succeeded: an engine that continues after failures may report success."""
    if all(step.status in GOOD for step in state.steps):
        return True
    return phase == "Succeeded" and not any(step.status in _BAD for step in state.steps)
