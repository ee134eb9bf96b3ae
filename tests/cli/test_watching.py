from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ithaca.cli.live import _ask, _table, _words
from ithaca.cli.summary import summary
from ithaca.model.run import RunDocument, StepError
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.records.fold import StepState
from ithaca.runs.project import Project, find_project
from ithaca.store import LocalStore

RUN = "01JCCCCCCCCCCCCCCCCCCCCCCC"


@pytest.fixture
def retrying(project: Path) -> Project:
    """A project with a run whose step may be tried three times."""
    workflow = Workflow(
        name="w",
        steps=(Step(name="a", retries=2),),
        source=Source(notebook="w.ipynb", digest="d"),
    )
    store = LocalStore.open(project / ".ithaca" / "store")
    document = RunDocument(
        id=RUN,
        created=1.0,
        workflow=store.put(workflow.to_json().encode()),
        name="w",
        source="5" * 64,
        notebook="w.ipynb",
        root=str(project),
        python="python",
        environment="e",
    )
    store.create(names.run(RUN), msgspec.json.encode(document))
    return find_project(project)


@pytest.mark.parametrize(
    ("status", "attempt", "said"),
    [
        ("running", 1, "running"),
        ("pending", 1, "failed in 1.6 s; attempt 2 of 3 follows"),
        ("running", 2, "running (attempt 2 of 3)"),
        ("failed", 3, "failed (attempt 3 of 3) in 1.6 s"),
        ("pending", 3, "failed in 1.6 s; attempt 4 of 4 follows"),  # one was lost to the machine
    ],
)
def test_a_retry_says_which_attempt_of_how_many(
    retrying: Project, status: str, attempt: int, said: str
) -> None:
    times = {} if status == "running" else {"started": 1.0, "ended": 2.6}
    step = StepState(name="a", status=status, attempt=attempt, **times)  # type: ignore[arg-type]
    assert _words(retrying.run(RUN), step) == said


def test_the_table_shows_a_step_between_two_attempts_as_failed(retrying: Project) -> None:
    from rich.console import Console

    run = retrying.run(RUN)
    step = StepState(name="a", status="pending", attempt=1, started=1.0, ended=2.6)
    state = msgspec.structs.replace(run.state(), steps=(step,))
    console = Console(width=100, record=True)
    console.print(_table(run, state))
    line = console.export_text().splitlines()[-1].split()
    assert line == ["a", "failed", "1.6", "s", "attempt", "2", "of", "3", "follows"]


def test_what_an_attempt_did_not_leave_is_not_offered(
    retrying: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run = retrying.run(RUN)
    error = StepError(code="ITH508", message="TOKEN is not set", cure="set it")
    step = StepState(name="a", status="failed", attempt=1, error=error)
    state = msgspec.structs.replace(run.state(), status="failed", steps=(step,))
    summary(run, state)
    said = capsys.readouterr().out
    assert "error[ITH508]: step `a`: TOKEN is not set\n  → set it\n" in said
    assert "runs notebook" not in said
    assert "runs logs" not in said
    store = run.project.store()
    store.create(names.log(RUN, "a", 1, 0), b"a\n")
    store.create(names.attempt(RUN, "a", 1, "notebook.ipynb"), b"{}")
    started = msgspec.structs.replace(step, started=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "step", lambda _: started)
        summary(run, state)
    said = capsys.readouterr().out
    assert f"runs notebook {RUN}/a" in said
    assert f"runs logs {RUN}/a" in said


def test_a_values_error_names_its_step_once(
    retrying: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run = retrying.run(RUN)
    error = StepError(code="ITH510", message="step a cannot save s (generator)", cure="a list")
    step = StepState(name="a", status="failed", attempt=1, error=error)
    summary(run, msgspec.structs.replace(run.state(), status="failed", steps=(step,)))
    said = capsys.readouterr().out
    assert "error[ITH510]: step `a`: cannot save s (generator)\n  → a list\n" in said


def test_after_a_failure_it_depends_on_what_has_to_change(
    retrying: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = retrying.run(RUN)
    monkeypatch.chdir(retrying.root)
    summary(run, msgspec.structs.replace(run.state(), status="failed"))
    said = capsys.readouterr().out
    assert "after editing the notebook or files: ithaca run w.ipynb [same options]\n" in said
    assert f"flaky step): ithaca runs retry {RUN}\n" in said
    summary(run, msgspec.structs.replace(run.state(), status="cancelled"))
    assert "after editing" not in capsys.readouterr().out


def test_who_pressed_ctrl_c_is_not_told_who_cancelled_the_run(
    retrying: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run = retrying.run(RUN)
    state = msgspec.structs.replace(run.state(), status="cancelled", message="cancelled by ada")
    summary(run, state)
    assert "cancelled by ada" in capsys.readouterr().out
    summary(run, state, ours=True)
    assert "cancelled by" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 80, 90])
def test_commands_are_never_broken_and_the_title_is_one_line(
    retrying: Project, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    run = retrying.run(RUN)
    monkeypatch.chdir(retrying.root)
    question = "Does everybody agree that this goes to production today, also the night shift?"
    step = StepState(name="a_step_with_a_long_name", status="waiting", question=question)
    state = msgspec.structs.replace(run.state(), name="a long name " * 9, steps=(step, step))
    console = Console(width=width, record=True)
    asked: set[str] = set()
    _ask(run, state, asked, console)
    _ask(run, state, asked, console)
    lines = console.export_text(clear=True).splitlines()
    assert lines == [
        f"a_step_with_a_long_name waits: {question}",
        f"  ithaca runs approve {RUN}/a_step_with_a_long_name",
        f"  ithaca runs reject {RUN}/a_step_with_a_long_name",
    ]
    console.print(_table(run, state))
    title, head, *_ = console.export_text().splitlines()
    assert title.startswith(RUN)
    assert len(title) <= width
    assert head.split() == ["step", "state", "cell", "time"]
