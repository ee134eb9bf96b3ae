"""What the steps of a run can import: chosen by settings, known as far as it can be known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from ithaca.errors import NotFound
from ithaca.records import names
from ithaca.runner.environments import wanted
from ithaca.runner.environments.wanted import Setting, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.backends import Backend
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.runner.environment import Environment
    from ithaca.runner.environments.kept import Platform, Seen
    from ithaca.runs.project import Project
    from ithaca.store import Store

    Tell = Callable[[str, int, int], None]


class Environments(Protocol):
    """What the steps of a run can import.

    Attributes:
        python: The kernels' interpreter, where they run on this machine.
        identity: Digest of what it can import.
        source: What pods restore; empty when they restore nothing.
        notices: What the user should know.
    """

    python: str
    identity: str
    source: str
    notices: tuple[str, ...]

    def of(self, step: Step) -> str:
        """The identity of a step's environment; empty when nobody can know it yet."""


def setting(project: Project, backend: str) -> Setting:
    """The setting `environment`: the backend's own table goes before the project's.

    Raises:
        UsageError: There is no such environment.
    """
    text = project.settings.text("environment")
    own = project.settings.table(backend).get("environment")
    if own is not None and "environment" not in project.settings.told:
        text = str(own)
    return wanted.setting(text)


def here(project: Project, workflow: Workflow, backend: str, tell: Tell) -> Environments:
    """The environment of steps that run on this machine.

    Args:
        project: The project.
        workflow: The workflow; its kernel counts unless the setting `python` does.
        backend: What runs it.
        tell: Told what is being done.

    Raises:
        UsageError: The interpreter will not do, or the lock cannot be installed.
        BackendError: A package index did not answer.
    """
    return _here(project, setting(project, backend), interpreter(project, workflow), tell)


def here_again(project: Project, before: RunDocument) -> Environments:
    """The environment of a run that goes on from another on this machine, asked anew."""
    asked = wanted.parse(before.environment_from)
    if asked is None:
        return _Here(_describe(project, before.python))
    from ithaca.compiling.load import from_json

    workflow = from_json(project.store().get(before.workflow), where="the run's workflow")
    chosen = Setting("lock", asked.path)
    return _here(project, chosen, interpreter(project, workflow), lambda *_: None)


def _here(project: Project, chosen: Setting, python: str, tell: Tell) -> Environments:
    tell("describing the environment", 0, 0)
    base = _describe(project, python, usable=chosen.kind != "lock")
    if chosen.kind != "lock":  # the image of this machine, and what it would capture, is itself
        return _Here(base)
    from ithaca.runner.environment import check_usable
    from ithaca.runner.environments import lock
    from ithaca.runner.environments.local import install

    found = lock.find(project.root, chosen.path)
    tell(f"installing {found.path}", 0, 0)
    built, notices = install(found, project.root, base, project.home, lambda _text: None)
    check_usable(built)
    asked = Wanted("lock", lock.digest(project.root, found), found.path)
    return _Here(built, str(asked), notices)


def interpreter(project: Project, workflow: Workflow) -> str:
    """The interpreter of this machine's kernels.

    Raises:
        UsageError: The notebook's kernel is not installed here.
    """
    from ithaca.runner.environment import resolve_kernel

    told = project.settings.text("python")
    return told or str(resolve_kernel(workflow.source.kernel))


def _describe(project: Project, python: str, *, usable: bool = True) -> Environment:
    from ithaca.runner.environment import check_usable, describe

    project.make_home()
    environment = describe(python, cache=project.home / "cache")
    if usable:
        check_usable(environment)
    return environment


class _Here:
    """What kernels can import when they run here: all the same."""

    def __init__(
        self, environment: Environment, source: str = "", notices: tuple[str, ...] = ()
    ) -> None:
        self.python, self.identity = environment.executable, environment.identity
        self.source, self.notices = source, notices

    def of(self, _step: Step) -> str:
        """The identity of a step's environment."""
        return self.identity


def for_pods(
    project: Project,
    workflow: Workflow,
    chosen: Setting,
    store: Store,
    tell: Tell,
) -> Wanted | None:
    """The environment that pods restore; None for that of their image.

    Args:
        project: The project.
        workflow: The workflow; what it would run with here is what is captured.
        chosen: The setting.
        store: Where a captured environment goes.
        tell: Told what is being done, and of how many files and bytes it was done already.

    Raises:
        UsageError: There is no lock, it cannot be read, or the environment that is there would not
            work in a pod.
        StoreError: The store cannot be reached.
    """
    if chosen.kind == "image":
        return None
    if chosen.kind == "capture":
        return _captured(project, interpreter(project, workflow), store, tell)
    from ithaca.runner.environments import lock

    found = lock.find(project.root, chosen.path)
    return Wanted("lock", lock.digest(project.root, found), found.path)


def _captured(project: Project, python: str, store: Store, tell: Tell) -> Wanted:
    from ithaca.runner.environments.capture import capture
    from ithaca.store import StatCache

    what = "capturing the environment"
    tell(what, 0, 0)
    known = project.home / "cache" / "captured"
    cache = StatCache.load(known)
    environment = _describe(project, python)
    found = capture(store, environment, project.root, cache=cache, progress=partial(tell, what))
    cache.save(known)
    return found


class InPods:
    """What kernels can import in pods, as far as earlier pods have told of it.

    Only what an image's reference is fixed to can be known before a pod starts: one with a digest,
    or with a tag other than `latest`, as Kubernetes itself takes it when it pulls only what is
    missing.

    Args:
        store: Where pods tell of it.
        backend: What runs the pods.
        asked: The environment that they restore; None for that of their image.
    """

    python = identity = ""
    notices: tuple[str, ...] = ()

    def __init__(self, store: Store, backend: Backend, asked: Wanted | None) -> None:
        self._store, self._backend, self._asked = store, backend, asked
        self._known: dict[tuple[str, str], str] = {}
        self.source = str(asked or "")

    def of(self, step: Step) -> str:
        """The identity of a step's environment; empty when nobody can know it yet."""
        if self._asked is not None and self._asked.kind == "capture":
            return self._kept(None)  # the same whatever the image, else the step fails
        container = self._backend.container(step)
        if container is None or not _is_fixed(container[0]):
            return ""
        if container not in self._known:
            self._known[container] = self._identity(*container)
        return self._known[container]

    def _identity(self, image: str, python: str) -> str:
        told = self._told(image, python)
        if told is None or self._asked is None:
            return told.identity if told else ""
        return self._kept(told.platform)

    def _kept(self, platform: Platform | None) -> str:
        from ithaca.runner.environments import kept

        assert self._asked is not None
        found = kept.find(self._store, self._asked, platform)
        return found.identity if found else ""

    def _told(self, image: str, python: str) -> Seen | None:
        from ithaca.runner.environments.kept import Seen

        try:
            data = self._store.read(names.environment(image, python))
            return msgspec.json.decode(data, type=Seen)
        except (NotFound, msgspec.MsgspecError):
            return None


def _is_fixed(image: str) -> bool:
    name, _, tag = image.rpartition("/")[2].partition(":")
    return "@" in name or "@" in tag or tag not in ("", "latest")
