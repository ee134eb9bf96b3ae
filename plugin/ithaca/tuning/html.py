"""Studies as HTML for notebooks: the best trials, and a table of the last ones."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ithaca.runs.html import coloured, table

if TYPE_CHECKING:
    from ithaca.tuning.record import TrialRecord
    from ithaca.tuning.study import Study

MOST = 20
"""Trials that the table shows."""


def study_html(study: Study) -> str:
    """A study: its status, its best trials, and its last trials.

    Args:
        study: The study.
    """
    trials, objectives = study.trials, study.document.objectives
    best = {each.number for each in study.front}
    shown = [each for each in trials if each.number in best][:MOST]
    last = trials[-MOST:]
    rows = [
        _row(each, study, best) for each in (*shown, *(one for one in last if one not in shown))
    ]
    heads = ("trial", "state", *study.document.space, *(each.metric for each in objectives), "run")
    ended = sum(each.end is not None for each in trials)
    left_out = len(trials) - len(rows)
    more = f"<div>{left_out} more trials</div>" if left_out > 0 else ""
    wanted = ", ".join(str(each) for each in objectives)
    return (
        f"<div><b>{escape(study.name)}</b> {coloured(study.status)} "
        f"<span>{ended} of {len(trials)} trials ended, {escape(wanted)}</span>"
        f"{table(heads, rows)}{more}</div>"
    )


def _row(trial: TrialRecord, study: Study, best: set[int]) -> tuple[str, ...]:
    values = trial.end.values if trial.end else ()
    objectives = len(study.document.objectives)
    return (
        f"{trial.number} (best)" if trial.number in best else str(trial.number),
        coloured(trial.state),
        *(_short(trial.parameters.get(name, "")) for name in study.document.space),
        *(_short(value) for value in values),
        *("" for _ in range(objectives - len(values))),
        trial.run,
    )


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
