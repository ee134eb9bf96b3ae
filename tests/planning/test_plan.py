from __future__ import annotations

import hashlib

import msgspec

from ithaca.errors import NotFound
from ithaca.model.run import Execution, PlannedStep
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.planning.keys import Known, publish, step_key
from ithaca.planning.plan import plan

STEPS = (
    Step(name="load", code_digest="load"),
    Step(name="left", code_digest="left", needs=("load",)),
    Step(name="right", code_digest="right", needs=("load",)),
    Step(name="join", code_digest="join", needs=("left", "right")),
)


class Memory:
    """A store in memory."""

    def __init__(self) -> None:
        self.named: dict[str, bytes] = {}
        self.addressed: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> bool:
        return self.named.setdefault(name, data) is data

    def read(self, name: str) -> bytes:
        return self._find(self.named, name)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.addressed[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        return self._find(self.addressed, digest)

    def _find(self, among: dict[str, bytes], name: str) -> bytes:
        if name not in among:
            raise NotFound("ITH402", f"there is no {name}")
        return among[name]


def workflow(*steps: Step) -> Workflow:
    return Workflow(name="w", steps=steps, source=Source(notebook="n.ipynb", digest="d"))


def planned(store: Memory, known: Workflow, **more: object) -> dict[str, PlannedStep]:
    told = {"arguments": {}, "environment": lambda _: "e", "source": "s", **more}
    return {each.step: each for each in plan(known, store=store, **told)}  # type: ignore[arg-type]


def execute(store: Memory, known: Workflow, run: str = "run1") -> dict[str, str]:
    """Publish an execution of every step; gives their digests."""
    after: dict[str, str] = {}
    digests: dict[str, str] = {}
    for step in known.steps:
        parents = [after[name] for name in step.needs] or ["s"]
        key = step_key(known, step, arguments={}, environment="e", parents=parents)
        after[step.name] = f"after {step.code_digest}"
        document = Execution(
            step=step.name,
            key=key,
            before=parents[0],
            after=after[step.name],
            parents=tuple(digests[name] for name in step.needs),
        )
        digests[step.name] = store.put(msgspec.json.encode(document))
        publish(store, key, digests[step.name], run)
    return digests


def test_nothing_known_runs_everything_and_only_the_roots_have_keys() -> None:
    found = planned(Memory(), workflow(*STEPS))
    assert [each.action for each in found.values()] == ["run"] * 4
    assert [name for name, each in found.items() if each.key] == ["load"]


def test_what_is_known_is_reused_and_says_from_where() -> None:
    store = Memory()
    digests = execute(store, workflow(*STEPS))
    found = planned(store, workflow(*STEPS))
    assert {name: each.execution for name, each in found.items()} == digests
    assert {each.reused_from for each in found.values()} == {"run1"}


def test_a_changed_step_runs_and_so_does_what_needs_it_but_not_its_siblings() -> None:
    store = Memory()
    execute(store, workflow(*STEPS))
    changed = msgspec.structs.replace(STEPS[1], code_digest="other")
    found = planned(store, workflow(STEPS[0], changed, *STEPS[2:]))
    assert {name: each.action for name, each in found.items()} == {
        "load": "reuse",
        "left": "run",
        "right": "reuse",
        "join": "run",
    }
    assert found["left"].key is not None
    assert found["join"].key is None


def test_no_reuse_runs_everything() -> None:
    store = Memory()
    execute(store, workflow(*STEPS))
    found = planned(store, workflow(*STEPS), reuse=False)
    assert {each.action for each in found.values()} == {"run"}


def test_a_step_with_cache_off_runs_although_its_result_is_known() -> None:
    store = Memory()
    execute(store, workflow(*STEPS))
    off = msgspec.structs.replace(STEPS[1], cache=False)
    found = planned(store, workflow(STEPS[0], off, *STEPS[2:]))
    assert [each.action for each in found.values()] == ["reuse", "run", "reuse", "run"]


def test_another_source_reuses_nothing() -> None:
    store = Memory()
    execute(store, workflow(*STEPS))
    found = planned(store, workflow(*STEPS), source="other")
    assert {each.action for each in found.values()} == {"run"}


def test_what_is_pinned_is_taken_whatever_its_key_says() -> None:
    store = Memory()
    digests = execute(store, workflow(*STEPS))
    pinned = {"load": Known(execution=digests["load"], run="run0")}
    found = planned(store, workflow(*STEPS), reuse=False, source="other", pinned=pinned)
    assert (found["load"].action, found["load"].reused_from) == ("reuse", "run0")
    assert found["left"].action == "run"


def test_an_execution_that_cannot_be_read_is_not_reused() -> None:
    store = Memory()
    execute(store, workflow(*STEPS))
    store.addressed.clear()
    assert {each.action for each in planned(store, workflow(*STEPS)).values()} == {"run"}


def test_a_step_whose_environment_nobody_knows_yet_runs_and_has_no_key() -> None:
    store, known = Memory(), workflow(*STEPS)
    execute(store, known)
    found = planned(store, known, environment=lambda _: "")
    assert {(each.action, each.key) for each in found.values()} == {("run", None)}
