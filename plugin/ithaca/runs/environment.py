"""The environment of a run's steps: chosen by settings, identified as far as possible."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

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
    from ithaca.runner.environments.kept import Platform
    from ithaca.runs.project import Project
    from ithaca.store import Store

    Tell = Callable[[str, int, int], None]


class Environments:
    """The environments of a run's steps: on this machine, one for all of them.

    Attributes:
        python: The kernels' interpreter, if they run on this machine.
        identity: Digest of what it can import.
        source: What pods restore; empty if they restore nothing.
        notices: Notices for the user.
    """

    def __init__(
        self,
        python: str = "",
        identity: str = "",
        source: str = "",
        notices: tuple[str, ...] = (),
    ) -> None:
        self.python, self.identity = python, identity
        self.source, self.notices = source, notices

    def of(self, step: Step) -> str:  # noqa: ARG002 - pods have one for each image
        """The identity of a step's environment; empty if it is not known yet."""
        return self.identity


def setting(project: Project, backend: str) -> Setting:
    """The setting `environment`; the backend's own table overrides the project's.

    Raises:
        UsageError: The value is not an environment.
    """
    text = project.settings.text("environment")
    own = project.settings.table(backend).get("environment")
    if own is not None and "environment" not in project.settings.overrides:
        text = str(own)
    return wanted.setting(text)


def here_again(project: Project, before: RunDocument, workflow: Workflow) -> Environments:
    """The environment of a retry on this machine, described again."""
    asked = wanted.parse(before.environment_from)
    if asked is None:
        base = _describe(project, before.python)
        return Environments(base.executable, base.identity)
    chosen = Setting("lock", asked.path)
    return here(project, chosen, interpreter(project, workflow), lambda *_: None)


def here(project: Project, chosen: Setting, python: str, tell: Tell) -> Environments:
    """The environment of steps that run on this machine.

    Args:
        project: The project.
        chosen: The setting.
        python: The interpreter of the kernels.
        tell: Called with (what, files, bytes) as the work proceeds.

    Raises:
        UsageError: The interpreter cannot be used, or the lock cannot be installed.
        BackendError: A package index did not answer.
    """
    tell("describing the environment", 0, 0)
    base = _describe(project, python, usable=chosen.kind != "lock")
    if chosen.kind != "lock":  # on this machine `image` and `capture` mean its own environment
        return Environments(base.executable, base.identity)
    from ithaca.runner.environment import check_usable
    from ithaca.runner.environments import lock
    from ithaca.runner.environments.local import install

    found = lock.find(project.root, chosen.path)
    tell(f"installing {found.path}", 0, 0)
    built, notices = install(found, project.root, base, project.home, lambda _text: None)
    check_usable(built)
    asked = Wanted("lock", lock.digest(project.root, found), found.path)
    return Environments(built.executable, built.identity, str(asked), notices)


def interpreter(project: Project, workflow: Workflow) -> str:
    """The interpreter of this machine's kernels.

    Raises:
        UsageError: The notebook's kernel is not installed here.
    """
    from ithaca.runner.environment import resolve_kernel

    configured = project.settings.text("python")
    return configured or str(resolve_kernel(workflow.source.kernel))


def _describe(project: Project, python: str, *, usable: bool = True) -> Environment:
    from ithaca.runner.environment import check_usable, describe

    project.make_home()
    environment = describe(python, cache=project.home / "cache")
    if usable:
        check_usable(environment)
    return environment


def for_pods(
    project: Project,
    workflow: Workflow,
    chosen: Setting,
    store: Store,
    tell: Tell,
) -> Wanted | None:
    """The environment that pods restore; None if they use that of their image.

    Args:
        project: The project.
        workflow: The workflow; the environment of its kernel is what `capture` captures.
        chosen: The setting.
        store: The store that a captured environment is written to.
        tell: Called with (what, files, bytes) as the work proceeds.

    Raises:
        UsageError: The lock file is missing or cannot be read, or the captured environment would
            not work in a pod.
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


class InPods(Environments):
    """The environments of pods, as far as earlier pods have reported them.

    Only an image with a digest, or with a tag other than `latest`, is known before a pod starts:
    Kubernetes does not pull these again.

    Args:
        store: The store that pods report to.
        backend: The backend that runs the pods.
        asked: The environment that they restore; None for that of their image.
    """

    def __init__(self, store: Store, backend: Backend, asked: Wanted | None) -> None:
        super().__init__(source=str(asked or ""))
        self._store, self._backend, self._asked = store, backend, asked
        self._known: dict[tuple[str, str], str] = {}

    def of(self, step: Step) -> str:
        """The identity of a step's environment; empty if it is not known yet."""
        if self._asked is not None and self._asked.kind == "capture":
            return self._kept(None)  # the same for every image, else the step fails
        container = self._backend.container(step)
        if container is None or not _is_fixed(container[0]):
            return ""
        if not self._known.get(container):  # a pod may have reported it since the last launch
            self._known[container] = self._identity(*container)
        return self._known[container]

    def _identity(self, image: str, python: str) -> str:
        from ithaca.runner.environments.kept import Seen

        try:
            data = self._store.read(names.environment(image, python))
            seen = msgspec.json.decode(data, type=Seen)
        except (NotFound, msgspec.MsgspecError):
            return ""
        return seen.identity if self._asked is None else self._kept(seen.platform)

    def _kept(self, platform: Platform | None) -> str:
        from ithaca.runner.environments import kept

        assert self._asked is not None
        found = kept.find(self._store, self._asked, platform)
        return found.identity if found else ""


def _is_fixed(image: str) -> bool:
    name, _, tag = image.rpartition("/")[2].partition(":")
    return "@" in name or "@" in tag or tag not in ("", "latest")
