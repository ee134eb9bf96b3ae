from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.model.run import AttemptEnd, AttemptStart, Event, RunEnd
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records.fold import GOOD, Document, RunState, fold
from run_documents import run_document

WORKFLOW = Workflow(
    name="w",
    steps=(
        Step(name="load"),
        Step(name="left", needs=("load",), retries=1),
        Step(name="right", needs=("load",), approval="go on?"),
        Step(name="join", needs=("left", "right")),
    ),
    source=Source(notebook="n.ipynb", digest="d"),
)
RUN = run_document()
Documents = list[tuple[str, Document]]


def start(step: str, attempt: int = 1) -> tuple[str, Document]:
    document = AttemptStart(step=step, attempt=attempt, started=2.0 + attempt, writer="me")
    return f"{step}/{attempt}/start", document


def end(
    step: str, status: str, attempt: int = 1, name: str = "end", **more: object
) -> tuple[str, Document]:
    document = AttemptEnd(step=step, attempt=attempt, ended=9.0, status=status, **more)  # type: ignore[arg-type]
    return f"{step}/{attempt}/{name}", document


def run_end(status: str, name: str = "end") -> tuple[str, Document]:
    return name, RunEnd(status=status, ended=10.0)  # type: ignore[arg-type]


def event(kind: str, step: str | None = None, number: int = 1) -> tuple[str, Document]:
    document = Event(id=f"E{number}", kind=kind, at=3.0, by="me", step=step)  # type: ignore[arg-type]
    return f"events/E{number}", document


def statuses(documents: Documents, *, alive: bool = True) -> dict[str, str]:
    return {step.name: step.status for step in state(documents, alive=alive).steps}


def state(documents: Documents, *, alive: bool = True) -> RunState:
    return fold(RUN, WORKFLOW, documents, alive=alive)


@st.composite
def some_documents(draw: st.DrawFn) -> Documents:
    steps = st.sampled_from([step.name for step in WORKFLOW.steps])
    attempts = st.integers(1, 3)
    ends = st.sampled_from(["succeeded", "reused", "failed", "timed_out", "cancelled", "lost"])
    name = st.sampled_from(["end", "end.A", "end.B"])
    document = st.one_of(
        st.builds(start, steps, attempts),
        st.builds(end, steps, ends, attempts, name),
        st.builds(event, st.sampled_from(["approve", "reject"]), steps, st.integers(1, 3)),
        st.builds(event, st.just("cancel"), st.none(), st.integers(4, 5)),
        st.builds(run_end, st.sampled_from(["succeeded", "failed", "cancelled", "lost"]), name),
    )
    return list(dict(draw(st.lists(document, max_size=12))).items())


@given(some_documents(), st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_documents_gives_the_same_state(
    documents: Documents, random: object, alive: bool
) -> None:
    shuffled = list(documents)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert state(shuffled, alive=alive) == state(documents, alive=alive)


@given(some_documents(), st.sampled_from(["succeeded", "failed", "cancelled", "lost"]))
def test_a_later_end_changes_nothing(documents: Documents, other: str) -> None:
    ended = [*documents, *([] if any(n == "end" for n, _ in documents) else [run_end("failed")])]
    assert state([*ended, run_end(other, "end.Z")]) == state(ended)


@given(some_documents(), st.booleans())
def test_nothing_is_running_or_pending_in_a_run_that_has_ended(
    documents: Documents, alive: bool
) -> None:
    ended = [*documents, run_end("failed", "end.Z")]
    assert not {"running", "pending", "waiting"} & set(statuses(ended, alive=alive).values())


@given(some_documents())
def test_a_step_that_never_began_below_one_that_ended_badly_is_skipped(
    documents: Documents,
) -> None:
    for step in state(documents).steps:
        needs = [state(documents).step(name).status for name in WORKFLOW.step(step.name).needs]
        if step.attempt == 0 and any(
            status not in GOOD | {"pending", "waiting", "running"} for status in needs
        ):
            assert step.status == "skipped"


def test_a_run_with_no_documents_is_pending() -> None:
    assert state([]).status == "pending"
    assert set(statuses([]).values()) == {"pending"}


def test_a_run_whose_owner_is_gone_without_an_end_is_lost_and_so_are_its_open_steps() -> None:
    documents = [end("load", "succeeded"), start("left")]
    assert state(documents, alive=False).status == "lost"
    assert statuses(documents, alive=False) == {
        "load": "succeeded",
        "left": "lost",
        "right": "lost",
        "join": "skipped",
    }


def test_a_step_that_asks_waits_until_a_person_answers() -> None:
    documents = [end("load", "succeeded")]
    assert state(documents).step("right").status == "waiting"
    assert state(documents).step("right").question == "go on?"
    assert statuses([*documents, event("approve", "right")])["right"] == "pending"


def test_a_step_between_two_attempts_is_pending_and_after_the_last_failed() -> None:
    documents = [end("load", "reused"), start("left"), end("left", "failed")]
    assert statuses(documents)["left"] == "pending"
    again = [*documents, start("left", 2), end("left", "timed_out", 2)]
    assert statuses(again)["left"] == "timed_out"
    assert statuses(again)["join"] == "skipped"


def test_a_failure_that_another_attempt_cannot_help_is_final() -> None:
    documents = [end("load", "succeeded"), end("left", "failed", retryable=False)]
    assert statuses(documents)["left"] == "failed"


def test_the_attempt_that_succeeded_tells_of_the_step() -> None:
    documents = [start("left"), end("left", "failed"), start("left", 2)]
    done = end("left", "succeeded", 2, metrics={"loss": 0.5})
    found = state([*documents, done]).step("left")
    assert (found.status, found.attempt, found.seconds) == ("succeeded", 2, 5.0)
    assert state([*documents, done]).metrics == {"loss": 0.5}


def test_the_first_end_of_a_run_counts() -> None:
    assert state([run_end("failed", "end.B"), run_end("succeeded", "end.A")]).status == "succeeded"


@pytest.mark.parametrize(
    ("run", "step"), [("cancelled", "cancelled"), ("lost", "lost"), ("failed", "lost")]
)
def test_a_step_that_ran_when_the_run_ended_ended_with_it(run: str, step: str) -> None:
    assert statuses([start("load"), run_end(run)])["load"] == step


def test_a_run_that_somebody_cancelled_is_cancelling_until_it_ends() -> None:
    documents = [start("load"), event("cancel", None, 4)]
    assert state(documents).cancelling
    assert not state([*documents, run_end("cancelled")]).cancelling


def lost(step: str, attempt: int) -> tuple[str, Document]:
    return end(step, "failed", attempt, infrastructure=True)


def test_attempts_that_the_machine_lost_do_not_use_up_the_retries_of_the_step() -> None:
    loaded = [start("load"), end("load", "succeeded")]
    both_lost = [*loaded, start("left"), lost("left", 1), start("left", 2), lost("left", 2)]
    assert statuses(both_lost)["left"] == "pending"
    failed = [*both_lost, start("left", 3), end("left", "failed", 3)]
    assert statuses(failed)["left"] == "pending"
    assert statuses([*failed, start("left", 4), end("left", "failed", 4)])["left"] == "failed"


def test_a_step_without_retries_is_tried_again_twice_when_the_machine_loses_it() -> None:
    documents: Documents = []
    for attempt, status in ((1, "pending"), (2, "pending"), (3, "failed")):
        documents += [start("load", attempt), lost("load", attempt)]
        assert statuses(documents)["load"] == status


def test_a_step_that_fails_after_it_was_lost_has_no_attempt_for_nothing() -> None:
    documents = [start("load"), lost("load", 1), start("load", 2), end("load", "failed", 2)]
    assert statuses(documents)["load"] == "failed"


def test_without_a_budget_a_lost_attempt_counts_like_any_other() -> None:
    run = msgspec.structs.replace(RUN, infrastructure_retries=0)
    known = fold(run, WORKFLOW, [start("load"), lost("load", 1)])
    assert known.step("load").status == "failed"
