"""Who may do what, so that Argo runs a workflow's pods and a session reaches them."""

from __future__ import annotations

from ithaca.backends.kubernetes.rights import Right, Rights

GROUP = "argoproj.io"

RIGHTS = Rights(
    # Argo's executor reports what a pod left by an object of this kind; 3.6 and 4.x alike.
    pods=(Right(GROUP, "workflowtaskresults", ("create", "patch")),),
    people=(Right(GROUP, "workflows", ("create", "get", "list", "watch", "patch", "update")),),
)
