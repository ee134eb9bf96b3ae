"""Starting and continuing a study."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec
from ulid import ULID

from ithaca.backends.local import lock
from ithaca.errors import UsageError
from ithaca.model.study import SessionEnd, SessionStart, StudyDocument
from ithaca.runs.preparing import prepare
from ithaca.runs.project import find_project
from ithaca.tuning.driver import Driver
from ithaca.tuning.record import StudyRecord
from ithaca.tuning.request import gather, of_project
from ithaca.tuning.sampler import Sampler, check_algorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from optuna.samplers import BaseSampler

    from ithaca.model import workflow as model
    from ithaca.runs import Preparation, Run, Workflow
    from ithaca.tuning.record import TrialRecord
    from ithaca.tuning.request import Request, Wishes


def shared_by_trials(workflow: model.Workflow, searched: Collection[str]) -> tuple[str, ...]:
    """The steps that no searched parameter reaches: their result is the same in every trial.

    Args:
        workflow: The workflow.
        searched: Names of the searched parameters.

    Returns:
        Their names, in workflow order.
    """
    found: list[str] = []
    for step in workflow.steps:
        if {*searched}.isdisjoint(step.parameters) and {*found} >= {*step.needs}:
            found.append(step.name)
    return tuple(found)


def prepare_study(
    workflow: Workflow,
    wishes: Wishes,
    *,
    sampler: BaseSampler | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    **flags: Any,
) -> tuple[Preparation, Request]:
    """Check what a study shall do, and then prepare its workflow.

    Args:
        workflow: The workflow.
        wishes: What the caller asks for; the rest is in the project and the notebook.
        sampler: A sampler of Optuna's to use instead of the one that is named.
        progress: Called with (what, files, bytes) as the work proceeds.
        flags: Settings that override the project's, as in `ithaca.run`.

    Raises:
        UsageError: Something is wrong with the request or a setting; nothing was written.
        StoreError: The store cannot be written, or the project is too large.
        BackendError: The backend cannot be reached.
    """
    project = find_project(workflow.root, flags)
    request = gather(workflow.ir, [of_project(project), wishes])
    problems = check_algorithm(request) if sampler is None else []
    if problems:
        raise UsageError("ITH702", "; ".join(problems), cure="`ithaca tune --help` shows the forms")
    return prepare(workflow, root=workflow.root, progress=progress, **flags), request


def drive(
    prepared: Preparation,
    request: Request,
    *,
    sampler: BaseSampler | None = None,
    announce: Callable[[StudyRecord, Run | None], None] = lambda _record, _run: None,
    report: Callable[[TrialRecord], None] = lambda _trial: None,
) -> StudyRecord:
    """Start a study, or continue the one of that name, and run its trials.

    Args:
        prepared: The workflow.
        request: What to search.
        sampler: A sampler of Optuna's to use instead of the one that the request names.
        announce: Called once with the study, and the run of the shared steps if there is one.
        report: Called after each change of a trial.

    Returns:
        The study's record.

    Raises:
        UsageError: The study exists with another space, or another process drives it.
        RunFailed: A step that all trials share failed.
        StoreError: The store cannot be written.
        BackendError: The backend or Optuna's storage cannot be reached.
    """
    record = StudyRecord(prepared.store, request.study)
    folder = prepared.project.home / "studies" / request.study
    with _alone(folder, request):
        document = _document(record, prepared, request)
        proposals = Sampler(document, request, folder / "optuna.log", sampler=sampler)
        prefix = _run_prefix(prepared, record, request, announce)
        if prefix is not None:
            prepared = prepared.after(prefix)
        session = _session(prepared, request, prefix.id if prefix else "")
        record.start_session(session)
        end = None
        try:
            end = Driver(prepared, record, session, proposals, report).drive()
        except KeyboardInterrupt:
            end = SessionEnd(ended=time.time(), reason="interrupted")
            raise
        except Exception as error:
            end = SessionEnd(ended=time.time(), reason="failed", message=str(error))
            raise
        finally:
            if end is not None:
                record.end_session(session.id, end)
    return record


@contextlib.contextmanager
def _alone(folder: Path, request: Request) -> Iterator[None]:
    """Refuse a second driver on this machine, unless the study's storage can be shared."""
    path = folder / ".lock"
    try:
        held = lock.hold(path)
    except BlockingIOError:
        if request.storage:
            yield
            return
        raise UsageError(
            "ITH706",
            f'the study "{request.study}" is running already (process {lock.owner(path)})',
            cure=f"watch it with `ithaca studies show {request.study}`, choose another name with "
            "--study, or give a database with --storage to let several drivers share it",
        ) from None
    lock.write_owner(held)
    try:
        yield
    finally:
        os.close(held)


def is_driven(home: Path, study: str) -> bool:
    """Whether a process on this machine drives a study."""
    return lock.is_held(home / "studies" / study / ".lock")


def _document(record: StudyRecord, prepared: Preparation, request: Request) -> StudyDocument:
    """The study's document; a new one if there is no study of that name."""
    document = StudyDocument(
        name=request.study,
        created=time.time(),
        notebook=prepared.workflow.source.notebook,
        space=request.space,
        fixed=request.fixed,
        objectives=request.objectives,
        constraints=request.constraints,
        storage=request.storage,
    )
    record.create(document)
    known = record.study()
    differences = [
        f"{field}: {_shown(getattr(known, field))} there, {_shown(getattr(document, field))} here"
        for field in ("notebook", "space", "fixed", "objectives", "constraints", "storage")
        if getattr(known, field) != getattr(document, field)
    ]
    if differences:
        raise UsageError(
            "ITH707",
            f'the study "{request.study}" exists with something else: {"; ".join(differences)}',
            cure="choose another name with --study, or delete it with "
            f"`ithaca studies delete {request.study}`",
        )
    return known


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "none"
    return str(value) or "none"


def _run_prefix(
    prepared: Preparation,
    record: StudyRecord,
    request: Request,
    announce: Callable[[StudyRecord, Run | None], None],
) -> Run | None:
    """Run the steps that all trials share, unless an earlier session of the study did."""
    shared = shared_by_trials(prepared.workflow, request.space)
    if not shared:
        announce(record, None)
        return None
    earlier = [
        session.prefix
        for session, _ in record.sessions()
        if (session.workflow, session.source)
        == (prepared.document.workflow, prepared.document.source)
    ]
    part = prepared.part(shared)
    run = part.launch(request.fixed, run_id=earlier[-1] if earlier else "")
    announce(record, run)
    run.wait()
    run.raise_for_status()
    return run


def _session(prepared: Preparation, request: Request, prefix: str) -> SessionStart:
    return SessionStart(
        id=str(ULID()),
        started=time.time(),
        workflow=prepared.document.workflow,
        source=prepared.document.source,
        backend=prepared.document.backend,
        writer=f"{socket.gethostname()}:{os.getpid()}",
        trials=request.trials,
        parallel=request.parallel,
        algorithm=request.algorithm,
        settings=msgspec.to_builtins(request.settings),
        timeout=request.timeout,
        max_failures=request.max_failures,
        retries=request.retries,
        prefix=prefix,
    )
