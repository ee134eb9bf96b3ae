"""Argo as a session sees it: one Workflow for each run, whose nodes are its pods and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from ithaca.backends.kubernetes import Engine, Outcome
from ithaca_argo import names, workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes import Cluster, Object, PodState
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca_argo.settings import ArgoSettings


class ArgoEngine(Engine):
    """Reads and changes Workflows.

    Args:
        settings: `[tool.ithaca.argo]`.
    """

    title = "Argo"
    kind = workflow.WORKFLOW

    def __init__(self, settings: ArgoSettings) -> None:
        self.settings = settings

    def manifests(self, workflow: Workflow, run: RunDocument) -> list[Object]:
        """The Workflow of the steps that the plan starts."""
        from ithaca_argo.emit import emit

        return [yaml.safe_load(emit(workflow, self.settings, run))]

    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended, even while the last pod still runs."""
        phase = workflow.phase(found)
        if phase is None:
            return None
        if phase == "Succeeded":
            return Outcome("succeeded")
        if (found.get("spec") or {}).get("shutdown"):
            return Outcome("cancelled", "it was stopped in Argo")
        message = str((found.get("status") or {}).get("message") or "")
        return Outcome("failed", message, workflow.deadline(found))

    def pods(self, cluster: Cluster, found: Object) -> list[PodState]:  # noqa: ARG002 - they are in it
        """The Workflow's own nodes."""
        return workflow.pods(found)

    def labels(self, name: str) -> Mapping[str, str]:
        """Argo's own label."""
        return {"workflows.argoproj.io/workflow": name}

    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """What the label says that each step's pod has."""
        told = (pod["metadata"].get("labels") or {}).get("ithaca/step")
        tasks = names.tasks(step.name for step in workflow.steps)
        return next((step for step, task in tasks.items() if task == told), None)

    def gates(self, found: Object) -> set[str]:
        """The steps whose suspended nodes wait."""
        return workflow.gates(found)

    def answer(
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Write the answers into the nodes, as `argo node set` and resume do."""
        cluster.replace(self.kind, workflow.answered(found, answers))

    def stop(self, cluster: Cluster, name: str) -> None:
        """Argo ends the pods and still runs the one that records the end."""
        cluster.patch(self.kind, name, {"spec": {"shutdown": "Stop"}})

    def url(self, namespace: str, name: str) -> str | None:
        """The run's page, when the address of Argo's UI is set."""
        if self.settings.url is None:
            return None
        return f"{self.settings.url.rstrip('/')}/workflows/{namespace}/{name}"
