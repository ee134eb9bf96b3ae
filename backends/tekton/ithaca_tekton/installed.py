"""What Tekton is on a cluster, and who may do what so that pods run and are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.doctor import Installed, Part
from ithaca.backends.kubernetes.rights import Right, Rights
from ithaca_tekton.approvals import APPROVAL_TASK, CUSTOM_RUN

if TYPE_CHECKING:
    from ithaca_tekton.settings import TektonSettings

GROUP = "tekton.dev"

RIGHTS = Rights(
    # The controller reads what a pod left from its containers: pods need no rights.
    people=(
        Right(GROUP, "pipelineruns", ("create", "get", "list", "watch", "patch")),
        Right(GROUP, "taskruns", ("get", "list")),
        Right(GROUP, "tasks", ("create", "get", "patch")),  # of a run with hundreds of steps
    ),
)

ASKED = Rights(
    pods=(Right(APPROVAL_TASK.group, APPROVAL_TASK.plural, ("list",)),),
    people=(
        Right(APPROVAL_TASK.group, APPROVAL_TASK.plural, ("get", "list", "patch", "update")),
        Right(CUSTOM_RUN.group, CUSTOM_RUN.plural, ("patch",)),
    ),
)
"""What is needed beside these for questions that are ApprovalTasks: to see who answered, to answer
(with kubectl and the gate's own command too), and to withdraw what a stopped run asks."""

_GATE = Part(
    name="manual-approval-gate",
    group=APPROVAL_TASK.group,
    kind=APPROVAL_TASK.plural,
    cure="install it: https://github.com/openshift-pipelines/manual-approval-gate, or leave "
    "`approval_task` out: then `ithaca runs approve` answers",
)


def installed(settings: TektonSettings) -> Installed:
    """What a cluster needs for these settings.

    Args:
        settings: `[tool.ithaca.tekton]`.
    """
    gate = settings.approval_task is not None
    return Installed(
        group=GROUP,
        kinds=("pipelineruns", "taskruns", "pipelines", "tasks"),
        controller="tekton-pipelines-controller",
        rights=Rights(ASKED.pods, RIGHTS.people + ASKED.people) if gate else RIGHTS,
        cure="install Tekton Pipelines 1.0 or newer: https://tekton.dev/docs/installation/pipelines/",
        parts=(_GATE,) if gate else (),
    )
