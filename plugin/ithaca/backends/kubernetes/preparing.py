"""The tasks that install an environment before steps start, and the steps that wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ithaca.backends.kubernetes.pods import pod_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step

NAME = "ithaca--environment"


class Preparation(NamedTuple):
    """A task that installs a lock for one image.

    Attributes:
        name: Name of the task; no step's task has it.
        step: The first step with this image.
        waiting: The steps that wait for the task; the others wait for one of these.
    """

    name: str
    step: Step
    waiting: frozenset[str]


def preparations(
    steps: Iterable[Step], settings: ClusterSettings, run: RunDocument | None
) -> list[Preparation]:
    """The tasks that install the environment: one for each image whose environment is not known.

    Args:
        steps: The steps to start, in workflow order.
        settings: The backend's settings; `environment` is the one that pods restore.
        run: The planned run, if there is one.
    """
    if not (settings.environment or "").startswith("lock:"):
        return []
    known = {each.step for each in (run.plan if run else ()) if each.environment}
    first: dict[tuple[str | None, str | None], Step] = {}
    waiting: dict[tuple[str | None, str | None], set[str]] = {}
    reached: dict[str, set[tuple[str | None, str | None]]] = {}
    for step in steps:
        passed = {image for need in step.needs for image in reached.get(need, ())}
        reached[step.name] = passed
        if step.name in known:
            continue
        pod = pod_settings(settings, step)
        image = (pod.image, pod.python)
        if image not in first:
            first[image], waiting[image] = step, set()
        if image not in passed:
            waiting[image].add(step.name)
            passed.add(image)
    return [
        Preparation(f"{NAME}-{number}" if number > 1 else NAME, step, frozenset(waiting[image]))
        for number, (image, step) in enumerate(first.items(), start=1)
    ]
