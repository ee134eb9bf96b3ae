"""Studies as HTML for notebooks: the best trials, and a table of the last ones."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ithaca.runs.html import coloured, table
from ithaca.runs.progress import short
from ithaca.tuning.record import best_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.model.study import StudyDocument
    from ithaca.tuning.record import TrialRecord

MOST = 20
"""Trials that the table shows."""


def study_html(document: StudyDocument, status: str, trials: Sequence[TrialRecord]) -> str:
    """A study: its status, its best trials, and its last trials.

    Args:
        document: The study.
        status: How it stands.
        trials: Its trials.
    """
    objectives = document.objectives
    best = {each.number for each in best_of(trials, objectives)}
    shown = [each for each in trials if each.number in best][:MOST]
    last = trials[-MOST:]
    rows = [
        _row(each, document, best) for each in (*shown, *(one for one in last if one not in shown))
    ]
    heads = ("trial", "state", *document.space, *(each.metric for each in objectives), "run")
    ended = sum(each.end is not None for each in trials)
    left_out = len(trials) - len(rows)
    more = f"<div>{left_out} more trials</div>" if left_out > 0 else ""
    wanted = ", ".join(str(each) for each in objectives)
    return (
        f"<div><b>{escape(document.name)}</b> {coloured(status)} "
        f"<span>{ended} of {len(trials)} trials ended, {escape(wanted)}</span>"
        f"{table(tuple(map(escape, heads)), rows)}{more}</div>"
    )


def _row(trial: TrialRecord, document: StudyDocument, best: set[int]) -> tuple[str, ...]:
    values = trial.end.values if trial.end else ()
    return (
        f"{trial.number} (best)" if trial.number in best else str(trial.number),
        coloured(trial.state),
        *(short(trial.parameters.get(name, "")) for name in document.space),
        *(short(value) for value in values),
        *("" for _ in range(len(document.objectives) - len(values))),
        trial.run,
    )
