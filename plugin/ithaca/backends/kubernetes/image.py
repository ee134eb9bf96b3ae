"""Checks the images of steps, and what their pods can reach."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import trial
from ithaca.backends.kubernetes.obstacles import obstacle
from ithaca.backends.kubernetes.pods import pod_settings
from ithaca.backends.protocol import Check
from ithaca.errors import BackendError, UsageError
from ithaca.model.workflow import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.kubernetes.client import Cluster
    from ithaca.backends.kubernetes.settings import ClusterSettings


def images(
    cluster: Cluster, settings: ClusterSettings, report: Callable[[str], None]
) -> Iterator[Check]:
    """Start one pod for each configured image, and report its findings.

    Args:
        cluster: The cluster and namespace.
        settings: The backend's settings.
        report: Called with what a pod is doing.
    """
    chosen: dict[str, str] = {}
    for step in ("ithaca-doctor", *settings.named):
        image = pod_settings(settings, Step(name=step)).image
        if image is not None:
            chosen.setdefault(image, step)
    if not chosen:
        yield Check(
            "image",
            "unknown",
            "no image is configured, so every step needs an `image:` tag",
            f"set `image` under {settings.place()}: it is the default of all steps",
        )
    for verb in ("create", "get", "delete"):
        if not cluster.allowed(verb, "", "pods"):
            yield Check("pod", "unknown", f"you may not {verb} pods, so images cannot be checked")
            return
    for image, step in chosen.items():
        yield from _image(cluster, settings, image, step, report)


def _image(
    cluster: Cluster,
    settings: ClusterSettings,
    image: str,
    step: str,
    report: Callable[[str], None],
) -> Iterator[Check]:
    what = f"image {image}"
    try:
        pod = trial.manifest(settings, step)
        ended = trial.run(cluster, pod, report)
    except (BackendError, UsageError) as error:
        yield Check(what, "failed", error.message, error.cure)
        return
    findings = trial.read(ended.message)
    if findings is None:
        yield _no_findings(what, settings, ended)
        return
    copied = bool(settings.runner_image) and image != settings.runner_image
    source = f" from {settings.runner_image}" if copied else ""
    yield _version(what, findings["ithaca"], source)
    yield _finding("store, from a pod", findings["store"])
    yield _finding("kernel, in a pod", findings["kernel"])


def _no_findings(what: str, settings: ClusterSettings, ended: trial.Ended) -> Check:
    """Explain why the runner in the pod reported nothing: it did not start, or is missing."""
    message = " ".join(ended.message.split())[-400:]
    found = ": ".join(filter(None, (ended.reason, message))) or "its pod ended without a message"
    why = obstacle(found)
    cure = why.cure if why else ""
    missing = any(each in ended.message for each in ("ModuleNotFoundError", "No module named"))
    if missing or "executable file not found" in ended.message:
        found = f"Ithaca is not installed in it: {message}"
        cure = f"set `runner_image` under {settings.place()} to an image with Ithaca"
    elif "unrecognized arguments: --check" in ended.message:
        found, cure = "its Ithaca is too old for this check", f"build it with {_ours()}"
    return Check(what, "failed", found, cure or "see `kubectl get events`")


def _version(what: str, theirs: str, source: str) -> Check:
    ours, found = version("ithaca"), f"Ithaca {theirs}{source}"
    if theirs == ours:
        return Check(what, "ok", f"{found}, the same version as here")
    cure = f"build the image with {_ours()}, so that both can read what the other writes"
    return Check(what, "warning", f"{found}, but {ours} here", cure)


def _ours() -> str:
    return f"`ithaca=={version('ithaca')}`"


def _finding(what: str, finding: dict[str, Any]) -> Check:
    if finding.get("wrong"):
        return Check(what, "failed", finding["wrong"], finding.get("cure", ""))
    return Check(what, "ok", finding.get("found", ""))
