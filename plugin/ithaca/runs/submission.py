"""Recording a run and handing it to its backend, and retrying a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from ulid import ULID

from ithaca.errors import UsageError
from ithaca.planning.keys import Known, reuse_filter
from ithaca.planning.plan import plan
from ithaca.planning.reused import write_planned
from ithaca.records import names
from ithaca.records.fold import ENDED, GOOD
from ithaca.records.journal import Journal
from ithaca.runner.environments.wanted import parse
from ithaca.runs.environment import InPods, here_again
from ithaca.runs.reasons import changed_since

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ithaca.backends import Backend, Session
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca.records.fold import RunState
    from ithaca.runs.environment import Environments
    from ithaca.runs.project import Project
    from ithaca.store import Store


def new_run(
    document: RunDocument,
    workflow: Workflow,
    store: Store,
    environments: Environments,
    pinned: Mapping[str, Known] | None,
    files: Callable[[str], str] | None,
) -> RunDocument:
    """The document of a new run, with its id, the time and its plan.

    Args:
        document: What to run; it keeps its id if it has one.
        workflow: Its workflow.
        store: Where executions are looked up.
        environments: What the steps import.
        pinned: Executions to reuse whatever their key is, by step.
        files: The reuse filter (`keys.reuse_filter`); None if all files count.
    """
    return msgspec.structs.replace(
        document,
        id=document.id or str(ULID()),
        created=time.time(),
        plan=plan(
            workflow,
            store=store,
            arguments=document.arguments,
            environment=environments.of,
            source=document.source,
            reuse=document.reuse,
            pinned=pinned,
            reuse_filter=files,
        ),
    )


def executions(state: RunState) -> dict[str, Known]:
    """The executions of the steps that succeeded in a run, by step.

    Args:
        state: How the run stands.
    """
    return {
        step.name: Known(execution=step.execution, run=step.reused_from or state.id)
        for step in state.steps
        if step.status in GOOD and step.execution is not None
    }


def submit(
    backend: Backend, session: Session, store: Store, document: RunDocument, notebook: bytes
) -> None:
    """Record a run and start it.

    Args:
        backend: What runs it.
        session: Reaches the backend.
        store: Where the run is kept; it holds the workflow and the source already.
        document: What to run.
        notebook: The notebook as it was submitted.

    Raises:
        StoreError: The store cannot be written.
        BackendError: The backend cannot be reached, or refuses the run.
    """
    store.create(names.run(document.id, "notebook"), notebook)
    if not store.create(names.run(document.id), msgspec.json.encode(document)):
        return  # another driver of the same study submitted it
    if backend.remote:
        write_planned(Journal(store, document.id))
    session.submit(document.id)


def retry(project: Project, journal: Journal, store: Store, state: RunState) -> str:
    """Start a new run that reuses the steps that succeeded in another.

    It uses the recorded workflow, arguments, files and notebook. Only the environment and the merge
    rules are read again, because a missing library or a conflict is a common reason to retry.

    Args:
        project: The project.
        journal: The other run.
        store: Where it is kept.
        state: How it ended.

    Returns:
        The id of the new run.

    Raises:
        UsageError: The run has not ended, or has nothing left to do.
    """
    if state.status not in ENDED:
        raise UsageError(
            "ITH907",
            f"the run is {state.status}",
            where=f"run {state.id}",
            cure=f"wait for its end, or cancel it with `ithaca runs cancel {state.id}`",
        )
    if state.status == "succeeded":
        raise UsageError(
            "ITH907",
            "every step of the run succeeded",
            where=f"run {state.id}",
            cure=f"to run the notebook again, use `ithaca run {journal.run().notebook} --no-reuse`",
        )
    before, workflow = journal.run(), journal.workflow()
    if before.store:
        project.refuse_writing(before.store)
    backend = project.backend(before.backend)
    environments = (
        InPods(store, backend, parse(before.environment_from))
        if backend.remote
        else here_again(project, before, workflow)
    )
    document = msgspec.structs.replace(
        before,
        id="",
        trial=None,
        template="",
        python=environments.python or before.python,
        environment=environments.identity,
        environment_from=environments.source,
        merge_rules=project.settings.table("merge"),
        retry_of=state.id,
        engine="",
        notices=changed_since(store, before, workflow),
    )
    files = reuse_filter(store, before.reuse_ignore, cache=project.home / "cache")
    document = new_run(document, workflow, store, environments, executions(state), files)
    store.share([document.source])
    session = backend.session(project.home, store)
    submit(backend, session, store, document, store.read(names.run(state.id, "notebook")))
    return document.id
