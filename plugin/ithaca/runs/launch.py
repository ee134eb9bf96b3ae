"""A prepared workflow: everything of its runs that does not depend on their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.compiling.arguments import complete_arguments, parse_arguments
from ithaca.model.run import PlannedStep, Trial
from ithaca.records import names
from ithaca.runs.handle import Run
from ithaca.runs.reasons import why_again
from ithaca.runs.secrets import refuse_secret_arguments
from ithaca.runs.submission import executions, new_run, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager

    from ithaca.backends import Backend, Session
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca.planning.keys import Known
    from ithaca.runs.environment import Environments
    from ithaca.runs.project import Project
    from ithaca.store import Store


def check_arguments(
    workflow: Workflow, parameters: Mapping[str, Any] | Sequence[str]
) -> dict[str, Any]:
    """The value of every parameter.

    Args:
        workflow: The workflow.
        parameters: Values by name, or `NAME=VALUE` texts; the others keep their defaults.

    Raises:
        UsageError: A parameter is unknown, has another type, or holds a secret.
    """
    if not isinstance(parameters, Mapping):
        parameters = parse_arguments(parameters, workflow.parameters)
    found = complete_arguments(parameters, workflow.parameters)
    refuse_secret_arguments(workflow, found)
    return found


@dataclass(frozen=True)
class Preparation:
    """A workflow that is checked, planned as far as it can be, and ready to run many times.

    `ithaca.prepare` makes one. The project's files, the environment and the notebook are those of
    that moment: a launch reads none of them again.

    Attributes:
        workflow: What runs.
        known: Executions that stand for steps which no parameter reaches, by step.
    """

    workflow: Workflow
    known: Mapping[str, Known]
    _project: Project = field(repr=False)
    _store: Store = field(repr=False)
    _document: RunDocument = field(repr=False)
    _notebook: bytes = field(repr=False)
    _backend: Backend = field(repr=False)
    _session: Session = field(repr=False)
    _environments: Environments = field(repr=False)
    _reuse_filter: Callable[[str], str] | None = field(repr=False)

    @property
    def document(self) -> RunDocument:
        """What the documents of all its runs have in common."""
        return self._document

    @property
    def project(self) -> Project:
        """The project."""
        return self._project

    @property
    def store(self) -> Store:
        """Where the runs are kept."""
        return self._store

    def part(self, steps: Collection[str]) -> Preparation:
        """The same workflow with some of its steps only.

        Args:
            steps: Their names; what they need must be among them.
        """
        workflow = msgspec.structs.replace(
            self.workflow,
            steps=tuple(each for each in self.workflow.steps if each.name in steps),
            metrics=tuple(each for each in self.workflow.metrics if each.step in steps),
        )
        digest = self._store.put(workflow.to_json().encode())
        document = msgspec.structs.replace(self._document, workflow=digest)
        return replace(self, workflow=workflow, _document=document)

    def after(self, run: Run) -> Preparation:
        """The same workflow, whose launches start from the results of a run.

        Args:
            run: A run of some of its steps. Their executions stand for them, with `cache:off` too.
        """
        return replace(self, known={**self.known, **executions(run.observe())})

    def open(self, run_id: str) -> Run | None:
        """A run that was launched before; None if there is none of this id."""
        return self._run(run_id) if self._store.exists(names.run(run_id)) else None

    def _run(self, run_id: str) -> Run:
        """A run that shares the connection of this preparation."""
        return Run(self._project, run_id, self._store, self._session)

    def of_study(self, study: str) -> Preparation:
        """The same workflow, whose launches are trials of a study and share one template.

        Args:
            study: Name of the study.
        """
        plan = tuple(
            PlannedStep(
                step=step.name,
                action="reuse" if step.name in self.known else "run",
                execution=self.known[step.name].execution if step.name in self.known else None,
            )
            for step in self.workflow.steps
        )
        template = msgspec.structs.replace(
            self._document, plan=plan, trial=Trial(study=study, number=0)
        )
        digest = self._store.put(msgspec.json.encode(template))
        document = msgspec.structs.replace(self._document, template=digest)
        return replace(self, _document=document)

    def follow_study(
        self, study: str
    ) -> AbstractContextManager[Callable[[float], Collection[str] | None]]:
        """Watch the trials of a study; see `Session.follow_study`."""
        return self._session.follow_study(study)

    def launch(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        reuse: bool = True,
        explain: bool = False,
        run_id: str = "",
        trial: Trial | None = None,
    ) -> Run:
        """Start one run.

        Args:
            parameters: Values of parameters by name; the others keep their defaults.
            reuse: False to run every step even when its result is known.
            explain: Add a notice that says why steps run although the notebook ran before.
            run_id: Id of the run; a new one by default. If it exists already, nothing is started.
            trial: The trial of a study that the run is.

        Returns:
            The run.

        Raises:
            UsageError: A parameter is unknown, has another type, or holds a secret.
            StoreError: The store cannot be written.
            BackendError: The backend cannot be reached.

        Example:
            >>> prepared = ithaca.prepare("train.ipynb")  # doctest: +SKIP
            >>> runs = [prepared.launch({"lr": lr}) for lr in (0.1, 0.01)]  # doctest: +SKIP
        """
        if run_id and (known := self.open(run_id)) is not None:
            return known
        arguments = check_arguments(self.workflow, parameters or {})
        document = msgspec.structs.replace(
            self._document, id=run_id, arguments=arguments, reuse=reuse, trial=trial
        )
        pinned, files = (self.known if reuse else None), self._reuse_filter
        document = new_run(document, self.workflow, self._store, self._environments, pinned, files)
        if explain:
            again = why_again(self._store, self.workflow, document, files)
            document = msgspec.structs.replace(document, notices=(*document.notices, *again))
        submit(self._backend, self._session, self._store, document, self._notebook)
        return self._run(document.id)
