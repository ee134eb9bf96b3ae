"""What the commands read of a run beyond its public members, collected in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.records import names

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ithaca.model.run import Progress, RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca.records.fold import StepState
    from ithaca.runs import Run


def document(run: Run) -> RunDocument:
    """The document that describes the run."""
    return run.journal.run()


def workflow(run: Run) -> Workflow:
    """The recorded workflow of the run."""
    return run.journal.workflow()


def submitted_notebook(run: Run) -> bytes:
    """The notebook as it was submitted, as JSON."""
    return run.journal.store.read(names.run(run.id, "notebook"))


def progress(run: Run, step: StepState) -> Progress | None:
    """The cell that a step executes, if its current attempt reports one."""
    return run.journal.progress(step.name, step.attempt) if step.attempt else None


def has_log(run: Run, step: StepState) -> bool:
    """Whether the last attempt of a step printed anything."""
    return run.journal.has_log(step.name, step.attempt)


def log_chunks(run: Run, step: StepState, start: int) -> tuple[bytes, int]:
    """The log of a step's current attempt from a chunk on, and the number of the next chunk."""
    return run.journal.log(step.name, step.attempt, start=start)


def changes(run: Run) -> AbstractContextManager[Callable[[float], None]]:
    """A context whose function sleeps until the run may have changed, or for some seconds."""
    return run.session.follow(run.id)


def home(run: Run) -> Path:
    """The folder in which Ithaca keeps everything of the run's project."""
    return run.project.home
