"""Why a step ran although an earlier run had executed it: what differs from the nearest execution.

The nearest one is the execution of the same notebook's step that differs in the fewest respects; of
several, the latest.
"""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from ithaca.errors import StoreError
from ithaca.records import names
from ithaca.records.fold import GOOD
from ithaca.records.journal import Journal, list_runs
from ithaca.runs.contents import differences
from ithaca.runs.observe import unknown_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.model.workflow import Code, Step
    from ithaca.runs.contents import Difference
    from ithaca.store import Store

LOOK_BACK = 100
"""How many earlier runs are searched."""

MOST = 8
"""Changes of one kind that are listed."""

Kind = Literal[
    "code", "parameter", "file", "environment", "step", "setting", "cache", "result", "first"
]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why a step ran.

    Attributes:
        kind: What differs; `step` is the result of a step that it needs.
        name: Its name: a cell, a parameter, a path, a distribution, a step, a setting.
        text: What happened to it, in words.
    """

    kind: Kind
    name: str
    text: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step ran.

    Attributes:
        run: Id of the run.
        step: Name of the step.
        status: How the step ended.
        compared_with: Id of the run with the nearest earlier execution; None if there is none.
        reasons: What differs; empty for a step that was reused.
    """

    run: str
    step: str
    status: str
    compared_with: str | None = None
    reasons: tuple[Reason, ...] = ()


class _Side(NamedTuple):
    """One execution of the step: its run, and the step as it was then."""

    store: Store
    journal: Journal
    step: Step


def explain(store: Store, run_id: str, *steps: str) -> list[Explanation]:
    """Explain why steps of a run ran.

    Args:
        store: Where the runs are.
        run_id: Id of the run.
        steps: Names of the steps; all of them if none is named.

    Returns:
        An explanation for each step, in this order.

    Raises:
        NotFound: The run has no step of that name.
    """
    journal = Journal(store, run_id)
    known = {each.name: each for each in journal.workflow().steps}
    for name in steps:
        if name not in known:
            raise unknown_step(run_id, name, known)
    earlier = list(_earlier(store, journal))
    return [_explain(_Side(store, journal, known[each]), earlier) for each in steps or known]


def _explain(now: _Side, earlier: list[Journal]) -> Explanation:
    """Explain why a step ran.

    Args:
        now: The step and its run.
        earlier: Earlier runs of the notebook, the latest first.
    """
    journal, step, name = now.journal, now.step, now.step.name
    state = journal.state().step(name)
    found = Explanation(run=journal.id, step=name, status=state.status)
    if state.status == "reused" or not journal.ends(name):
        return found
    forced = []
    if not step.cache:
        text = "the step has the tag cache:off"
        forced.append(Reason(kind="cache", name="cache:off", text=text))
    if not journal.run().reuse:
        forced.append(
            Reason(kind="cache", name="--no-reuse", text="the run was started with --no-reuse")
        )
    executed = _executions(now, earlier)
    before = min(executed, key=lambda each: _distance(each, now), default=None)
    if before is None:
        first = Reason(kind="first", name=name, text="no earlier run executed this step")
        return msgspec.structs.replace(found, reasons=(*forced, first))
    reasons = list(_reasons(before, now))
    if not forced and not reasons:
        text = (
            "nothing differs: the earlier execution ended after this run was planned, or its "
            "result is gone"
        )
        reasons = [Reason(kind="result", name=name, text=text)]
    return msgspec.structs.replace(
        found, compared_with=before.journal.id, reasons=(*forced, *reasons)
    )


def _earlier(store: Store, journal: Journal) -> Iterator[Journal]:
    """Earlier runs of the same notebook, the latest first."""
    notebook = journal.run().notebook
    before = [each for each in list_runs(store) if each < journal.id]
    for run in reversed(before[-LOOK_BACK:]):
        other = Journal(store, run)
        with contextlib.suppress(StoreError):  # parts of an earlier run may be gone
            if other.run().notebook == notebook:
                yield other


def _executions(now: _Side, earlier: list[Journal]) -> Iterator[_Side]:
    """The runs that executed a step themselves, the latest first."""
    for journal in earlier:
        try:
            steps = {each.name: each for each in journal.workflow().steps}
            ends = [each for each in journal.ends(now.step.name) if each.status in GOOD]
        except StoreError:
            continue
        if now.step.name in steps and ends and ends[-1].status != "reused":
            yield _Side(now.store, journal, steps[now.step.name])


def _distance(before: _Side, now: _Side) -> int:
    """In how many respects two executions differ."""
    old, new = before.journal.run(), now.journal.run()
    starts = [(_after(before, need), _after(now, need)) for need in now.step.needs]
    return sum(
        [
            before.step.code_digest != now.step.code_digest,
            *(old.arguments.get(each) != new.arguments.get(each) for each in now.step.parameters),
            _identity(before) != _identity(now),
            before.step.env != now.step.env,
            before.step.image != now.step.image,
            *(one != other for one, other in starts or [(old.source, new.source)]),
        ]
    )


def _reasons(before: _Side, now: _Side) -> Iterator[Reason]:
    if before.step.code_digest != now.step.code_digest:
        yield from _code(before.step, now.step)
    yield from _parameters(before, now)
    yield from _environment(before, now)
    yield from _settings(before.step, now.step)
    if now.step.needs:
        yield from _needs(before, now)
    else:
        yield from _files(before, now)


def _code(before: Step, now: Step) -> Iterator[Reason]:
    """The lines that differ, cell by cell."""
    olds = {(each.notebook, each.cell): each for each in before.code}
    news = {(each.notebook, each.cell): each for each in now.code}
    found = []
    for place in sorted({*olds, *news}):
        old, new = olds.get(place), news.get(place)
        if old is not None and new is not None and old.source == new.source:
            continue
        found.append(Reason(kind="code", name=_cell(place), text=_lines(old, new)))
    yield from found or [
        Reason(kind="code", name=now.name, text="its code changed in a way that lines do not show")
    ]


def _cell(place: tuple[str, int]) -> str:
    notebook, cell = place
    return f"cell {cell} of {notebook}" if notebook else f"cell {cell}"


def _lines(old: Code | None, new: Code | None) -> str:
    """The first lines that differ, as a unified difference without its head."""
    if new is None:
        return "is no longer part of the step"
    if old is None:
        return "is new in the step"
    lines = difflib.unified_diff(old.source.splitlines(), new.source.splitlines(), n=0, lineterm="")
    changed = [each for each in lines if not each.startswith(("---", "+++", "@@"))]
    more = f"\n… {len(changed) - MOST} more lines" if len(changed) > MOST else ""
    return "\n".join(changed[:MOST]) + more


def _parameters(before: _Side, now: _Side) -> Iterator[Reason]:
    old, new = before.journal.run().arguments, now.journal.run().arguments
    for name in now.step.parameters:
        if name not in old:
            yield Reason(kind="parameter", name=name, text=f"is new: {new.get(name)!r}")
        elif repr(old[name]) != repr(new.get(name)):
            text = f"{old[name]!r} → {new.get(name)!r}"
            yield Reason(kind="parameter", name=name, text=text)


def _environment(before: _Side, now: _Side) -> Iterator[Reason]:
    old, new = _identity(before), _identity(now)
    if not old or not new or old == new:
        return
    packages = [_packages(now.store, each) for each in (old, new)]
    if packages[0] is None or packages[1] is None:
        text = "what the kernel can import changed"
        yield Reason(kind="environment", name="environment", text=text)
        return
    changed = _changes(packages[0], packages[1])
    for name, text in changed[:MOST]:
        yield Reason(kind="environment", name=name, text=text)
    if len(changed) > MOST:
        text = f"and {len(changed) - MOST} more"
        yield Reason(kind="environment", name="distributions", text=text)


def _identity(side: _Side) -> str:
    run = side.journal.run()
    planned = {each.step: each.environment for each in run.plan}
    return planned.get(side.step.name) or run.environment


def _packages(store: Store, identity: str) -> dict[str, str] | None:
    """The versions of an environment's distributions; None if they were not recorded."""
    try:
        found: dict[str, str] = msgspec.json.decode(store.read(names.packages(identity)))
    except StoreError:
        return None
    return found


def _settings(before: Step, now: Step) -> Iterator[Reason]:
    """The step's variables, secrets and image."""
    for name, text in _changes(before.env, now.env):
        yield Reason(kind="setting", name=f"env {name}", text=text)
    if before.image != now.image:
        yield Reason(kind="setting", name="image", text=f"{before.image} → {now.image}")
    if before.secrets != now.secrets:
        yield Reason(kind="setting", name="secrets", text="other secrets")
    for name in ("reads", "writes"):
        old, new = getattr(before, name), getattr(now, name)
        if {*old} != {*new}:
            listed = ", ".join(sorted({*old} ^ {*new}))
            yield Reason(kind="setting", name=name, text=f"other values: {listed}")


def _needs(before: _Side, now: _Side) -> Iterator[Reason]:
    """The steps that it needs whose results differ, with what differs in them."""
    for need in now.step.needs:
        old, new = _after(before, need), _after(now, need)
        if old == new:
            continue
        text = "left another result"
        if old is not None and new is not None:
            listed = _differences(now, old, new)
            text += f": {', '.join(listed)}" if listed else ""
        yield Reason(kind="step", name=need, text=text)


def _after(side: _Side, step: str) -> str | None:
    try:
        ends = [each for each in side.journal.ends(step) if each.status in GOOD]
    except StoreError:
        return None
    return ends[-1].after if ends else None


def _files(before: _Side, now: _Side) -> Iterator[Reason]:
    """The project's files that differ, for a step that starts from them."""
    old, new = before.journal.run().source, now.journal.run().source
    if old == new:
        return
    from ithaca.store.snapshots.ignore import matches, patterns

    ignored = patterns(now.journal.run().reuse_ignore, "reuse.ignore")
    found = [
        each
        for each in _listed(now, old, new)
        if not (each.what == "file" and matches(ignored, each.name, folder=False))
    ]
    for each in found[:MOST]:
        yield Reason(kind="file", name=each.name, text=each.kind)
    if len(found) > MOST:
        yield Reason(kind="file", name="files", text=f"and {len(found) - MOST} more")


def _differences(now: _Side, old: str, new: str) -> list[str]:
    found = [f"{each.what} {each.name} {each.kind}" for each in _listed(now, old, new)]
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return [*found[:MOST], *more]


def _listed(now: _Side, old: str, new: str) -> list[Difference]:
    try:
        return differences(now.store, old, new)
    except StoreError:  # a snapshot may be gone
        return []


def _changes(old: dict[str, str], new: dict[str, str]) -> list[tuple[str, str]]:
    """The names whose texts differ, with what happened to each."""
    found = []
    for name in sorted({*old, *new}):
        if name not in old:
            found.append((name, f"added {new[name]}"))
        elif name not in new:
            found.append((name, "removed"))
        elif old[name] != new[name]:
            found.append((name, f"{old[name]} → {new[name]}"))
    return found
