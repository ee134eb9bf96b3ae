from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ithaca.cli.live import _print_hints, _status_line
from ithaca.cli.run_views import summary
from ithaca.model.run import StepError
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.records.fold import StepState
from ithaca.runs.handle import open_run
from ithaca.runs.progress import table
from ithaca.runs.project import Project, find_project
from ithaca.store import Store

RECORD = Callable[[str, Workflow], Store]

RUN = "01JCCCCCCCCCCCCCCCCCCCCCCC"


@pytest.fixture
def retrying(project: Path, record_run: RECORD) -> Project:
    """A project with a run whose step may be tried three times."""
    workflow = Workflow(
        name="w",
        steps=(Step(name="a", retries=2),),
        source=Source(notebook="w.ipynb", digest="d"),
    )
    record_run(RUN, workflow)
    return find_project(project)


@pytest.mark.parametrize(
    ("status", "attempt", "said"),
    [
        ("running", 1, "running"),
        ("pending", 1, "failed in 1.6 s; retrying (attempt 2 of 3)"),
        ("running", 2, "running (attempt 2 of 3)"),
        ("failed", 3, "failed (attempt 3 of 3) in 1.6 s"),
        ("pending", 3, "failed in 1.6 s; retrying (attempt 4 of 4)"),  # one was lost to the machine
    ],
)
def test_a_status_line_names_the_attempt_of_a_retry(
    retrying: Project, status: str, attempt: int, said: str
) -> None:
    times = {} if status == "running" else {"started": 1.0, "ended": 2.6}
    step = StepState(name="a", status=status, attempt=attempt, **times)  # type: ignore[arg-type]
    assert _status_line(open_run(retrying, RUN), step) == said


def test_the_table_shows_a_step_between_two_attempts_as_failed(retrying: Project) -> None:
    from rich.console import Console

    run = open_run(retrying, RUN)
    step = StepState(name="a", status="pending", attempt=1, started=1.0, ended=2.6)
    state = msgspec.structs.replace(run.observe(), steps=(step,))
    console = Console(width=100, record=True)
    console.print(table(state, run.workflow, run.progress))
    line = console.export_text().splitlines()[-1].split()
    assert line == ["a", "failed", "1.6", "s", "retrying", "(attempt", "2", "of", "3)"]


def test_the_summary_offers_only_logs_and_notebooks_that_exist(
    retrying: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_run(retrying, RUN)
    error = StepError(code="ITH508", message="TOKEN is not set", cure="set it")
    step = StepState(name="a", status="failed", attempt=1, error=error)
    state = msgspec.structs.replace(run.observe(), status="failed", steps=(step,))
    summary(run, state)
    said = capsys.readouterr().out
    assert "error[ITH508]: step `a`: TOKEN is not set\n  → set it\n" in said
    assert "runs notebook" not in said
    assert "runs logs" not in said
    store = retrying.store()
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
    run = open_run(retrying, RUN)
    error = StepError(code="ITH510", message="step a cannot save s (generator)", cure="a list")
    step = StepState(name="a", status="failed", attempt=1, error=error)
    summary(run, msgspec.structs.replace(run.observe(), status="failed", steps=(step,)))
    said = capsys.readouterr().out
    assert "error[ITH510]: step `a`: cannot save s (generator)\n  → a list\n" in said


def test_after_a_failure_the_summary_names_two_ways_to_run_again(
    retrying: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(retrying, RUN)
    monkeypatch.chdir(retrying.root)
    summary(run, msgspec.structs.replace(run.observe(), status="failed"))
    said = capsys.readouterr().out
    assert "after editing the notebook or files: ithaca run w.ipynb [same options]\n" in said
    assert f"flaky step): ithaca runs retry {RUN}\n" in said
    summary(run, msgspec.structs.replace(run.observe(), status="cancelled"))
    assert "after editing" not in capsys.readouterr().out


def test_after_ctrl_c_the_summary_does_not_say_who_cancelled(
    retrying: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run = open_run(retrying, RUN)
    state = msgspec.structs.replace(run.observe(), status="cancelled", message="cancelled by ada")
    summary(run, state)
    assert "cancelled by ada" in capsys.readouterr().out
    summary(run, state, interrupted=True)
    assert "cancelled by" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 80, 90])
def test_commands_are_never_broken_and_the_title_is_one_line(
    retrying: Project, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    run = open_run(retrying, RUN)
    monkeypatch.chdir(retrying.root)
    question = "Does everybody agree that this goes to production today, also the night shift?"
    step = StepState(name="a_step_with_a_long_name", status="waiting", question=question)
    state = msgspec.structs.replace(run.observe(), name="a long name " * 9, steps=(step, step))
    console = Console(width=width, record=True)
    printed: set[str] = set()
    _print_hints(run, state, printed, console)
    _print_hints(run, state, printed, console)
    lines = console.export_text(clear=True).splitlines()
    assert lines == [
        f"a_step_with_a_long_name is waiting for approval: {question}",
        f"  ithaca runs approve {RUN}/a_step_with_a_long_name",
        f"  ithaca runs reject {RUN}/a_step_with_a_long_name",
    ]
    console.print(table(state, run.workflow, run.progress))
    title, head, *_ = console.export_text().splitlines()
    assert title.startswith(RUN)
    assert len(title) <= width
    assert head.split() == ["step", "state", "cell", "time"]
