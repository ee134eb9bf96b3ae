"""Warnings and notices: hidden effects, state that later steps do not see, surprising order."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from ithaca.analysis.events import Bind
from ithaca.analysis.namespace import HERE, Place
from ithaca.analysis.places import diagnostic, where
from ithaca.analysis.shared import flattened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.events import Finding
    from ithaca.analysis.graph import Graph, StepFacts
    from ithaca.diagnostics import Diagnostic, Severity

SYNTAX_CURE = "correct it, or tag the cell `skip` if it is not part of the workflow"
_IMPORTS_CURE = "move it to an `imports` cell, which runs in every step"
_PLAIN_CURE = "use plain code to read and bind names that other steps need"
_NAME_CURE = "use another name unless this is intended"

# Module state that later steps do see.
_TRAVELS = ("os.environ", "environ", "sys.path", "np.random", "numpy.random", "random.")


# By kind of finding: code, severity, message and cure.
_FINDINGS: dict[str, tuple[str, Severity, str, str]] = {
    "syntax": ("ITH201", "error", "syntax error: {}", SYNTAX_CURE),
    "unknown": ("ITH210", "warning", "cannot tell which names `{}` reads and binds", _PLAIN_CURE),
    "magic": ("ITH211", "warning", "cannot tell which names `{}` reads and binds", _PLAIN_CURE),
    "star": (
        "ITH212",
        "warning",
        "cannot tell all names that `from {} import *` binds",
        "import the names that you use",
    ),
    "setting": (
        "ITH221",
        "warning",
        "`{}` changes a library's settings; later steps do not see the change",
        _IMPORTS_CURE,
    ),
}


def findings(found: Sequence[tuple[ParsedCell, Finding]], in_step: bool) -> Iterator[Diagnostic]:
    """Report what the code alone shows, without looking at names."""
    for cell, finding in found:
        if finding.kind != "setting" or in_step:
            code, severity, message, cure = _FINDINGS[finding.kind]
            place = Place(cell, finding.node)
            yield diagnostic(code, severity, message.format(finding.text), place, cure=cure)


def advice(graph: Graph) -> Iterator[Diagnostic]:
    """All warnings and notices about the names of steps."""
    yield from _recomputed(graph)
    for facts in graph.steps.values():
        yield from _imported_state(facts)
        yield from _parameters_changed(graph, facts)
        yield from _shadows(graph, facts)
        yield from _not_seen(graph, facts)
        yield from _branches(graph, facts)


def _recomputed(graph: Graph) -> Iterator[Diagnostic]:
    for index, scope in enumerate(graph.scopes):
        read: set[str] = set()
        for facts in graph.steps.values():
            if facts.step.scope == index:
                read |= facts.flow.reads.keys()
        for statement in scope.statements:
            for event in flattened(statement.events):
                if isinstance(event, Bind) and event.by_call and event.name in read:
                    yield diagnostic(
                        "ITH220",
                        "notice",
                        f"a shared cell computes `{event.name}`, so each step computes it again",
                        Place(statement.cell, event.node),
                        cure="move it to a step if it is slow, random or changes",
                    )


def _imported_state(facts: StepFacts) -> Iterator[Diagnostic]:
    import ast

    for _, place in sorted(facts.flow.settings.items()):
        text = ast.unparse(place.node)
        if not text.startswith(_TRAVELS):
            yield diagnostic(
                "ITH221",
                "warning",
                f"`{text}` changes an imported module; later steps do not see the change",
                place,
                cure=_IMPORTS_CURE,
            )


def _parameters_changed(graph: Graph, facts: StepFacts) -> Iterator[Diagnostic]:
    for name in sorted(graph.parameters):
        place = _sure_change(facts, name)
        if place is not None:
            yield diagnostic(
                "ITH222",
                "notice",
                f"step `{facts.name}` changes parameter `{name}`; later steps see the changed "
                "value, not the run's argument",
                place,
                cure=_NAME_CURE,
            )


def _shadows(graph: Graph, facts: StepFacts) -> Iterator[Diagnostic]:
    scope = graph.scopes[facts.step.scope]
    for name in sorted(facts.flow.bound.keys() | facts.flow.deleted.keys()):
        roles = {scope.statements[index].role for index in scope.binders.get(name, ())}
        if not roles & {"import", "definition"}:
            continue
        bound = facts.flow.bound.get(name)
        place = bound or facts.flow.deleted[name]
        yield diagnostic(
            "ITH223",
            "notice",
            f"step `{facts.name}` {'binds' if bound else 'deletes'} `{name}`, which a shared cell "
            "defines; steps that need this one see the change",
            place,
            cure=_NAME_CURE,
        )


def _not_seen(graph: Graph, facts: StepFacts) -> Iterator[Diagnostic]:
    """Report where the order of the notebook and that of the workflow give different values."""
    for name in sorted(facts.reads | facts.parameters):
        first = facts.flow.reads[name].first if name in facts.flow.reads else None
        if first is None:
            continue
        for other in graph.steps.values():
            place = _sure_change(other, name)
            if other is facts or place is None or other.step.scope != facts.step.scope:
                continue
            cells = other.flow.cells[name]
            if other.name not in facts.ancestors:
                if min(cells) < first:
                    yield _unseen(facts, other, name, place)
            elif min(cells) > first and _has_other_source(graph, facts, other, name):
                yield _seen_early(facts, other, name, place)


def _unseen(facts: StepFacts, other: StepFacts, name: str, place: Place) -> Diagnostic:
    access = facts.flow.reads[name]
    return diagnostic(
        "ITH230",
        "notice",
        f"step `{facts.name}` does not see how step `{other.name}` changes `{name}` in "
        f"{where(place)}, because it does not need that step",
        access.place,
        cure=f"add the tag `prev:{other.name}` if it should"
        if facts.name not in other.ancestors
        else "",
    )


def _seen_early(facts: StepFacts, other: StepFacts, name: str, place: Place) -> Diagnostic:
    access = facts.flow.reads[name]
    return diagnostic(
        "ITH231",
        "notice",
        f"step `{facts.name}` reads `{name}` from step `{other.name}` "
        f"({where(place)}), which is further down in the notebook",
        access.place,
        cure="put the cells in the order in which they run",
    )


def _has_other_source(graph: Graph, facts: StepFacts, other: StepFacts, name: str) -> bool:
    if name in graph.scopes[facts.step.scope].binders or name in graph.parameters:
        return True
    return any(
        name in found.flow.bound
        for found in graph.steps.values()
        if found is not other and found is not facts
    )


def _branches(graph: Graph, facts: StepFacts) -> Iterator[Diagnostic]:
    """Report names that two branches bind and their join reads."""
    if len(facts.step.needs) < 2:
        return
    for name in sorted(facts.reads):
        writers = [graph.steps[writer] for writer in sorted(facts.reach[name])]
        binding = [writer for writer in writers if writer.flow.ends(name) & HERE]
        for one, other in combinations(binding, 2):
            if graph.descends(one.name, other.name) or graph.descends(other.name, one.name):
                continue
            access = facts.flow.reads[name]
            yield diagnostic(
                "ITH232",
                "warning",
                f"parallel steps `{one.name}` and `{other.name}` both bind `{name}`; step "
                f"`{facts.name}` fails unless their values are equal",
                access.place,
                cure="use two names, or let one step need the other (`prev:`)",
            )
            break


def _sure_change(facts: StepFacts, name: str) -> Place | None:
    """Where a step certainly binds or changes a name."""
    if name in facts.flow.bound:
        return facts.flow.bound[name]
    changed = facts.flow.changed.get(name)
    return changed.place if changed is not None and changed.sure else None
