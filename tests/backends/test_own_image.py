"""The image of the pod that a notebook server runs in."""

from __future__ import annotations

from typing import Any

import pytest

from ithaca.backends.kubernetes import own

DIGEST = "registry.example/lab@sha256:" + "a" * 64


def pod(*ids: str, **annotations: str) -> dict[str, Any]:
    """A pod of two containers, with what the node says of their images."""
    names = ("notebook", "proxy")
    return {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": each, "image": f"{each}:1"} for each in names]},
        "status": {
            "containerStatuses": [
                {"name": name, "imageID": one} for name, one in zip(names, ids, strict=False)
            ]
        },
    }


@pytest.mark.parametrize("prefix", ["", "docker-pullable://"])
def test_a_pulled_image_is_named_by_its_digest(prefix: str) -> None:
    assert own.image_of(pod(prefix + DIGEST)) == DIGEST


def test_an_image_that_was_loaded_by_hand_is_named_by_its_tag() -> None:
    assert own.image_of(pod("sha256:" + "a" * 64)) == "notebook:1"
    assert own.image_of({**pod(), "status": {}}) == "notebook:1"


def test_the_default_container_of_the_pod_counts() -> None:
    told = {"kubectl.kubernetes.io/default-container": "proxy"}
    assert own.image_of(pod(DIGEST, "sha256:b", **told)) == "proxy:1"


def test_outside_of_a_cluster_there_is_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    own.image.cache_clear()
    assert own.image() is None
