"""What the images of steps hold, and what is seen from their pods."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import trial
from ithaca.backends.kubernetes.obstacles import obstacle
from ithaca.backends.kubernetes.pods import settled
from ithaca.backends.protocol import Check
from ithaca.errors import BackendError, UsageError
from ithaca.model.workflow import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.kubernetes.client import Cluster
    from ithaca.backends.kubernetes.settings import ClusterSettings


def images(
    cluster: Cluster, settings: ClusterSettings, tell: Callable[[str], None]
) -> Iterator[Check]:
    """Start one pod for each image that is set, and say what it saw.

    Args:
        cluster: Where.
        settings: What is set.
        tell: Told what a pod is doing.
    """
    chosen: dict[str, str] = {}
    for step in ("ithaca-doctor", *settings.named):
        image = settled(settings, Step(name=step)).image
        if image is not None:
            chosen.setdefault(image, step)
    if not chosen:
        yield Check(
            "image",
            "unknown",
            "none is set, so each step must have an `image:` tag",
            f"`image` under {settings.place()} is that of all others",
        )
    for verb in ("create", "get", "delete"):
        if not cluster.allowed(verb, "", "pods"):
            text = f"you may not {verb} pods, so what is seen from one is not known"
            yield Check("pod", "unknown", text)
            return
    for image, step in chosen.items():
        yield from _image(cluster, settings, image, step, tell)


def _image(
    cluster: Cluster,
    settings: ClusterSettings,
    image: str,
    step: str,
    tell: Callable[[str], None],
) -> Iterator[Check]:
    what = f"image {image}"
    try:
        pod = trial.manifest(settings, step)
        ended = trial.run(cluster, pod, tell)
    except (BackendError, UsageError) as error:
        yield Check(what, "failed", error.message, error.cure)
        return
    told = trial.read(ended.message)
    if told is None:
        yield _silent(what, settings, ended)
        return
    copied = bool(settings.runner_image) and image != settings.runner_image
    brings = f"gets Ithaca {{}} of {settings.runner_image}" if copied else "holds Ithaca {}"
    yield _version(what, brings, told["ithaca"])
    yield _seen("store, from a pod", told["store"])
    yield _seen("kernel, in a pod", told["kernel"])


def _silent(what: str, settings: ClusterSettings, ended: trial.Ended) -> Check:
    """A pod whose runner said nothing: it never began, or there was none."""
    said = " ".join(ended.message.split())[-400:]
    found = ": ".join(filter(None, (ended.reason, said))) or "its pod ended without a word"
    why = obstacle(found)
    cure = why.cure if why else ""
    missing = any(each in ended.message for each in ("ModuleNotFoundError", "No module named"))
    if missing or "executable file not found" in ended.message:
        found = f"there is no Ithaca in it: {said}"
        cure = f"`runner_image` under {settings.place()} names an image that brings it"
    elif "unrecognized arguments: --check" in ended.message:
        found, cure = "its Ithaca is too old to be asked", f"build it with {_ours()}"
    return Check(what, "failed", found, cure or "`kubectl get events` may say more")


def _version(what: str, brings: str, theirs: str) -> Check:
    ours = version("ithaca")
    if theirs == ours:
        return Check(what, "ok", f"{brings.format(theirs)}, as here")
    return Check(
        what,
        "warning",
        f"{brings.format(theirs)}, here is {ours}",
        f"build the image with {_ours()}, so that all read what others write",
    )


def _ours() -> str:
    return f"`ithaca=={version('ithaca')}`"


def _seen(what: str, told: dict[str, Any]) -> Check:
    if told.get("wrong"):
        return Check(what, "failed", told["wrong"], told.get("cure", ""))
    return Check(what, "ok", told.get("found", ""))
