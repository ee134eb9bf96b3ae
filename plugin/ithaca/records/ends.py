"""Ends of attempts and runs: every end is written here, and no reader writes one.

A pod that is killed, evicted or deleted cannot write its own end. Its engine still knows what
happened, and whatever sees that first writes the end: the pod of the next attempt, the last pod of
the run, or a session that watches. They all call the same functions, so they write the same.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ithaca.model.run import FINAL, AttemptEnd, StepError
from ithaca.records import names
from ithaca.records.fold import GOOD
from ithaca.records.journal import UNEXPLAINED, VANISHED, needs_reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.model.run import EndStatus
    from ithaca.records.journal import Journal

_HOST = 63
"""Letters of a pod's name that are its host's, by which a pod may call itself."""


class Loss(NamedTuple):
    """A pod that did not succeed, as its engine reports it.

    Attributes:
        step: The step.
        number: The attempt in the engine's count; the first is 1.
        message: The engine's message.
        exit_code: Exit code of the runner, when it is known.
        pod: The pod's name or the end of it; empty when the engine does not give it.
        cure: What to do about the message, for a pod whose step never started.
    """

    step: str
    number: int
    message: str = ""
    exit_code: int | None = None
    pod: str = ""
    cure: str = ""


class _Kind(NamedTuple):
    """A way in which pods end, and the messages of engines and nodes that show it."""

    pattern: str  # without regard to case
    message: str
    cure: str
    code: str = "ITH523"
    status: EndStatus = "failed"
    infrastructure: bool = True


_NO_MEMORY = _Kind(
    "OOMKilled",
    "out of memory",
    "raise the limit (`limit:memory:…` tag), or use less memory",
    code="ITH524",
    infrastructure=False,
)
_KINDS = (
    _NO_MEMORY,
    _Kind(
        "exceeded its deadline|longer than .*specified deadline|workflow deadline|DeadlineExceeded"
        "|failed to finish within|belongs to has timed out",
        "its pod ran past its time limit, or the run past its deadline",
        "raise the limit (`timeout:` tag, `timeout_grace` or `deadline` setting), or do less",
        code="ITH666",
        status="timed_out",
        infrastructure=False,
    ),
    _Kind(
        "shutdown with strategy|stopped with strategy|was cancelled",
        "the run was stopped in its engine",
        "`ithaca runs retry` continues it",
        code="ITH630",
        status="cancelled",
    ),
    _Kind(
        "preempt",
        "its pod was preempted",
        "a pod with a higher priority took its place; another attempt runs later or elsewhere",
    ),
    _Kind(
        "node shutdown|NodeLost|node was lost|NodeShutdown|node .*not ready",
        "its node was lost",
        "another attempt runs elsewhere",
    ),
    _Kind(
        "evicted|low on resource|ephemeral.storage|exceeds the (total )?limit",
        "its pod was evicted",
        "request as much memory and disk as it uses (`request:` tags, `work.size` setting)",
    ),
    _Kind(
        "exit code 137",
        "its pod was killed",
        "most likely its node ran out of memory: request what it uses (`request:memory:…` tag)",
    ),
    _Kind(
        "pod deleted|pod not found",
        "its pod was deleted",
        "it was deleted by hand, or its node was drained; another attempt runs elsewhere",
    ),
)
_STOPPED = "shutdown with strategy|stopped with strategy|terminated by|TaskRunCancelled"
_UNKNOWN = _Kind(
    "",
    "its pod vanished",
    "`kubectl get events` may show why; another attempt runs elsewhere",
    code=VANISHED,
)
_NOT_STARTED = _Kind(
    "",
    "its pod ended before the step started",
    "check the engine's message, and that the image has Ithaca and fits the machine",
    code="ITH667",
)


def lost(
    journal: Journal,
    step: str,
    number: int,
    message: str = "",
    exit_code: int | None = None,
    cure: str = "",
) -> AttemptEnd:
    """Write the end of an attempt whose pod is gone, with the reason as far as it is known.

    Args:
        journal: The run's journal.
        step: The step.
        number: The attempt.
        message: What its engine reports of the pod.
        exit_code: Exit code of the runner, when it is known.
        cure: What to do about the message, for a pod whose step never started.

    Returns:
        The end, or the one that was there before.
    """
    start = journal.attempt_start(step, number)
    kind = _kind(message)
    if kind is _UNKNOWN and start is None and message:
        kind = _NOT_STARTED._replace(cure=cure or _NOT_STARTED.cure)
    return end_attempt(
        journal,
        step,
        number,
        _error(journal, step, number, kind, message),
        status=kind.status,
        retryable=exit_code != FINAL,
        infrastructure=kind.infrastructure and exit_code != FINAL,
    )


def _error(journal: Journal, step: str, number: int, kind: _Kind, message: str) -> StepError:
    progress = journal.progress(step, number)
    cell = progress.number if progress else None
    if kind is _NO_MEMORY:
        start = journal.attempt_start(step, number)
        return out_of_memory(start.memory if start else "", cell)
    return StepError(code=kind.code, message=_message(kind, message), cure=kind.cure, cell=cell)


def out_of_memory(memory: str, cell: int | None, notebook: str = "") -> StepError:
    """The error of an attempt that ran out of memory.

    Args:
        memory: Its limit, when it has one.
        cell: The cell that ran.
        notebook: The composed notebook that holds the cell.

    Example:
        >>> out_of_memory("2Gi", 4).message
        'out of memory: limit 2Gi'
    """
    return StepError(
        code=_NO_MEMORY.code,
        message=_NO_MEMORY.message + (f": limit {memory}" if memory else ""),
        cure=_NO_MEMORY.cure,
        cell=cell,
        notebook=notebook,
    )


def is_stop(message: str) -> bool:
    """Whether an engine's message says that the run was stopped in the engine.

    Args:
        message: What the engine reports of a pod.
    """
    return re.search(_STOPPED, message, re.IGNORECASE) is not None


def _kind(message: str) -> _Kind:
    found = (each for each in _KINDS if re.search(each.pattern, message, re.IGNORECASE))
    return next(found, _UNKNOWN)


def _message(kind: _Kind, message: str) -> str:
    # `pod deleted` would repeat our own message.
    plain = re.sub(r"^main: |\s+", " ", message).strip()
    return f"{kind.message}: {plain}" if plain and plain != "pod deleted" else kind.message


def explain(journal: Journal, end: AttemptEnd, message: str) -> None:
    """Record why a pod was lost, if more is known than when its end was written.

    Args:
        journal: The run's journal.
        end: The end that was written.
        message: What its engine reported later.
    """
    kind = _kind(message)
    if end.error is None or not needs_reason(end) or kind is _UNKNOWN:
        return
    error = _error(journal, end.step, end.attempt, kind, message)
    is_longer = error.code == end.error.code and len(error.message) > len(end.error.message)
    if end.error.code not in UNEXPLAINED and not is_longer:
        return
    explained = msgspec.structs.replace(
        end,
        error=msgspec.structs.replace(error, cell=error.cell or end.error.cell),
        status=kind.status,
        infrastructure=kind.infrastructure,
    )
    journal.create(names.attempt(journal.id, end.step, end.attempt, "reason"), explained)


def settle(journal: Journal, losses: Iterable[Loss]) -> None:
    """Write the ends of attempts whose pods did not succeed and left none.

    Args:
        journal: The run's journal.
        losses: What its engine reports of its pods.
    """
    cancelled = journal.is_cancelled()
    for loss in sorted(losses, key=lambda each: each.number):
        known = journal.attempts(loss.step)
        number = _number(journal, loss, known)
        if number is None:
            continue
        end = journal.attempt_end(loss.step, number)
        if end is not None:
            explain(journal, end, loss.message)
            continue
        if number not in known and (cancelled or (known and loss.exit_code == FINAL)):
            continue  # it started no attempt, and was not meant to
        lost(journal, loss.step, number, loss.message, loss.exit_code, loss.cure)


def _number(journal: Journal, loss: Loss, known: list[int]) -> int | None:
    """The attempt of a pod; None when another pod made the attempt of that number."""
    writers: dict[int, str] = {}
    for each in known:
        start = journal.attempt_start(loss.step, each)
        writers[each] = start.writer if start else ""
    if loss.pod:
        for each, writer in reversed(writers.items()):  # a later pod may have the same name
            if writer and (writer.endswith(loss.pod) or writer == loss.pod[:_HOST]):
                return each
        if writers.get(loss.number):
            return None
    return loss.number


def end_attempt(
    journal: Journal,
    step: str,
    number: int,
    error: StepError,
    *,
    status: EndStatus = "failed",
    retryable: bool = True,
    infrastructure: bool = False,
) -> AttemptEnd:
    """Write the end of an attempt that failed before or without its runner.

    Args:
        journal: The run's journal.
        step: The step.
        number: The attempt.
        error: Why it failed.
        status: Its status.
        retryable: Whether another attempt may help.
        infrastructure: Whether the machine failed, not the step.

    Returns:
        The end, or the one that was there before.
    """
    end = AttemptEnd(
        step=step,
        attempt=number,
        ended=time.time(),
        status=status,
        error=error,
        retryable=retryable,
        infrastructure=infrastructure,
    )
    journal.end_attempt(end)
    return journal.attempt_end(step, number) or end


def end_run(
    journal: Journal, *, stopped: bool = False, deadline: float | None = None, message: str = ""
) -> None:
    """Write how a run ended, from the ends of its steps.

    Args:
        journal: The run's journal.
        stopped: Whether it was stopped in its engine.
        deadline: The run's limit in seconds, when it was exceeded.
        message: The engine's message, for a run whose steps do not show why it ended.
    """
    state = journal.state()
    asked = [each for each in journal.events() if each.kind == "cancel"]
    bad = [each.name for each in state.steps if each.status in ("failed", "timed_out")]
    if asked:
        journal.end("cancelled", f"cancelled by {asked[0].by}")
    elif all(each.status in GOOD for each in state.steps):
        journal.end("succeeded")
    elif stopped:
        journal.end("cancelled", message or "the run was stopped in its engine")
    elif deadline is not None:
        unfinished = f"; not finished: {', '.join(bad)}" if bad else ""
        journal.end("failed", f"the run exceeded its deadline of {deadline:g} s{unfinished}")
    else:
        journal.end("failed", f"failed: {', '.join(bad)}" if bad else message)
