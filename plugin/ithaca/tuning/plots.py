"""Pictures of a study: Optuna's own, made from the study's record.

HTML comes from plotly and contains it, so the page needs no network; PNG comes from Matplotlib.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.errors import NotFound, UsageError
from ithaca.tuning.algorithms import load_optuna
from ithaca.tuning.sampler import distributions, frozen_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ithaca.model.study import StudyDocument
    from ithaca.tuning.record import TrialRecord

_STYLE = "font-family: sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em"


def html(document: StudyDocument, trials: Sequence[TrialRecord]) -> str:
    """All pictures of a study as one page that loads nothing.

    Args:
        document: The study.
        trials: Its trials.

    Raises:
        NotFound: No trial has a result yet.
        UsageError: plotly is missing.
    """
    from html import escape

    plotly = _library("plotly")
    figures = _figures(document, trials, load_optuna().visualization)
    parts: list[str] = []
    for title, figure in figures:
        figure.update_layout(title=None)
        first = not parts  # it brings the library
        shown = plotly.io.to_html(figure, full_html=False, include_plotlyjs=first)
        parts.append(f"<h2>{escape(title)}</h2>{shown}")
    name = escape(document.name)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>'
        f'<body style="{_STYLE}"><h1>Study {name}</h1>{"".join(parts)}</body></html>\n'
    )


def png(document: StudyDocument, trials: Sequence[TrialRecord], kind: str) -> bytes:
    """One picture of a study as PNG.

    Args:
        document: The study.
        trials: Its trials.
        kind: One of `KINDS`.

    Raises:
        NotFound: The study has no data for this picture.
        UsageError: Matplotlib is missing.
    """
    pyplot = _library("matplotlib.pyplot")
    shown = load_optuna().visualization.matplotlib
    with pyplot.rc_context({"backend": "Agg"}):
        for _, found in _figures(document, trials, shown, (kind,)):
            axes = found if hasattr(found, "figure") else found.ravel()[0]
            content = io.BytesIO()
            axes.figure.savefig(content, format="png", dpi=150, bbox_inches="tight")
            pyplot.close("all")
            return content.getvalue()
    raise NotFound(
        "ITH709",
        f'the study has no data for the picture "{kind}"',
        where=f"study {document.name}",
        cure=f"`ithaca studies trials {document.name}` shows how each trial stands",
    )


class _Picture(NamedTuple):
    """One picture.

    Attributes:
        title: Its title.
        function: The end of the name of Optuna's function.
        each: Whether there is one for each objective.
        parameters: The least number of parameters with several values; 0 if it shows none.
        trials: The least number of complete trials.
        most: Shows at most as many parameters; None for all.
    """

    title: str
    function: str
    each: bool = True
    parameters: int = 0
    trials: int = 1
    most: int | None = None


_PICTURES = {
    "history": _Picture("History", "optimization_history"),
    "front": _Picture("Pareto front", "pareto_front", each=False),
    "parallel": _Picture("Parallel coordinates", "parallel_coordinate", parameters=1),
    "importances": _Picture(
        "Importance of parameters", "param_importances", parameters=1, trials=3
    ),
    "slice": _Picture("Slices", "slice", parameters=1),
    # It has one field for each pair of parameters.
    "contour": _Picture("Contours", "contour", parameters=2, most=5),
    "reports": _Picture("Reported values", "intermediate_values", each=False),
}
KINDS = tuple(_PICTURES)
"""The pictures, in the order of the page."""


def _figures(
    document: StudyDocument,
    trials: Sequence[TrialRecord],
    shown: Any,
    kinds: Sequence[str] = KINDS,
) -> Iterator[tuple[str, Any]]:
    """The titles and figures of the pictures that the study has data for."""
    complete = [each for each in trials if each.end and each.end.state == "complete"]
    if not complete:
        raise NotFound(
            "ITH709",
            "no trial has a result yet",
            where=f"study {document.name}",
            cure=f"`ithaca studies trials {document.name}` shows how each trial stands",
        )
    study, several = _study(document, trials), len(document.objectives) > 1
    varied = [
        name
        for name in document.space
        if len({repr(each.parameters.get(name)) for each in complete}) > 1
    ]
    lacking = {
        "front": len(document.objectives) not in (2, 3),
        "reports": not any(each.end and each.end.reports.values for each in trials),
    }
    for kind in kinds:
        picture = _PICTURES[kind]
        few = len(varied) < picture.parameters or len(complete) < picture.trials
        if few or lacking.get(kind):
            continue
        draw = getattr(shown, f"plot_{picture.function}")
        options = {"params": varied[: picture.most]} if picture.parameters else {}
        for number, objective in enumerate(document.objectives if picture.each else ()):
            target = {"target": _value(number)} if several else {}
            title = f"{picture.title} of {objective.metric}" if several else picture.title
            own = {**options, **target, "target_name": objective.metric}
            yield title, _quietly(draw, study, **own)
        if not picture.each:
            yield picture.title, _quietly(draw, study)


def _quietly(draw: Any, study: Any, **options: Any) -> Any:
    """Draw without Optuna's warnings about experimental functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return draw(study, **options)


def _value(number: int) -> Callable[[Any], float]:
    return lambda trial: float(trial.values[number])


def _study(document: StudyDocument, trials: Sequence[TrialRecord]) -> Any:
    """An Optuna study in memory with the trials that have ended."""
    optuna = load_optuna()
    study = optuna.create_study(
        study_name=document.name, directions=[each.direction for each in document.objectives]
    )
    space = distributions(document.space)
    study.add_trials([frozen_trial(document, space, each) for each in trials if each.end])
    return study


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise UsageError(
            "ITH713",
            f"pictures need {name.partition('.')[0]}",
            cure="run `pip install 'ithaca[plot]'`",
        ) from None
