"""How a run of an engine ended: what its pods could not say themselves, then the run's own end."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.notebook.names import dns_label
from ithaca.records.fold import GOOD
from ithaca.records.model import StepError
from ithaca.runner.pod import document
from ithaca.runner.pod.attempt import end_attempt, vanished

if TYPE_CHECKING:
    from ithaca.records.fold import RunState, StepState
    from ithaca.records.journal import Journal
    from ithaca.runner.pod.options import Options
    from ithaca.workflow.model import Step

_HOST = 63
"""Letters of a pod's name that are its host's."""
_STOPPED = re.compile(
    r"shutdown with strategy|stopped with strategy|terminated by|TaskRunCancelled", re.IGNORECASE
)
_FINE = ("", "None", "Succeeded", "Completed")
"""What engines say of nodes that did not fail, where they say something of all."""
_BAD = ("failed", "timed_out", "cancelled")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine knows of a node that failed."""

    name: str
    message: str
    pod: str


def end(options: Options) -> int:
    """Record how a run ended.

    Args:
        options: The command line.

    Returns:
        The exit code.
    """
    store = document.attach(options)
    journal = document.journal(options, store)
    known = [each for each in failures(options.failures) if each.message not in _FINE]
    asked = [each for each in journal.events() if each.kind == "cancel"]
    stopped = any(_STOPPED.search(each.message) for each in known)
    for step in journal.workflow().steps:
        for number in journal.attempts(step.name):
            if journal.attempt_end(step.name, number) is None:
                _end(journal, step, number, known)
    state = journal.state()
    if _is_good(state, options.end or ""):
        journal.end("succeeded")
    elif asked or stopped:
        journal.end(
            "cancelled", f"cancelled by {asked[0].by}" if asked else "the engine stopped it"
        )
    else:
        journal.end("failed", _why(state, known))
    ended = journal.ended()
    if ended is None or ended.status == "succeeded":
        return 0
    print(ended.message, file=sys.stderr)  # noqa: T201
    options.say(ended.message)
    return options.exit_failed


def failures(text: str) -> list[Failure]:
    """What an engine says of the nodes that failed; empty when it says nothing that can be read.

    Args:
        text: A JSON list; Argo quotes it once more.

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


def _end(journal: Journal, step: Step, number: int, known: list[Failure]) -> None:
    """Write the end of an attempt whose pod could not."""
    said = _said(journal, step, number, known)
    if "OOMKilled" in said:
        end_attempt(journal, step.name, number, _out_of_memory(journal, step, number))
        return
    error = vanished()
    if "evicted" in said.lower() or "low on resource" in said:
        error = msgspec.structs.replace(error, message=f"its pod was evicted: {said}")
    elif said:
        error = msgspec.structs.replace(error, message=f"its pod vanished: {said}")
    end_attempt(journal, step.name, number, error, infrastructure=True)


def _said(journal: Journal, step: Step, number: int, known: list[Failure]) -> str:
    """What the engine said of the pod of an attempt."""
    start = journal.attempt_start(step.name, number)
    host = start.writer[:_HOST] if start else ""
    label = dns_label(step.name)
    names = {f"{label}({number - 1})", *([label] if number == 1 else [])}
    for each in known:
        if (host and each.pod[:_HOST] == host) or each.name in names:
            return each.message
    return ""


def _out_of_memory(journal: Journal, step: Step, number: int) -> StepError:
    """The error of an attempt that the kernel of its node ended for want of memory."""
    limit = step.resources.limits.get("memory")
    progress = journal.progress(step.name, number)
    return StepError(
        code="ITH524",
        message="out of memory" + (f": limit {limit}" if limit else ""),
        cure="ask for more (`limit:memory:…` tag), or use less of it",
        cell=progress.number if progress else None,
    )


def _is_good(state: RunState, phase: str) -> bool:
    """Whether a run went well: its records say more than the phase of an engine that goes on."""
    if all(step.status in GOOD for step in state.steps):
        return True
    return phase == "Succeeded" and not any(step.status in _BAD for step in state.steps)


def _why(state: RunState, known: list[Failure]) -> str:
    """What to say of a run that failed."""
    failed: list[StepState] = [
        each for each in state.steps if each.status in ("failed", "timed_out")
    ]
    if failed:
        return f"failed: {', '.join(each.name for each in failed)}"
    return next((each.message for each in known if each.message), "")
