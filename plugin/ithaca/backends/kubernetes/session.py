"""Runs on a cluster: started, watched and answered through the Kubernetes API alone.

The store has everything that views show. The run's object says when to look there again, which
ends no pod can write any more, and what to do with a person's answer.
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING

from ulid import ULID

from ithaca.backends.kubernetes import names
from ithaca.backends.kubernetes.answers import Unanswered
from ithaca.backends.kubernetes.client import POD, Cluster, Conflict
from ithaca.backends.kubernetes.creating import Creator
from ithaca.backends.kubernetes.engine import Answer
from ithaca.backends.kubernetes.following import LOOK, Changed, of_run, of_study
from ithaca.backends.kubernetes.obstacles import is_specific, obstacle, waiting_reason
from ithaca.backends.kubernetes.view import FRESH, View
from ithaca.backends.protocol import Observation, Session
from ithaca.errors import BackendError
from ithaca.records.draft import Draft
from ithaca.records.ends import Loss, end_run, settle
from ithaca.records.fold import GOOD, OPEN
from ithaca.records.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ithaca.backends.kubernetes.engine import Engine, Object
    from ithaca.model.run import Event, Obstacle, RunDocument
    from ithaca.store import Documents

GATE = 60.0
"""Seconds that an answer waits until the engine asks."""

DENIED = 60.0
"""Seconds until a refused list of pods is asked for again."""

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
        self._views: dict[str, View] = {}
        self._followed = ""

    @functools.cached_property
    def _creator(self) -> Creator:
        return Creator(self.cluster, self.engine, self.store)

    @property
    def cluster(self) -> Cluster:
        """The cluster; connected when it is first needed."""
        if self._cluster is None:
            self._cluster = Cluster.connect(namespace=self._namespace)
        return self._cluster

    def submit(self, run_id: str) -> None:
        """Create the run's object. A run whose steps are all reused ends at once."""
        view = self._view(run_id)
        journal, run = view.journal, view.journal.run()
        if all(each.action == "reuse" for each in run.plan):
            end_run(journal)
            return
        try:
            made = self._creator.create(journal.workflow(), run)
        except Unanswered as error:
            raise BackendError(
                "ITH664",
                f"{self.engine.title} did not confirm the run: {error.message}",
                where=f"run {run_id}",
                cure=f"when the cluster answers again, check it with `ithaca runs show {run_id}`; "
                f"if it is lost, start it with `ithaca runs retry {run_id}`",
            ) from None
        except BackendError as error:
            journal.end("failed", f"{self.engine.title} refused it: {error.message}")
            raise
        view.keep(made, self._fresh_until(run))

    def observe(self, run_id: str) -> Observation:
        """What the run's object and its pods say; nothing is written."""
        view = self._view(run_id)
        draft = Draft(self.store)
        alive = self._settle(view, view.journal.over(draft))
        return Observation(alive, draft.written, self._obstacles(view) if alive else {})

    def reconcile(self, run_id: str) -> None:
        """Write the ends that the run's pods could not, and the run's once its steps have ended.

        The last pod writes the run's end, too; but it takes its time, or may never start.
        """
        view = self._view(run_id)
        if view.journal.ended() is None or view.journal.unexplained():
            self._settle(view, view.journal)
        if self._followed and view.journal.ended() is not None:
            self._views.pop(run_id, None)

    def wake(self, run_id: str) -> None:
        """Do what was asked: stop the run's pods, or answer what waits in the engine."""
        journal = self._view(run_id).journal
        (cluster, name), events = self._find(journal), journal.events()
        if any(event.kind == "cancel" for event in events):
            self.engine.stop(cluster, name)
            return
        answers, last = _answers(events), time.monotonic() + GATE
        while (found := cluster.get(self.engine.kind, name)) is not None:
            if self._passed(cluster, found, answers) or not self.engine.suspends:
                return
            if self.engine.outcome(found) is not None or time.monotonic() > last:
                return
            time.sleep(LOOK / 2)  # the answer came before the engine asks

    def _passed(
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> bool:
        """Answer what waits in the engine; False when nothing that was answered waits there."""
        if not answers.keys() & self.engine.gates(found):
            return False
        try:
            self.engine.answer(cluster, found, answers)
        except Conflict:  # the controller wrote meanwhile
            return False
        return True

    def answer(self, run_id: str, step: str, decision: str, comment: str) -> bool:
        """Let the engine have the answer where something in it asks by rules of its own."""
        journal = self._view(run_id).journal
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
        view = self._view(run_id)
        if view.journal.ended() is not None:
            yield time.sleep
            return
        cluster, name = self._find(view.journal)
        cure = f"the run continues; check it with `ithaca runs show {run_id}`"
        changed = Changed(f"run {run_id}", cure)

        def wait(seconds: float) -> None:
            changed.wait(seconds)

        with changed.by(of_run(cluster, self.engine.kind, name, view)):
            try:
                yield wait
            finally:
                view.until = 0.0

    @contextlib.contextmanager
    def follow_study(self, study: str) -> Iterator[Callable[[float], Collection[str] | None]]:
        """Watch the objects of all trials with one connection, in a thread of its own.

        Raises:
            BackendError: The cluster does not let us see them, and not only for a moment (ITH665).
        """
        cluster, due = self.cluster, set[str]()
        cure = f"the runs continue; continue the study with `ithaca studies resume {study}`"
        changed = Changed(f"study {study}", cure)

        def wait(seconds: float) -> set[str]:
            nonlocal due
            due = {each for each in due | changed.wait(seconds) if self._may_have_ended(each)}
            return due

        with changed.by(of_study(cluster, self.engine.kind, study, self._views)):
            self._followed = study
            try:
                yield wait
            finally:
                self._followed = ""
                for view in self._views.values():
                    view.until = 0.0

    def _may_have_ended(self, run_id: str) -> bool:
        """Whether the steps of a run have ended, as far as its watched object shows."""
        view = self._views.get(run_id)
        if view is None:  # somebody has seen its end
            return False
        return view.found is None or self.engine.outcome(view.found) is not None

    def _obstacles(self, view: View) -> dict[str, Obstacle]:
        """Why pods do not start: from the run's object or, where it is silent, from the pods."""
        waiting = [each for each in view.pods if each.phase == "pending"]
        found = {each.step: obstacle(each.message) for each in waiting}
        if view.found is not None and not all(map(is_specific, found.values())):
            found.update(self._listed(view))
        return {step: why for step, why in found.items() if why is not None}

    def _listed(self, view: View) -> dict[str, Obstacle]:
        """What the run's pods say: one list every few seconds, if the user may list pods."""
        now = time.monotonic()
        if now >= view.next_list:
            view.next_list, view.listed = now + FRESH, {}
            try:
                cluster, name = self._find(view.journal)
                pods, _ = cluster.list(POD, labels=self.engine.labels(name))
            except BackendError:  # views need no right to list pods
                view.next_list = now + DENIED
                return {}
            for pod in pods:
                step = self.engine.step(pod, view.journal.workflow())
                why = obstacle(waiting_reason(pod))
                if step is not None and why is not None:
                    view.listed[step] = why
        return view.listed

    def url(self, run_id: str) -> str | None:
        """The run's page in the engine's UI, when its address is set."""
        return self.engine.url(*self._place(self._view(run_id).journal))

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

    def _view(self, run_id: str) -> View:
        """What this session has seen of a run."""
        return self._views.setdefault(run_id, View(Journal(self.store, run_id)))

    def _look(self, view: View) -> Object | None:
        """The run's object: as the watch shows it, else at most `FRESH` seconds old."""
        if time.monotonic() > view.until:
            cluster, name = self._find(view.journal)
            found = cluster.get(self.engine.kind, name)
            view.keep(found, self._fresh_until(view.journal.run()))
        return view.found

    def _fresh_until(self, run: RunDocument) -> float:
        """Until when an object that was just read is used."""
        watched = run.trial is not None and run.trial.study == self._followed
        return float("inf") if watched else time.monotonic() + FRESH

    def _settle(self, view: View, journal: Journal) -> bool:
        """Write what follows from the run's object.

        Args:
            view: What was seen of the run.
            journal: Where the ends go: the run's own journal, or one over a draft.

        Returns:
            Whether the run still has its object. A cluster that does not answer proves nothing.
        """
        try:
            found = self._look(view)
            if found is None:
                return self._settle_missing(view, journal)
            outcome = self.engine.outcome(found)
            if outcome is None:
                view.over = None
            if view.is_due(found) or (outcome is not None and view.over is None):
                cluster, _ = self._find(view.journal)
                view.pods = tuple(self.engine.pods(cluster, found))
        except BackendError:
            return True
        if journal is view.journal and self.engine.suspends:
            with contextlib.suppress(BackendError):  # a watcher may have no right to answer
                self._passed(self._find(journal)[0], found, _answers(journal.events()))
        self._settle_attempts(view, journal)
        if outcome is not None and view.over is None:
            self.store.invalidate()  # it may have listed documents before the pods ended
        if (
            journal.ended() is not None
            or outcome is None
            or not (
                view.is_over(found) or all(step.status in GOOD for step in journal.state().steps)
            )
        ):
            return True
        if outcome.status == "lost":
            journal.end("lost", outcome.message)
            return True
        end_run(
            journal,
            stopped=outcome.status == "cancelled",
            deadline=outcome.deadline,
            message=outcome.message,
        )
        return True

    def _settle_missing(self, view: View, journal: Journal) -> bool:
        """End a run whose object was deleted while this session watched it.

        An object that was never seen may be on another cluster than that of the kubeconfig.
        """
        if view.deleted is None:
            return time.time() - ULID.from_str(journal.id).timestamp < SUBMISSION
        if not view.is_visible(view.deleted):
            return True
        if any(step.status in OPEN for step in journal.state().steps):
            journal.end("lost", f"its {self.engine.kind.kind} was deleted")
        else:
            end_run(journal)
        return True

    def _settle_attempts(self, view: View, journal: Journal) -> None:
        """Write the ends of attempts whose pods failed without writing one."""
        failed = {(pod.step, pod.number): pod for pod in view.pods if pod.failed}
        lost = [pod for place, pod in failed.items() if place not in view.settled]
        settle(
            journal,
            [
                Loss(
                    *(pod.step, pod.number, pod.message, pod.exit_code, pod.name),
                    cure=why.cure if (why := obstacle(pod.message)) else "",
                )
                for pod in lost
            ],
        )
        if journal is view.journal:
            view.settled.update((pod.step, pod.number) for pod in lost)


def _answers(events: list[Event]) -> dict[str, dict[str, str]]:
    """What to supply for each step that was answered; the first answer counts."""
    found: dict[str, dict[str, str]] = {}
    for event in events:
        if event.step is not None and event.kind in ("approve", "reject"):
            told = {"decision": event.kind, "by": event.by, "comment": event.comment}
            found.setdefault(event.step, told)
    return found
