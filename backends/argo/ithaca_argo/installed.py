"""What Argo is on a cluster, and who may do what so that it runs pods and is reached."""

from __future__ import annotations

from ithaca.backends.kubernetes.doctor import Installed
from ithaca.backends.kubernetes.rights import Right, Rights

GROUP = "argoproj.io"

RIGHTS = Rights(
    # Argo's executor reports what a pod left by an object of this kind; 3.6 and 4.x alike.
    pods=(Right(GROUP, "workflowtaskresults", ("create", "patch")),),
    people=(
        Right(GROUP, "workflows", ("create", "get", "list", "watch", "patch", "update")),
        Right("", "pods", ("list",)),  # why one does not start
    ),
)

INSTALLED = Installed(
    group=GROUP,
    kinds=("workflows", "workflowtemplates", "workflowtaskresults"),
    controller="workflow-controller",
    rights=RIGHTS,
    cure="install Argo Workflows 3.6 or newer: https://argo-workflows.readthedocs.io/en/latest/"
    "installation/",
)
