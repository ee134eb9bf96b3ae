"""The parts of Tekton on a cluster, and the rights that pods and people need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.doctor import Installed, Part
from ithaca.backends.kubernetes.rights import Right, Rights
from ithaca_tekton.approvals import APPROVAL_TASK, CUSTOM_RUN

if TYPE_CHECKING:
    from ithaca_tekton.settings import TektonSettings

GROUP = "tekton.dev"

RIGHTS = Rights(
    # Pods need no rights: the controller reads their results from their containers.
    people=(
        Right(GROUP, "pipelineruns", ("create", "get", "list", "watch", "patch")),
        Right(GROUP, "taskruns", ("get", "list")),
        Right(GROUP, "tasks", ("create", "get", "patch")),  # for runs with hundreds of steps
        Right(GROUP, "pipelines", ("create", "get")),  # for the trials of a study
    ),
)

ASKED = Rights(
    pods=(Right(APPROVAL_TASK.group, APPROVAL_TASK.plural, ("list",)),),
    people=(
        Right(APPROVAL_TASK.group, APPROVAL_TASK.plural, ("get", "list", "patch", "update")),
        Right(CUSTOM_RUN.group, CUSTOM_RUN.plural, ("patch",)),
    ),
)
"""The additional rights for ApprovalTasks: to read answers, to answer (with kubectl and the gate's
own command too), and to withdraw the questions of a stopped run."""

_GATE = Part(
    name="manual-approval-gate",
    group=APPROVAL_TASK.group,
    kind=APPROVAL_TASK.plural,
    cure="install it: https://github.com/openshift-pipelines/manual-approval-gate, or remove "
    "`approval_task`: then `ithaca runs approve` answers",
)


def installed(settings: TektonSettings) -> Installed:
    """The parts and the rights that these settings need.

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
