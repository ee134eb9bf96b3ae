"""Argo as a session sees it: one Workflow for each run, whose nodes are its pods and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes import Engine, Outcome
from ithaca.backends.kubernetes.doctor import Installed
from ithaca.backends.kubernetes.engine import step_of
from ithaca.backends.kubernetes.rights import Right, Rights
from ithaca_argo import names, workflow
from ithaca_argo.workflow import GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes import Cluster, Object, PodState
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca_argo.settings import ArgoSettings

_UNSEEN = "workflowtemplates.argoproj.io"
"""Part of the message when the controller has not heard of a new WorkflowTemplate yet."""

INSTALLED = Installed(
    group=GROUP,
    kinds=("workflows", "workflowtemplates", "workflowtaskresults"),
    controller="workflow-controller",
    rights=Rights(
        # Argo's executor writes the outputs of a pod to such an object, in 3.6 as in 4.x.
        pods=(Right(GROUP, "workflowtaskresults", ("create", "patch")),),
        people=(
            Right(GROUP, "workflows", ("create", "get", "list", "watch", "patch", "update")),
            Right(GROUP, "workflowtemplates", ("create", "get")),  # for the trials of a study
            Right("", "pods", ("list",)),  # to see why one does not start
        ),
    ),
    cure="install Argo Workflows 3.6 or newer: https://argo-workflows.readthedocs.io/en/latest/"
    "installation/",
)


class ArgoEngine(Engine):
    """Builds, reads and changes Workflows.

    Args:
        settings: `[tool.ithaca.argo]`.
    """

    title = "Argo"
    kind = workflow.WORKFLOW
    suspends = True
    page = "/workflows/{namespace}/{name}"
    settings: ArgoSettings

    def objects(self, workflow: Workflow, run: RunDocument | None = None) -> list[Object]:
        """The Workflow of a run; without a run a WorkflowTemplate and a Workflow that uses it."""
        from ithaca_argo.emit import emit

        return emit(workflow, self.settings, run)

    def template(self, workflow: Workflow, shared: RunDocument) -> list[Object]:
        """The WorkflowTemplate of a study, and a Workflow that uses it."""
        from ithaca_argo.emit import template

        return template(workflow, self.settings, shared)

    def instance(self, example: Object, workflow: Workflow, run: RunDocument) -> Object:
        """A Workflow that uses the WorkflowTemplate of its study."""
        from ithaca_argo.emit import instance

        return instance(example, workflow, run)

    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended, also while the last pod still runs."""
        phase = workflow.phase(found)
        if phase is None:
            return None
        if phase == "Succeeded":
            return Outcome("succeeded")
        if (found.get("spec") or {}).get("shutdown"):
            return Outcome("cancelled", "it was stopped in Argo")
        message = str((found.get("status") or {}).get("message") or "")
        if _UNSEEN in message and not workflow.nodes(found):
            return Outcome("lost", message)
        return Outcome("failed", message, workflow.deadline(found))

    def pods(self, cluster: Cluster, found: Object) -> list[PodState]:  # noqa: ARG002 - in the object
        """The pods among the Workflow's nodes."""
        return workflow.pods(found)

    def labels(self, name: str) -> Mapping[str, str]:
        """Argo's own label."""
        return {"workflows.argoproj.io/workflow": name}

    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """The step that the pod's label `ithaca/step` names."""
        return step_of(pod, "ithaca/step", names.tasks(each.name for each in workflow.steps))

    def gates(self, found: Object) -> set[str]:
        """The steps whose suspended nodes wait."""
        return workflow.gates(found)

    def answer(
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Write the answers into the nodes, as `argo node set` and `argo resume` do."""
        cluster.replace(self.kind, workflow.answered(found, answers))

    def stop(self, cluster: Cluster, name: str) -> None:
        """Stop the Workflow; Argo ends its pods and still runs the one that records the end."""
        cluster.patch(self.kind, name, {"spec": {"shutdown": "Stop"}})
