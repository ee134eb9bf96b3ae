"""What a session has to know of the engine that runs its pods.

An engine keeps one object for each run and starts pods because of it. `ClusterSession` follows
that object and does everything that is the same for all engines; whoever brings an engine writes
an `Engine`, which says what the object tells and how to change it. It keeps no state, and what it
reads are objects as the API server serves them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.backends.kubernetes.client import Cluster, Kind
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow

Object = dict[str, Any]
"""An object as the API server serves it."""


class PodState(NamedTuple):
    """What an engine tells of one pod of a step: of one attempt.

    Attributes:
        step: Name of the step, as the workflow has it.
        number: Which attempt the engine counts it as; the first is 1.
        phase: `pending` until its containers run, `ended` when it will never write again.
        failed: Whether it ended otherwise than well.
        message: What the engine says of it, in its own words.
        exit_code: Of the runner, as far as it is known.
        name: Name of the pod, or the end of it that no other pod of the run has; empty when the
            engine does not tell.
    """

    step: str
    number: int
    phase: Literal["pending", "running", "ended"]
    failed: bool = False
    message: str = ""
    exit_code: int | None = None
    name: str = ""


class Outcome(NamedTuple):
    """How an engine says that the steps of a run ended.

    Attributes:
        status: `cancelled` when somebody stopped the run in the engine itself.
        message: Why, in words for people; empty when the steps say it.
        deadline: How many seconds the whole run might take, when they are over.
        ended: When they ended by the clock of the cluster, seconds since the epoch.
    """

    status: Literal["succeeded", "failed", "cancelled"]
    message: str = ""
    deadline: float | None = None
    ended: float | None = None


class Answer(NamedTuple):
    """What somebody answers to the question of a step.

    Attributes:
        step: The step that asks.
        decision: `approve` or `reject`.
        comment: What is said about it.
    """

    step: str
    decision: str
    comment: str


class Engine(ABC):
    """What one engine's objects say. Each function is told the object as it was read last."""

    title: ClassVar[str]
    """What people call it: `Argo`."""

    kind: ClassVar[Kind]
    """The kind of the object that stands for a run."""

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
            UsageError: A setting is missing or wrong, or the engine cannot take a text as it is.
        """

    @abstractmethod
    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended; None while any may still go on.

        A last pod that only records the end need not have ended.
        """

    @abstractmethod
    def pods(self, cluster: Cluster, found: Object) -> Sequence[PodState]:
        """The pods of steps so far, with those of earlier attempts.

        Asked when the object changed, and otherwise every few seconds; an engine that keeps
        them in other objects may make one list of these.
        """

    @abstractmethod
    def labels(self, name: str) -> Mapping[str, str]:
        """The labels that all pods of a run's object have, and no others."""

    @abstractmethod
    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """The step that a pod of the run is for; None for one that is for none."""

    @abstractmethod
    def gates(self, found: Object) -> set[str]:
        """The steps that wait for a person in the engine; none when their pods wait themselves."""

    @abstractmethod
    def answer(
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Answer some of the gates.

        Args:
            cluster: Where the object is.
            found: The object.
            answers: By step: `decision` (`approve` or `reject`), `by`, `comment`.

        Raises:
            Conflict: The object has changed since; it is read and tried again.
        """

    def pass_on(
        self,
        cluster: Cluster,  # noqa: ARG002 - where something in the engine asks
        found: Object,  # noqa: ARG002
        workflow: Workflow,  # noqa: ARG002
        answer: Answer,  # noqa: ARG002
    ) -> bool:
        """Give an answer to what asks in the engine by rules of its own.

        Args:
            cluster: Where the object is.
            found: The object.
            workflow: What runs.
            answer: What is answered.

        Returns:
            Whether something there asks; else the answer counts that is written down.

        Raises:
            UsageError: This answer, or one of this person, does not count there.
            Conflict: Somebody answered at the same time; the object is read and tried again.
        """
        return False

    @abstractmethod
    def stop(self, cluster: Cluster, name: str) -> None:
        """Make the engine end the run's pods, and still record how it ended where it can."""

    def url(self, namespace: str, name: str) -> str | None:  # noqa: ARG002 - where it has pages
        """The page of a run in the engine's own UI, when its address is known."""
        return None
