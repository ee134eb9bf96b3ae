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
from ithaca.errors import NotFound, UsageError
from ithaca.model.study import SessionEnd, SessionStart, StudyDocument
from ithaca.runs.launch import check_arguments
from ithaca.runs.preparing import prepare
from ithaca.runs.project import find_project
from ithaca.tuning.algorithms import check_algorithm
from ithaca.tuning.driver import POLL, POLL_STOP, Driver
from ithaca.tuning.record import StudyRecord
from ithaca.tuning.request import gather, project_options
from ithaca.tuning.sampler import Sampler, without_password

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from ithaca.model import workflow as model
    from ithaca.runs import Preparation, Run, Workflow
    from ithaca.tuning.record import TrialRecord
    from ithaca.tuning.request import Request, TuneOptions

    Announce = Callable[[StudyRecord, Run | None, Sequence[str]], None]


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
    tune_options: TuneOptions,
    *,
    sampler: BaseSampler | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    **flags: Any,
) -> tuple[Preparation, Request]:
    """Check what a study shall do, and then prepare its workflow.

    Args:
        workflow: The workflow.
        tune_options: What the caller asks for; the rest is in the project and the notebook.
        sampler: A sampler of Optuna's to use instead of the one that is named.
        progress: Called with (what, files, bytes) as the work proceeds.
        flags: Settings that override the project's, as in `ithaca.run`.

    Raises:
        UsageError: Something is wrong with the request or a setting; nothing was written.
        StoreError: The store cannot be written, or the project is too large.
        BackendError: The backend cannot be reached.
    """
    project = find_project(workflow.root, flags)
    request = gather(workflow.ir, [project_options(project), tune_options])
    problems = check_algorithm(request) if sampler is None else []
    check_arguments(workflow.ir, request.fixed)
    if problems:
        raise UsageError("ITH702", "; ".join(problems), cure="`ithaca tune --help` shows the forms")
    return prepare(workflow, root=workflow.root, progress=progress, **flags), request


def drive(
    prepared: Preparation,
    request: Request,
    *,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    announce: Announce = lambda _record, _run, _notices: None,
    report: Callable[[TrialRecord], None] = lambda _trial: None,
) -> StudyRecord:
    """Start a study, or continue the one of that name, and run its trials.

    Args:
        prepared: The workflow.
        request: What to search.
        sampler: A sampler of Optuna's to use instead of the one that the request names.
        pruner: A pruner of Optuna's to use instead of the one that the request names.
        announce: Called once with the study, the run of the shared steps if there is one, and
            notices for the user.
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
    with _alone(folder, request.study):
        document = _document(record, prepared, request)
        proposals = Sampler(
            document, request, folder / "optuna.log", sampler=sampler, pruner=pruner
        )
        record.create(document)
        proposals.restore(record.trials())
        notices = _changes(record, prepared)
        request = _named(request, sampler, pruner)
        session = _session(prepared, request, _prefix(record, prepared, request))
        record.start_session(session)
        end = SessionEnd(ended=time.time(), reason="interrupted")
        try:
            prefix = _run_prefix(prepared, session, request)
            announce(record, prefix, notices)
            if prefix is None or _has_ended(prefix, record, session):
                after = prepared if prefix is None else prepared.after(prefix)
                trials = after.of_study(request.study)
                end = Driver(trials, record, session, proposals, report).drive()
            else:
                end = SessionEnd(ended=time.time(), reason="stopped")
        except Exception as error:
            end = SessionEnd(ended=time.time(), reason="failed", message=str(error))
            raise
        finally:
            record.end_session(session.id, msgspec.structs.replace(end, ended=time.time()))
    return record


@contextlib.contextmanager
def _alone(folder: Path, study: str) -> Iterator[None]:
    """Refuse a second driver of a study on this machine."""
    path = folder / ".lock"
    try:
        held = lock.hold(path)
    except BlockingIOError:
        raise UsageError(
            "ITH706",
            f'the study "{study}" is running already (process {lock.owner(path)})',
            cure=f"watch it with `ithaca studies show {study}`, or choose another name with "
            "--study",
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
    """The study's document, which may be written already."""
    document = StudyDocument(
        name=request.study,
        created=time.time(),
        notebook=prepared.workflow.source.notebook,
        space=request.space,
        fixed=request.fixed,
        objectives=request.objectives,
        constraints=request.constraints,
        storage=without_password(request.storage),
    )
    try:
        known = record.study()
    except NotFound:
        return document
    differences = [
        f"{field}: {_shown(getattr(known, field))} there, {_shown(getattr(document, field))} here"
        for field in ("notebook", "space", "fixed", "objectives", "constraints", "storage")
        if getattr(known, field) != getattr(document, field)
    ]
    if differences:
        raise UsageError(
            "ITH707",
            f'the study "{request.study}" exists with something else: {"; ".join(differences)}',
            cure="choose another name with --study",
        )
    return known


def _changes(record: StudyRecord, prepared: Preparation) -> list[str]:
    """Notices about what differs from the last session of the study."""
    sessions = record.sessions()
    if not sessions or _is_same(sessions[-1][0], prepared):
        return []
    return [
        "the notebook, the project's files or the environment changed since the study ran; its "
        "earlier results are kept"
    ]


def _is_same(session: SessionStart, prepared: Preparation) -> bool:
    """Whether the shared steps of a session are those of a preparation."""
    now = prepared.document
    return (session.workflow, session.source, session.environment) == (
        now.workflow,
        now.source,
        now.environment,
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value) or "none"
    return str(value) or "none"


def _prefix(record: StudyRecord, prepared: Preparation, request: Request) -> str:
    """Id of the run of the steps that all trials share: an earlier one that may still count."""
    if not shared_by_trials(prepared.workflow, request.space):
        return ""
    for session, _ in reversed(record.sessions()):
        if session.prefix and _is_same(session, prepared):
            run = prepared.open(session.prefix)
            if run is None or run.status in ("pending", "running", "succeeded"):
                return session.prefix
    return str(ULID())


def _run_prefix(prepared: Preparation, session: SessionStart, request: Request) -> Run | None:
    """Start the run of the shared steps, unless there are none or an earlier session did."""
    if not session.prefix:
        return None
    part = prepared.part(shared_by_trials(prepared.workflow, request.space))
    return part.launch(request.fixed, run_id=session.prefix)


def _has_ended(prefix: Run, record: StudyRecord, session: SessionStart) -> bool:
    """Wait for the shared steps; False if somebody stopped the study meanwhile.

    Raises:
        RunFailed: One of them failed.
    """
    stopped = False
    try:
        for _ in prefix.watch(POLL_STOP if prefix.document.store else POLL):
            if not stopped and record.stops_since(session.id):
                stopped = True
                prefix.cancel()
    except KeyboardInterrupt:
        prefix.cancel()
        raise
    if not stopped:
        prefix.raise_for_status()
    return not stopped


def _named(request: Request, sampler: BaseSampler | None, pruner: BasePruner | None) -> Request:
    """The request with the classes of what was made in Python."""
    names = {}
    if sampler is not None:
        names["algorithm"] = type(sampler).__name__
    if pruner is not None:
        names["pruner"] = type(pruner).__name__
    return msgspec.structs.replace(request, **names)


def _session(prepared: Preparation, request: Request, prefix: str) -> SessionStart:
    return SessionStart(
        id=str(ULID()),
        started=time.time(),
        workflow=prepared.document.workflow,
        source=prepared.document.source,
        environment=prepared.document.environment,
        backend=prepared.document.backend,
        writer=f"{socket.gethostname()}:{os.getpid()}",
        trials=request.trials,
        parallel=request.parallel,
        algorithm=request.algorithm,
        settings=msgspec.to_builtins(request.settings),
        pruner=request.pruner,
        pruner_settings=msgspec.to_builtins(request.pruner_settings),
        timeout=request.timeout,
        max_failures=request.max_failures,
        retries=request.retries,
        prefix=prefix,
    )
