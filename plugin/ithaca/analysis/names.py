"""Reports names that a step reads but no step before it binds."""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ithaca.analysis.magics import words
from ithaca.analysis.namespace import Access, Level, Place
from ithaca.analysis.places import diagnostic, where
from ithaca.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.analysis.graph import Graph, StepFacts
    from ithaca.diagnostics import Diagnostic, Severity

KERNEL_NAMES = frozenset(dir(builtins)) | words(
    """
    get_ipython display exit quit __name__ __builtins__ __builtin__ __doc__ __spec__
    __loader__ __package__ __annotations__ __debug__ __IPYTHON__ In Out _exit_code aiter anext
    ExceptionGroup BaseExceptionGroup EncodingWarning PythonFinalizationError
    """
)
"""Names that every kernel provides, in any version of Python."""

_HISTORY = re.compile(r"_+$|_i+$|_i?\d+$|_[ido]h$|In$|Out$")


class _Reason(NamedTuple):
    """Why a name is missing, and what to do about it."""

    text: str
    cure: str
    code: str = "ITH202"
    severity: Severity = "error"


@dataclass
class Elsewhere:
    """What else in the notebook may explain a missing name.

    Attributes:
        broken: Identifiers in cells that cannot be parsed; these are not reported.
        open: Whether a star import or a missing cell may bind any name.
        ordered: Whether the order of the steps is certain.
        not_run: Names bound in cells that do not run, each with the reason and its place.
    """

    broken: frozenset[str]
    open: bool
    ordered: bool
    not_run: Callable[[int], dict[str, tuple[str, Place]]]


def missing_names(graph: Graph, elsewhere: Elsewhere) -> Iterator[Diagnostic]:
    """A diagnostic for each name that a step reads and no ancestor provides."""
    reported: set[tuple[str, object]] = set()
    for facts in graph.steps.values():
        # Deleting a name that hides a builtin brings the builtin back.
        for name in sorted(facts.missing | (facts.flow.lost.keys() - graph.builtins)):
            if name in elsewhere.broken:
                continue
            if name in facts.flow.lost:
                yield _lost(facts, name)
                continue
            access = facts.flow.reads[name]
            if access.optional or (elsewhere.open and not _bound_in(graph, name)):
                continue
            reason = _explain(graph, facts, name, access, elsewhere)
            key = (name, access.through or facts.name)
            if reason is not None and key not in reported:
                reported.add(key)
                yield _missing(facts, name, access, reason)
    yield from _shared_names(graph, elsewhere)


def history(graph: Graph) -> Iterator[Diagnostic]:
    """Warn about IPython's output history (`_`, `Out`), which is empty when a step starts."""
    for facts in graph.steps.values():
        for name, access in sorted(facts.flow.reads.items()):
            if _HISTORY.match(name) and name not in facts.reads and not access.optional:
                yield diagnostic(
                    "ITH213",
                    "warning",
                    f"`{name}` is IPython's history, which is empty when a step starts",
                    access.place,
                    cure="assign the value to a variable",
                )


def _missing(facts: StepFacts, name: str, access: Access, reason: _Reason) -> Diagnostic:
    what = f"step `{facts.name}` reads `{name}`"
    if access.through is not None:
        definition = access.through
        what += f" through `{definition.name}` ({where(Place(definition.cell, definition.node))})"
    message = f"{what}, but {reason.text}"
    return diagnostic(reason.code, reason.severity, message, access.place, cure=reason.cure)


def _explain(
    graph: Graph, facts: StepFacts, name: str, access: Access, elsewhere: Elsewhere
) -> _Reason | None:
    """Why a name is missing; None when it may be bound after all, or is reported elsewhere."""
    if _HISTORY.match(name):
        return None
    here = facts.flow.bound.get(name)
    if here is not None:
        later = _Reason(f"it is bound later, in {where(here)}", "bind it before it is read")
        return later if access.level < Level.POSSIBLE else None
    binders = [other for other in graph.steps.values() if name in other.flow.bound]
    if binders and not elsewhere.ordered:
        return None
    gone = [other for other in graph.steps.values() if other.name in facts.reach.get(name, ())]
    if gone:
        return _gone(name, gone[-1])
    if binders:
        return _bound_elsewhere(graph, facts, name, access, binders)
    return _bound_nowhere(graph, facts, name, access, elsewhere)


def _gone(name: str, by: StepFacts) -> _Reason | None:
    """A name that an ancestor deleted, or that is missing in the ancestor too."""
    place = by.flow.deleted.get(name) or by.flow.bound.get(name)
    if place is None:
        return None  # reported at that step
    how = "deletes it" if name in by.flow.deleted else "loses it at the end of an `except` clause"
    text = f"step `{by.name}` {how} in {where(place)}"
    return _Reason(text, "do not delete it, or bind it again", "ITH203")


def _bound_elsewhere(
    graph: Graph, facts: StepFacts, name: str, access: Access, binders: list[StepFacts]
) -> _Reason | None:
    """A name that only steps bind which do not run before this one."""
    later = [other for other in binders if graph.descends(other.name, facts.name)]
    if later and access.level == Level.POSSIBLE:
        return None  # perhaps the function is called only there
    free = [other for other in binders if other not in later]
    order = list(graph.steps)
    position = order.index(facts.name)
    if free:
        nearest = min(
            free, key=lambda other: (order.index(other.name) > position,
                                     abs(order.index(other.name) - position)),
        )  # fmt: skip
        why = "which does not run before this step"
        cure = f"add the tag `prev:{nearest.name}` to step `{facts.name}`"
    else:
        nearest = later[0]
        why = "which needs this step"
        cure = f"move the binding to step `{facts.name}` or to a step that it needs"
    place = nearest.flow.bound[name]
    return _Reason(f"step `{nearest.name}` binds it in {where(place)}, {why}", cure)


def _bound_nowhere(
    graph: Graph, facts: StepFacts, name: str, access: Access, elsewhere: Elsewhere
) -> _Reason:
    not_run = elsewhere.not_run(facts.step.scope).get(name)
    if not_run is not None:
        kind, place = not_run
        text = f"it is bound only in {where(place)}, which {kind}"
        return _Reason(text, "tag that cell with its step, or with `imports`")
    for index, scope in enumerate(graph.scopes):
        if name in scope.binders and index != facts.step.scope:
            notebook = scope.cells[0].cell.notebook if scope.cells else ""
            text = f"only shared cells of {notebook or 'another notebook'} bind it"
            cure = "define it in an `imports` or `functions` cell of this notebook"
            return _Reason(text, cure)
    names = {*graph.scopes[facts.step.scope].binders, *graph.parameters, *graph.builtins}
    names.update(*(other.flow.bound for other in graph.steps.values()))
    text = "nothing in the notebook binds it" + suggest(name, sorted(names))
    cure = "bind it in this step or in a step that it needs"
    severe = access.level < Level.POSSIBLE or access.strict
    return _Reason(text, cure, severity="error" if severe else "warning")


def _lost(facts: StepFacts, name: str) -> Diagnostic:
    place = facts.flow.lost[name]
    gone = facts.flow.deleted.get(name)
    how = (
        f"deletes it in {where(gone)}" if gone else "leaves the `except … as` clause that binds it"
    )
    return diagnostic(
        "ITH203",
        "error",
        f"step `{facts.name}` reads `{name}` after it {how}",
        place,
        cure="read it earlier, or keep it under another name",
    )


def _shared_names(graph: Graph, elsewhere: Elsewhere) -> Iterator[Diagnostic]:
    """Names that `imports` and `functions` cells read when they run, before any step."""
    for index, scope in enumerate(graph.scopes):
        kept: set[int] = set(scope.always)
        for facts in graph.steps.values():
            kept |= facts.prelude.get(index, frozenset())
        used = {name for number in kept for name in scope.statements[number].used}
        for name in sorted(used - graph.builtins - graph.parameters.keys() - elsewhere.broken):
            access = scope.flow.reads[name]
            if access.optional or access.level == Level.POSSIBLE or elsewhere.open:
                continue
            yield diagnostic(
                "ITH204",
                "error",
                f"a shared cell reads `{name}`, but {_why_not_shared(graph, index, name)}",
                access.place,
                cure="bind it in an earlier `imports` or `functions` cell, or move this code to a "
                "step: shared cells run first in every step",
            )


def _why_not_shared(graph: Graph, index: int, name: str) -> str:
    place = graph.scopes[index].flow.bound.get(name)
    if place is not None:
        return f"it is bound later, in {where(place)}"
    for facts in graph.steps.values():
        if name in facts.flow.bound:
            return f"only step `{facts.name}` binds it"
    return "nothing in the notebook binds it"


def _bound_in(graph: Graph, name: str) -> bool:
    return any(name in facts.flow.bound for facts in graph.steps.values())
