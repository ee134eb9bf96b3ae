"""The interface between a session and the engine that runs its pods.

An engine keeps one object for each run and starts the pods of that run. `ClusterSession` watches
the object and does everything that is the same for all engines. An `Engine` builds the objects of
one engine, reads their state, and changes them. It has no state of its own; the objects that it
reads are plain data, as the API server returns them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.backends.kubernetes.client import Cluster, Kind
    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow

Object = dict[str, Any]
"""An object of the API server, as plain data."""


class PodState(NamedTuple):
    """The state of one pod of a step, that is, of one attempt.

    Attributes:
        step: Name of the step in the workflow.
        number: The engine's number of the attempt; the first is 1.
        phase: `pending` until its containers run, `ended` when it will not write any more.
        failed: Whether it has failed.
        message: The engine's own message.
        exit_code: Exit code of the runner, if it is known.
        name: Name of the pod, or an ending of it that is unique in the run; empty if the engine
            does not report it.
    """

    step: str
    number: int
    phase: Literal["pending", "running", "ended"]
    failed: bool = False
    message: str = ""
    exit_code: int | None = None
    name: str = ""


class Outcome(NamedTuple):
    """How the steps of a run ended, according to the engine.

    Attributes:
        status: `cancelled` if the run was stopped in the engine itself, `lost` if the engine failed
            before it started a pod, so that another run may succeed.
        message: The reason; empty if the steps' own records give it.
        deadline: The run's deadline in seconds, if it has passed.
    """

    status: Literal["succeeded", "failed", "cancelled", "lost"]
    message: str = ""
    deadline: float | None = None


class Answer(NamedTuple):
    """A person's answer to the question of a step.

    Attributes:
        step: The step that asks.
        decision: `approve` or `reject`.
        comment: A comment, or an empty text.
    """

    step: str
    decision: str
    comment: str


class Engine(ABC):
    """Builds, reads and changes the objects of one engine.

    `found` is always the run's object as it was read last.

    Args:
        settings: `[tool.ithaca.NAME]`.
    """

    title: ClassVar[str]
    """The engine's name in messages: `Argo`."""

    kind: ClassVar[Kind]
    """The kind of the object that represents a run."""

    suspends: ClassVar[bool] = False
    """Whether approvals wait in the engine itself, not in pods: then `gates` names them."""

    page: ClassVar[str] = ""
    """The path of a run's page in the engine's UI, with `{namespace}` and `{name}`."""

    def __init__(self, settings: ClusterSettings) -> None:
        self.settings = settings

    @abstractmethod
    def objects(self, workflow: Workflow, run: RunDocument | None = None) -> Sequence[Object]:
        """Build the engine's objects for a workflow, or for a planned run of it.

        A pure function: the same input gives the same objects. The object of a run comes last and
        is called `names.workflow(run.name, run.id)`, so a submission whose answer was lost can be
        repeated. The objects before it are those that it refers to: they are created first and
        deleted with it.

        Args:
            workflow: The workflow.
            run: A planned run, to build only what this run starts; None for objects that do not
                belong to a run.

        Raises:
            UsageError: A setting is missing or wrong, or a text has a variable of the engine.
        """

    @abstractmethod
    def template(self, workflow: Workflow, shared: RunDocument) -> Sequence[Object]:
        """Build what the runs of a study's trials share.

        A pure function. The names of the objects follow from the study and the content.

        Args:
            workflow: The workflow.
            shared: What the documents of the runs have in common (`manifests.of_template`).

        Returns:
            The objects to create once, and last an object of a run that refers to them.
        """

    @abstractmethod
    def instance(self, example: Object, workflow: Workflow, run: RunDocument) -> Object:
        """Build the object of one run that uses a template.

        Args:
            example: The last object that `template` returned; it is not changed.
            workflow: The workflow.
            run: The planned run.
        """

    @abstractmethod
    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended; None while any of them may still run.

        The last pod, which only records the end, may still run.
        """

    @abstractmethod
    def pods(self, cluster: Cluster, found: Object) -> Sequence[PodState]:
        """The pods of steps so far, including those of earlier attempts.

        Called when the object has changed, and otherwise every few seconds; it may list other
        objects once.
        """

    @abstractmethod
    def labels(self, name: str) -> Mapping[str, str]:
        """The labels that select the pods of a run's object.

        Args:
            name: Name of the object.
        """

    @abstractmethod
    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """The step that a pod belongs to; None if it does not belong to a step."""

    def gates(self, found: Object) -> set[str]:  # noqa: ARG002
        """The steps that wait for a person in the engine; empty if their pods wait themselves."""
        return set()

    def answer(  # noqa: B027 - for engines with gates
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Answer waiting gates.

        Args:
            cluster: The run's cluster and namespace.
            found: The run's object.
            answers: By step: `decision` (`approve` or `reject`), `by`, `comment`.

        Raises:
            Conflict: The object has changed since it was read; the caller reads it and retries.
        """

    def pass_on(
        self,
        cluster: Cluster,  # noqa: ARG002
        found: Object,  # noqa: ARG002
        workflow: Workflow,  # noqa: ARG002
        answer: Answer,  # noqa: ARG002
    ) -> bool:
        """Pass an answer to an approval object of the engine, which has its own rules.

        Args:
            cluster: The run's cluster and namespace.
            found: The run's object.
            workflow: The workflow that runs.
            answer: The answer.

        Returns:
            Whether the engine has such an object; if not, the answer is recorded as an event.

        Raises:
            UsageError: The object does not accept this answer, or not from this person.
            Conflict: Someone answered at the same time; the caller reads the object and retries.
        """
        return False

    @abstractmethod
    def stop(self, cluster: Cluster, name: str) -> None:
        """Stop the run: the engine ends its pods and, if it can, still records the end."""

    def url(self, namespace: str, name: str) -> str | None:
        """The run's page in the engine's UI, if the address of the UI is configured."""
        if not self.page or self.settings.url is None:
            return None
        return self.settings.url.rstrip("/") + self.page.format(namespace=namespace, name=name)


def step_of(pod: Object, label: str, tasks: Mapping[str, str]) -> str | None:
    """The step that a pod belongs to, by the label that holds the name of its task.

    Args:
        pod: The pod.
        label: The label.
        tasks: The tasks, by step.
    """
    task = (pod["metadata"].get("labels") or {}).get(label)
    return next((step for step, each in tasks.items() if each == task), None)
