"""Runs on a cluster: started, watched and answered through the Kubernetes API alone.

The store has everything that views show. The run's object is watched only to know when to look
there again, to write the ends that nobody else could, and to act on what people ask.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from ulid import ULID

from ithaca.backends.kubernetes import names
from ithaca.backends.kubernetes.answers import Unanswered
from ithaca.backends.kubernetes.client import POD, Cluster, Conflict, kind_of
from ithaca.backends.kubernetes.engine import Answer
from ithaca.backends.kubernetes.obstacles import obstacle, said, says_enough
from ithaca.backends.protocol import Session
from ithaca.errors import BackendError
from ithaca.records.ends import Loss, end_run, settle
from ithaca.records.fold import GOOD, OPEN
from ithaca.records.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ithaca.backends.kubernetes.engine import Engine, Object, PodState
    from ithaca.model.run import Event, Obstacle
    from ithaca.records.journal import Documents

LOOK = 1.0
"""Seconds between two looks at the store while nothing changes on the cluster."""

FRESH = 5.0
"""Seconds for which an answer of the API server counts, where nobody watches."""

AGAIN = (1.0, 2.0, 4.0, 8.0)
"""Seconds before a submission that got no answer is repeated."""

DENIED = 60.0
"""Seconds until pods are listed again that could not be."""

LATE = 1.0
"""Seconds that what the store lists may be older than what the cluster says."""

SUBMISSION = 30.0
"""Seconds that a run may be without its object because it is being submitted."""


class ClusterSession(Session):
    """Reaches the runs of one store on one cluster, whatever engine runs them there.

    Args:
        engine: What is particular to the engine.
        store: Where the runs' documents are.
        namespace: Where the engine's objects are; None: that of the kubeconfig.

    Example:
        >>> ClusterSession(ArgoEngine(settings), store)  # doctest: +SKIP
    """

    def __init__(self, engine: Engine, store: Documents, namespace: str | None = None) -> None:
        self.engine, self.store, self._namespace = engine, store, namespace
        self._cluster: Cluster | None = None
        self._seen: dict[str, tuple[float, Object | None]] = {}
        self._settled: dict[str, _Settled] = {}

    @property
    def cluster(self) -> Cluster:
        """The cluster; connected when it is first needed."""
        if self._cluster is None:
            self._cluster = Cluster.connect(namespace=self._namespace)
        return self._cluster

    def submit(self, run_id: str) -> None:
        """Create the run's object; a run of which everything is known ends at once."""
        journal = Journal(self.store, run_id)
        run = journal.run()
        if all(each.action == "reuse" for each in run.plan):
            end_run(journal)
            return
        error, unknown = self._create(self.engine.manifests(journal.workflow(), run))
        if error is None:
            return
        if not unknown:
            journal.end("failed", f"{self.engine.title} did not take it: {error.message}")
            raise error
        raise BackendError(
            "ITH664",
            f"it is not known whether {self.engine.title} took the run: {error.message}",
            where=f"run {run_id}",
            cure=f"once the cluster answers, `ithaca runs show {run_id}` says how it stands; where "
            f"it is lost, `ithaca runs retry {run_id}` starts it",
        ) from None

    def _create(self, manifests: Sequence[Object]) -> tuple[BackendError | None, bool]:
        """Create objects; says what went wrong, and whether the run's may be there nevertheless.

        Their names follow from the run, so that asking again makes no second ones.
        """
        unknown = False
        for pause in (*AGAIN, None):
            try:
                made = [self.cluster.create(each) for each in manifests]
            except BackendError as error:
                unanswered = isinstance(error, Unanswered)
                unknown = unknown or unanswered
                if pause is None or not (unanswered or error.code == "ITH660"):
                    return error, unknown
                time.sleep(pause)
            else:
                self._own(made)
                break
        return None, False

    def _own(self, made: Sequence[Object]) -> None:
        """Let what was created for a run's object go with it."""
        *parts, run = made
        for each in parts:
            owner = {key: run[key] for key in ("apiVersion", "kind")}
            owner |= {key: run["metadata"][key] for key in ("name", "uid")}
            changes = {"metadata": {"ownerReferences": [owner]}}
            with contextlib.suppress(BackendError):  # the run goes on; they only stay longer
                self.cluster.patch(kind_of(each), each["metadata"]["name"], changes)

    def alive(self, run_id: str) -> bool:
        """Whether the run's object is there; a cluster that does not answer is no proof."""
        journal = Journal(self.store, run_id)
        try:
            found = self._look(run_id)
            if found is None:
                return time.time() - ULID.from_str(run_id).timestamp < SUBMISSION
            self._settle(journal, found)
        except BackendError:
            return True
        return True

    def wake(self, run_id: str) -> None:
        """Do what was asked: stop the run's pods, or answer what waits in the engine."""
        journal = Journal(self.store, run_id)
        (cluster, name), events = self._find(journal), journal.events()
        if any(event.kind == "cancel" for event in events):
            self.engine.stop(cluster, name)
            return
        answers = _answers(events)
        while True:
            found = cluster.get(self.engine.kind, name)
            if found is None or not answers.keys() & self.engine.gates(found):
                return
            with contextlib.suppress(Conflict):  # the controller wrote meanwhile: look again
                self.engine.answer(cluster, found, answers)
                return

    def answer(self, run_id: str, step: str, decision: str, comment: str) -> bool:
        """Let the engine have the answer where something in it asks by rules of its own."""
        journal = Journal(self.store, run_id)
        cluster, name = self._find(journal)
        answer = Answer(step, decision, comment)
        while (found := cluster.get(self.engine.kind, name)) is not None:
            with contextlib.suppress(Conflict):
                return self.engine.pass_on(cluster, found, journal.workflow(), answer)
        return False

    @contextlib.contextmanager
    def follow(self, run_id: str) -> Iterator[Callable[[float], None]]:
        """Watch the run's object, in a thread of its own.

        Raises:
            BackendError: The cluster does not let us see it, and not only for a moment (ITH665).
        """
        journal = Journal(self.store, run_id)
        if journal.ended() is not None:
            yield time.sleep
            return
        changed, over = threading.Event(), threading.Event()
        cluster, name = self._find(journal)

        refusals: list[BackendError] = []

        def watch() -> None:
            try:
                for found in cluster.watch(self.engine.kind, name=name, stop=over):
                    self._seen[run_id] = (float("inf"), found)
                    changed.set()
            except BackendError as error:
                refusals.append(error)
                changed.set()
                return
            if not over.is_set():
                self._end_deleted(journal)
                self._seen.pop(run_id, None)
                changed.set()

        def wait(seconds: float) -> None:
            changed.wait(max(seconds, LOOK))
            changed.clear()
            if refusals:
                raise BackendError(
                    "ITH665",
                    f"the run can be watched no longer: {refusals[0].message}",
                    where=f"run {run_id}",
                    cure=f"the run goes on; `ithaca runs show {run_id}` says how it stands",
                )

        thread = threading.Thread(target=watch, daemon=True, name=f"watch {name}")
        thread.start()
        try:
            yield wait
        finally:
            over.set()
            self._seen.pop(run_id, None)

    def obstacles(self, run_id: str) -> Mapping[str, Obstacle]:
        """Why pods do not start: as the run's object says or, where it is silent, the pods."""
        seen = self._settled.get(run_id)
        waiting = [each for each in seen.latest if each.phase == "pending"] if seen else []
        found = {each.step: obstacle(each.message) for each in waiting}
        if seen is not None and not all(map(says_enough, found.values())):
            found.update(self._listed(Journal(self.store, run_id), seen))
        return {step: why for step, why in found.items() if why is not None}

    def _listed(self, journal: Journal, seen: _Settled) -> dict[str, Obstacle]:
        """What the run's pods say; asked once in a while, and by whoever may."""
        now = time.monotonic()
        if now >= seen.next_list:
            seen.next_list, seen.listed = now + FRESH, {}
            try:
                cluster, name = self._find(journal)
                pods, _ = cluster.list(POD, labels=self.engine.labels(name))
            except BackendError:  # views need no right to see pods
                seen.next_list = now + DENIED
                return {}
            for pod in pods:
                step, why = self.engine.step(pod, journal.workflow()), obstacle(said(pod))
                if step is not None and why is not None:
                    seen.listed[step] = why
        return seen.listed

    def url(self, run_id: str) -> str | None:
        """The run's page in the engine's UI, when its address is set."""
        return self.engine.url(*self._place(Journal(self.store, run_id)))

    def _place(self, journal: Journal) -> tuple[str, str]:
        """The namespace and the name of the run's object."""
        run = journal.run()
        if not run.engine:
            namespace = self._namespace or self.cluster.namespace
            return namespace, names.workflow(run.name, journal.id)
        _, namespace, name, _ = run.engine.split("/")  # somebody else gave it its name
        return namespace, name

    def _find(self, journal: Journal) -> tuple[Cluster, str]:
        """Where the run's object is, and its name."""
        namespace, name = self._place(journal)
        return self.cluster.within(namespace), name

    def _look(self, run_id: str) -> Object | None:
        """The run's object as it was seen last."""
        until, found = self._seen.get(run_id, (0.0, None))
        if time.monotonic() > until:
            cluster, name = self._find(Journal(self.store, run_id))
            found = cluster.get(self.engine.kind, name)
            self._seen[run_id] = (time.monotonic() + FRESH, found)
        return found

    def _settle(self, journal: Journal, found: Object) -> None:
        """Write the ends that the run's pods could not, and its own once its steps have ended.

        A last pod would do it, too; but it takes its time, or may never come.
        """
        if journal.ended() is not None:
            return
        outcome = self.engine.outcome(found)
        state = self._settled.setdefault(journal.id, _Settled())
        if outcome is not None or state.is_due(found):
            self._settle_attempts(journal, found, state)
        if outcome is None:
            return
        if not all(step.status in GOOD for step in journal.state().steps):
            time.sleep(LATE)
        end_run(
            journal,
            stopped=outcome.status == "cancelled",
            deadline=outcome.deadline,
            message=outcome.message,
        )

    def _end_deleted(self, journal: Journal) -> None:
        """Write the end of a run whose object somebody deleted before our eyes.

        One that is only not there may be on another cluster than that of the kubeconfig.
        """
        time.sleep(LATE)
        if any(step.status in OPEN for step in journal.state().steps):
            journal.end("lost", f"its {self.engine.kind.kind} was deleted")
        else:
            end_run(journal)

    def _settle_attempts(self, journal: Journal, found: Object, state: _Settled) -> None:
        cluster, _ = self._find(journal)
        pods = {(pod.step, pod.number): pod for pod in self.engine.pods(cluster, found)}
        state.latest = tuple(pods.values())
        lost = [place for place, pod in pods.items() if pod.failed and place not in state.pods]
        settle(
            journal,
            [
                Loss(
                    *(pod.step, pod.number, pod.message, pod.exit_code, pod.name),
                    cure=why.cure if (why := obstacle(pod.message)) else "",
                )
                for pod in (pods[place] for place in lost)
            ],
        )
        state.pods.update(lost)


class _Settled:
    """What has been looked at of a run already.

    Attributes:
        pods: Those that ended badly and need no further look.
        latest: All, as the engine told of them last.
        listed: Why pods do not start, as they say themselves.
        next_list: When they may be asked again.
    """

    def __init__(self) -> None:
        self.pods: set[tuple[str, int]] = set()
        self.latest: tuple[PodState, ...] = ()
        self.listed: dict[str, Obstacle] = {}
        self.next_list = 0.0
        self._version, self._until = "", 0.0

    def is_due(self, found: Object) -> bool:
        """Whether the object has changed, or was looked at too long ago."""
        version, now = found["metadata"].get("resourceVersion", ""), time.monotonic()
        if version == self._version and now < self._until:
            return False
        self._version, self._until = version, now + FRESH
        return True


def _answers(events: list[Event]) -> dict[str, dict[str, str]]:
    """What to supply for each step that was answered; the first answer counts."""
    found: dict[str, dict[str, str]] = {}
    for event in events:
        if event.step is not None and event.kind in ("approve", "reject"):
            told = {"decision": event.kind, "by": event.by, "comment": event.comment}
            found.setdefault(event.step, told)
    return found
