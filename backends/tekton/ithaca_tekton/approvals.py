"""Questions as ApprovalTasks of manual-approval-gate: asked, answered and withdrawn.

Tekton creates a CustomRun for such a task, and the gate's controller an ApprovalTask with the same
name and labels. The pod of the step that asked reads the answer there (`answers`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import Kind
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ithaca.backends.kubernetes import Cluster, Object
    from ithaca_tekton.settings import ApprovalTask

GROUP = "openshift-pipelines.org"
APPROVAL_TASK = Kind(GROUP, "v1alpha1", "ApprovalTask", "approvaltasks")
CUSTOM_RUN = Kind("tekton.dev", "v1beta1", "CustomRun", "customruns")

RUN = "tekton.dev/pipelineRun"
TASK = "tekton.dev/pipelineTask"
"""Tekton's own labels: the run of an object, and its task."""

_PATIENT = "87600h"
"""Ten years: without a timeout the gate rejects after an hour, and with 0 at once."""

_OVER = "1s"

PATIENCE = 10.0
"""Seconds to wait for the question of a step that is waiting."""
_LOOK = 0.5

_DOCTOR = "`ithaca doctor --backend tekton` checks that it is installed and may be used"


def asked(question: str, settings: ApprovalTask, deadline: int | None) -> dict[str, Any]:
    """The task of a Pipeline that asks a question.

    Args:
        question: The question.
        settings: Who may answer.
        deadline: Seconds that the whole run may take.
    """
    params = {
        "approvers": list(settings.approvers),
        "numberOfApprovalsRequired": str(settings.required),
        "description": question,
    }
    return {
        "taskRef": {"apiVersion": f"{GROUP}/{APPROVAL_TASK.version}", "kind": APPROVAL_TASK.kind},
        "params": [{"name": name, "value": value} for name, value in params.items()],
        # The step that asked reports a rejection; other branches continue.
        "onError": "continue",
        # The gate does not notice that Tekton's time is over, so it needs a limit of its own.
        "timeout": _PATIENT if deadline is None else f"{deadline}s",
    }


def asks(found: Object, task: str) -> bool:
    """Whether a task of a run is an ApprovalTask.

    Args:
        found: The PipelineRun.
        task: Name of the task.
    """
    pipeline = found["spec"].get("pipelineSpec") or (found.get("status") or {}).get("pipelineSpec")
    return any(
        each["name"] == task and (each.get("taskRef") or {}).get("kind") == APPROVAL_TASK.kind
        for each in (pipeline or {}).get("tasks") or ()
    )


def answer(cluster: Cluster, run: str, task: str, decision: str, comment: str) -> None:
    """Answer as the kubeconfig's user, as manual-approval-gate's own command does.

    Args:
        cluster: Where the run is.
        run: Name of the PipelineRun.
        task: The task that asks.
        decision: `approve` or `reject`.
        comment: A comment.

    Raises:
        UsageError: There is no question yet, it has an answer, or it does not ask this person.
        BackendError: The gate refuses the answer.
        Conflict: Someone else answered at the same time; try again.
    """
    if not cluster.has_api(GROUP):
        raise _unanswered(task, "manual-approval-gate is not installed in the cluster", _DOCTOR)
    found = _awaited(cluster, {RUN: run, TASK: task})
    if found is None:
        raise _unanswered(task, "manual-approval-gate has not asked yet", _DOCTOR)
    name, state = found["metadata"]["name"], (found.get("status") or {}).get("state")
    if state in ("approved", "rejected"):
        raise _unanswered(name, f"it is already {state}", "the step continues by itself")
    who, groups = cluster.whoami()
    approvers = found["spec"]["approvers"]
    ours = list(_ours(approvers, who, groups))
    if not ours:
        names = (f"{'group:' * _is_group(each)}{each['name']}" for each in approvers)
        raise _unanswered(
            name,
            f"it asks {', '.join(names)}, and you are {who} in the cluster",
            "one of them must answer, with this command or another client of the cluster",
        )
    for each in ours:
        each.update({"input": decision, **({"message": comment} if comment else {})})
        if _is_group(each):
            others = [one for one in each.get("users") or () if one["name"] != who]
            each["users"] = [*others, {"name": who, "input": decision, "message": comment}]
    cluster.replace(APPROVAL_TASK, found)


def _awaited(cluster: Cluster, labels: Mapping[str, str]) -> Object | None:
    """Wait for an ApprovalTask that may not exist yet."""
    until = time.monotonic() + PATIENCE
    while True:
        found, _ = cluster.list(APPROVAL_TASK, labels=labels)
        if found or time.monotonic() > until:
            return found[0] if found else None
        time.sleep(_LOOK)


def withdraw(cluster: Cluster, stopped: Object) -> None:
    """End the questions of a run that was stopped.

    The gate does not notice that Tekton cancelled them, and Tekton waits for them before it records
    the end. The gate does notice a timeout.

    Args:
        cluster: Where the run is.
        stopped: The PipelineRun.
    """
    for each in (stopped.get("status") or {}).get("childReferences") or ():
        if each.get("kind") == CUSTOM_RUN.kind:
            cluster.patch(CUSTOM_RUN, each["name"], {"spec": {"timeout": _OVER}})


def _ours(
    approvers: list[dict[str, Any]], who: str, groups: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """The entries that our answer counts for: our own name, else our groups."""
    own = [each for each in approvers if not _is_group(each) and each["name"] == who]
    yield from own or (each for each in approvers if _is_group(each) and each["name"] in groups)


def _is_group(approver: Mapping[str, Any]) -> bool:
    return approver.get("type") == "Group"


def _unanswered(where: str, why: str, cure: str) -> UsageError:
    return UsageError("ITH682", f"the answer was not given: {why}", where=where, cure=cure)
