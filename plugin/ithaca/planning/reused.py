"""Writes the ends of steps that are reused, so that nothing is started for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ithaca.model.run import AttemptEnd
from ithaca.planning.keys import Known, lookup, read_execution
from ithaca.records.journal import Journal

if TYPE_CHECKING:
    from ithaca.model.run import PlannedStep


def write_planned(journal: Journal) -> None:
    """Write an end for every step that the run's plan reuses.

    Args:
        journal: The run's.
    """
    for planned in journal.run().plan:
        if planned.action == "reuse" and planned.execution is not None:
            known = Known(
                execution=planned.execution,
                run=planned.reused_from or "",
                metrics=_metrics(journal, planned),
            )
            write_reused(journal, planned.step, known)


def write_reused(journal: Journal, step: str, known: Known) -> bool:
    """Write an end for a step that is reused.

    Args:
        journal: The run's.
        step: The step.
        known: The execution that is published under its key.

    Returns:
        False when the execution cannot be read, so the step is not reused.
    """
    execution = read_execution(journal.store, known)
    if execution is None:
        return False
    end = AttemptEnd(
        step=step,
        attempt=1,
        ended=time.time(),
        status="reused",
        key=execution.key,
        execution=known.execution,
        before=execution.before,
        after=execution.after,
        metrics=known.metrics,
        reused_from=known.run or None,
    )
    journal.end_attempt(end)
    return True


def _metrics(journal: Journal, planned: PlannedStep) -> dict[str, float]:
    """The metrics of a reused execution, from its key or from the retried run."""
    published = lookup(journal.store, planned.key) if planned.key else None
    if published is not None and published.execution == planned.execution:
        return published.metrics
    before = journal.run().retry_of
    if before is None:
        return {}
    ends = Journal(journal.store, before).ends(planned.step)
    return next((each.metrics for each in ends if each.metrics), {})
