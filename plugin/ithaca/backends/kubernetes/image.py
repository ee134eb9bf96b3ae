"""What the images of steps hold, and what is seen from their pods."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import trial
from ithaca.backends.kubernetes.pods import settled
from ithaca.backends.protocol import Check
from ithaca.errors import BackendError, UsageError
from ithaca.workflow.model import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.kubernetes.client import Cluster
    from ithaca.backends.kubernetes.settings import ClusterSettings

_PULL = "check the image's name; `image_pull_secrets` for a registry that asks who you are; an "
_PULL += 'image that is only on the nodes needs `image_pull_policy = "IfNotPresent"`'

_CURES = {
    "ImagePullBackOff": _PULL,
    "ErrImageNeverPull": _PULL,
    "InvalidImageName": _PULL,
    "CreateContainerConfigError": "make what it names: a secret, or a key of one",
    "Unschedulable": "ask for less in `requests`, or choose other nodes: `node`, `tolerations`",
    "Slow": "`kubectl get events` may say what it waits for",
}


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
    yield _version(what, told["ithaca"])
    yield _seen("store, from a pod", told["store"])
    yield _seen("kernel, in a pod", told["kernel"])


def _silent(what: str, settings: ClusterSettings, ended: trial.Ended) -> Check:
    """A pod whose runner said nothing: it never began, or there was none."""
    said = " ".join(ended.message.split())[-400:]
    found = ": ".join(filter(None, (ended.reason, said))) or "its pod ended without a word"
    cure = _CURES.get(ended.reason, "")
    missing = any(each in ended.message for each in ("ModuleNotFoundError", "No module named"))
    if missing or "executable file not found" in ended.message:
        found = f"there is no Ithaca in it: {said}"
        cure = f"`runner_image` under {settings.place()} names an image that brings it"
    elif "unrecognized arguments: --check" in ended.message:
        found, cure = "its Ithaca is too old to be asked", f"build it with {_ours()}"
    elif ended.reason == "StartError":
        cure = "name the image's interpreter in `python`, or an image that holds what is missing"
    return Check(what, "failed", found, cure or "`kubectl get events` may say more")


def _version(what: str, theirs: str) -> Check:
    ours = version("ithaca")
    if theirs == ours:
        return Check(what, "ok", f"holds Ithaca {theirs}, as here")
    return Check(
        what,
        "warning",
        f"holds Ithaca {theirs}, here is {ours}",
        f"build the image with {_ours()}, so that all read what others write",
    )


def _ours() -> str:
    return f"`ithaca=={version('ithaca')}`"


def _seen(what: str, told: dict[str, Any]) -> Check:
    if told.get("wrong"):
        return Check(what, "failed", told["wrong"], told.get("cure", ""))
    return Check(what, "ok", told.get("found", ""))
