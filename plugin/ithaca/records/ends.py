"""Ends that somebody else writes: of attempts whose pod could not, and of their run.

A pod that is killed, evicted or deleted says nothing more. What is known of it then stands with
its engine, and whoever sees that first writes the end: the pod of the next attempt, the last pod
of the run, or a session that watches. All of them come here, so that they write the same.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ithaca.model.run import AttemptEnd, StepError
from ithaca.records import names
from ithaca.records.fold import GOOD
from ithaca.records.journal import UNEXPLAINED, VANISHED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.model.run import EndStatus
    from ithaca.records.journal import Journal

FINAL = 65
"""Exit code of a runner that says: another attempt cannot help, or there is none left."""

_HOST = 63
"""Letters of a pod's name that are its host's, by which a pod may call itself."""


class Loss(NamedTuple):
    """A pod that ended badly, as its engine tells it.

    Attributes:
        step: The step.
        number: Which attempt the engine counts it as; the first is 1.
        message: What the engine says.
        exit_code: Of the runner, as far as it is known.
        pod: The pod's name or the end of it; empty when the engine does not tell.
        cure: What helps against what the engine says, for a pod that never began.
    """

    step: str
    number: int
    message: str = ""
    exit_code: int | None = None
    pod: str = ""
    cure: str = ""


class _Kind(NamedTuple):
    """A way in which pods end, and how to tell it by what an engine or a node says."""

    said: re.Pattern[str]
    message: str
    cure: str
    code: str = "ITH523"
    status: EndStatus = "failed"
    infrastructure: bool = True


def _words(*some: str) -> re.Pattern[str]:
    return re.compile("|".join(some), re.IGNORECASE)


_NO_MEMORY = _Kind(
    _words("OOMKilled"),
    "out of memory",
    "ask for more (`limit:memory:…` tag), or use less of it",
    code="ITH524",
    infrastructure=False,
)
_KINDS = (
    _NO_MEMORY,
    _Kind(
        _words(
            "exceeded its deadline",
            "longer than .*specified deadline",
            "workflow deadline",
            "DeadlineExceeded",
            "failed to finish within",
            "belongs to has timed out",
        ),
        "its pod lived longer than it, or the whole run, may",
        "give it more time (`timeout:` tag, `timeout_grace` or `deadline` setting), or less to do",
        code="ITH666",
        status="timed_out",
        infrastructure=False,
    ),
    _Kind(
        _words("shutdown with strategy", "stopped with strategy", "was cancelled"),
        "the run was stopped in its engine",
        "`ithaca runs retry` goes on",
        code="ITH630",
        status="cancelled",
    ),
    _Kind(
        _words("preempt"),
        "its pod was preempted",
        "something of a higher priority needed the room; another attempt runs later or elsewhere",
    ),
    _Kind(
        _words("node shutdown", "NodeLost", "node was lost", "NodeShutdown", "node .*not ready"),
        "its node was lost",
        "another attempt runs elsewhere",
    ),
    _Kind(
        _words("evicted", "low on resource", "ephemeral.storage", "exceeds the (total )?limit"),
        "its pod was evicted",
        "ask for as much memory and disk as it uses (`request:` tags, `work.size` setting)",
    ),
    _Kind(
        _words("exit code 137"),
        "its pod was killed",
        "most often its node had no memory left: ask for what it uses (`request:memory:…` tag)",
    ),
    _Kind(
        _words("pod deleted", "pod not found"),
        "its pod was deleted",
        "somebody deleted it, or its node was drained; another attempt runs elsewhere",
    ),
)
_NOTHING_SAID = _Kind(
    re.compile(""),
    "its pod vanished",
    "`kubectl get events` may still say why; another attempt runs elsewhere",
    code=VANISHED,
)
_NOT_BEGUN = _Kind(
    re.compile(""),
    "its pod ended before the step began",
    "see what the engine says of it, and whether the image holds Ithaca and fits the machine",
    code="ITH667",
)


def lost(
    journal: Journal,
    step: str,
    number: int,
    said: str = "",
    exit_code: int | None = None,
    cure: str = "",
) -> AttemptEnd:
    """Write the end of an attempt whose pod is gone, with the reason as well as it is known.

    Args:
        journal: The run's journal.
        step: The step.
        number: The attempt.
        said: What its engine said of the pod.
        exit_code: Of the runner, as far as it is known.
        cure: What helps against what is said, for a pod that never began.

    Returns:
        The end, or the one that stood there before.
    """
    start = journal.attempt_start(step, number)
    kind = _kind(said)
    if kind is _NOTHING_SAID and start is None and said:
        kind = _NOT_BEGUN._replace(cure=cure or _NOT_BEGUN.cure)
    return end_attempt(
        journal,
        step,
        number,
        _error(journal, step, number, kind, said),
        status=kind.status,
        retryable=exit_code != FINAL,
        infrastructure=kind.infrastructure and exit_code != FINAL,
    )


def _error(journal: Journal, step: str, number: int, kind: _Kind, said: str) -> StepError:
    progress = journal.progress(step, number)
    cell = progress.number if progress else None
    if kind is _NO_MEMORY:
        start = journal.attempt_start(step, number)
        return out_of_memory(start.memory if start else "", cell)
    return StepError(code=kind.code, message=_told(kind, said), cure=kind.cure, cell=cell)


def out_of_memory(memory: str, cell: int | None, notebook: str = "") -> StepError:
    """The error of an attempt that was killed for want of memory.

    Args:
        memory: How much it had, where that was limited.
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


def _kind(said: str) -> _Kind:
    return next((each for each in _KINDS if each.said.search(said)), _NOTHING_SAID)


def _told(kind: _Kind, said: str) -> str:
    # `pod deleted` adds nothing to what we say of it.
    plain = re.sub(r"^main: |\s+", " ", said).strip()
    return f"{kind.message}: {plain}" if plain and plain != "pod deleted" else kind.message


def explain(journal: Journal, end: AttemptEnd, said: str) -> None:
    """Keep why a pod was told to end or vanished, which was not known when its end was written.

    Args:
        journal: The run's journal.
        end: What the pod wrote.
        said: What its engine said of it afterwards.
    """
    kind = _kind(said)
    if end.error is None or end.error.code not in UNEXPLAINED or kind is _NOTHING_SAID:
        return
    error = _error(journal, end.step, end.attempt, kind, said)
    told = msgspec.structs.replace(
        end,
        error=msgspec.structs.replace(error, cell=error.cell or end.error.cell),
        status=kind.status,
        infrastructure=kind.infrastructure,
    )
    journal.create(names.attempt(journal.id, end.step, end.attempt, "reason"), told)


def settle(journal: Journal, losses: Iterable[Loss]) -> None:
    """Write the ends of attempts whose pods ended badly without one.

    Args:
        journal: The run's journal.
        losses: What its engine says of its pods.
    """
    cancelled = any(each.kind == "cancel" for each in journal.events())
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
            continue  # it began no attempt, and none was to begin
        lost(journal, loss.step, number, loss.message, loss.exit_code, loss.cure)


def _number(journal: Journal, loss: Loss, known: list[int]) -> int | None:
    """The attempt that a pod made; None when that is of another pod."""
    writers: dict[int, str] = {}
    for each in known:
        start = journal.attempt_start(loss.step, each)
        writers[each] = start.writer if start else ""
    if loss.pod:
        for each, writer in reversed(writers.items()):  # pods may follow under the same name
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
    """Write the end of an attempt that ended badly and could not, or need not, say so itself.

    Args:
        journal: The run's journal.
        step: The step.
        number: The attempt.
        error: Why.
        status: How it ended.
        retryable: Whether another attempt may help.
        infrastructure: Whether the machine failed, not the step.

    Returns:
        The end, or the one that stood there before.
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
    journal.create(names.attempt(journal.id, step, number, "end"), end)
    return journal.attempt_end(step, number) or end


def end_run(
    journal: Journal, *, stopped: bool = False, deadline: float | None = None, said: str = ""
) -> None:
    """Write how a run ended, by what its steps left.

    Args:
        journal: The run's journal.
        stopped: Whether somebody stopped it in its engine.
        deadline: Seconds that it might take, when they are over.
        said: Why it ended as its engine says, for a run whose steps do not tell.
    """
    state = journal.state()
    asked = [each for each in journal.events() if each.kind == "cancel"]
    bad = [each.name for each in state.steps if each.status in ("failed", "timed_out")]
    if asked:
        journal.end("cancelled", f"cancelled by {asked[0].by}")
    elif all(each.status in GOOD for each in state.steps):
        journal.end("succeeded")
    elif stopped:
        journal.end("cancelled", said or "it was stopped in its engine")
    elif deadline is not None:
        told = f"; not done: {', '.join(bad)}" if bad else ""
        journal.end("failed", f"its deadline of {deadline:g} s was over{told}")
    else:
        journal.end("failed", f"failed: {', '.join(bad)}" if bad else said)
