"""What Tekton is on a cluster, and who may do what so that pods run and are reached."""

from __future__ import annotations

from ithaca.backends.kubernetes.doctor import Installed
from ithaca.backends.kubernetes.rights import Right, Rights

GROUP = "tekton.dev"

RIGHTS = Rights(
    # The controller reads what a pod left from its containers: pods need no rights.
    people=(
        Right(GROUP, "pipelineruns", ("create", "get", "list", "watch", "patch")),
        Right(GROUP, "taskruns", ("get", "list")),
        Right(GROUP, "tasks", ("create", "get", "patch")),  # of a run with hundreds of steps
    ),
)

INSTALLED = Installed(
    group=GROUP,
    kinds=("pipelineruns", "taskruns", "pipelines", "tasks"),
    controller="tekton-pipelines-controller",
    rights=RIGHTS,
    cure="install Tekton Pipelines 1.0 or newer: https://tekton.dev/docs/installation/pipelines/",
)
