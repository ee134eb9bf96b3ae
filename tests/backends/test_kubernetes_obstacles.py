"""Why pods do not start, from their status."""

from __future__ import annotations

from typing import Any

import pytest

from ithaca.backends.kubernetes.obstacles import obstacle, waiting_reason


def waiting(kind: str, reason: str, message: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"status": {kind: [{"name": "c", "state": state}]}}


@pytest.mark.parametrize(
    ("text", "reason", "cure"),
    [
        ('ErrImagePull: failed to pull "x"', "ErrImagePull", "image_pull_secrets"),
        (
            'CreateContainerConfigError: secret "s" not found',
            "CreateContainerConfigError",
            "secret",
        ),
        ("Unschedulable: 0/3 nodes are available: 3 Insufficient cpu.", "Unschedulable", "request"),
        (
            'Unschedulable: persistentvolumeclaim "data" not found.',
            "Unschedulable",
            "volume_claims",
        ),
        ('pods "x" is forbidden: exceeded quota: few', "Pending", "quota"),
    ],
)
def test_a_reason_comes_with_what_to_do(text: str, reason: str, cure: str) -> None:
    found = obstacle(text)
    assert found is not None
    assert found.reason == reason
    assert cure in found.cure


@pytest.mark.parametrize("text", ["", "PodInitializing", "ContainerCreating"])
def test_a_pod_that_is_just_starting_has_no_obstacle(text: str) -> None:
    assert obstacle(text) is None


def test_the_init_container_counts_while_the_others_wait_for_it() -> None:
    pod = waiting("initContainerStatuses", "ImagePullBackOff", "Back-off pulling x")
    pod["status"]["containerStatuses"] = [
        {"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}
    ]
    assert waiting_reason(pod) == "ImagePullBackOff: Back-off pulling x"


def test_a_pod_without_a_node_has_the_message_of_the_scheduler() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available",
    }
    assert (
        waiting_reason({"status": {"conditions": [condition]}})
        == "Unschedulable: 0/1 nodes are available"
    )


def test_a_very_long_reason_is_cut() -> None:
    found = obstacle("Unschedulable: " + "node x is full, " * 100)
    assert found is not None
    assert len(found.message) == 300
