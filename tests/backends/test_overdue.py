from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ithaca.backends.local import supervisor as supervisor_module
from ithaca.backends.local.attempt import Attempt
from ithaca.backends.local.ledger import Held
from ithaca.backends.local.supervisor import OVERDUE, Supervisor
from ithaca.model.run import StepError
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.runner.task import Task
from ithaca.store import LocalStore
from run_documents import RUN, record_run


def stuck(task: Task, claim: Held) -> Attempt:
    """A runner that does nothing, ever."""
    code = "import time; time.sleep(1000)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    return Attempt(task=task, claim=claim, process=process, pipe=-1, output=Path(task.work))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    source = Source(notebook="n.ipynb", digest="d")
    workflow = Workflow(name="w", steps=(Step(name="slow", timeout=60.0),), source=source)
    store = LocalStore.open(tmp_path / "home" / "store")
    record_run(store, workflow, root=str(tmp_path))
    return tmp_path / "home"


def test_a_runner_that_does_not_see_to_its_time_limit_is_killed_soon_after_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "start", stuck)
    now, alive = [1000.0], []

    def sleep() -> None:
        (attempt,) = supervisor.running.values()
        alive.append((now[0] - 1000.0, attempt.process.poll() is None))
        now[0] += 45.0

    supervisor = Supervisor(home, RUN, sleep, clock=lambda: now[0])
    supervisor.supervise()
    assert alive == [(0.0, True), (45.0, True), (90.0, True)]
    assert OVERDUE == 30.0
    step = supervisor.journal.state().step("slow")
    assert step.status == "timed_out"
    assert isinstance(step.error, StepError)
    assert step.error.code == "ITH503"
    assert "60 s" in step.error.message
