"""Views of the emitted objects that the tests of the Argo backend share."""

from __future__ import annotations

from functools import partial
from typing import Any

import cluster_workflows
from cluster_workflows import PLAIN, run, with_parameters, workflow
from ithaca.model.workflow import Workflow
from ithaca_argo import ArgoBackend

__all__ = ["EVERY", "PLAIN", "emitted", "pod", "run", "spec", "task", "with_parameters", "workflow"]

EVERY = cluster_workflows.EVERY["argo"]
emitted = partial(cluster_workflows.emitted, ArgoBackend)


def spec(wanted: Workflow | None = None, **settings: Any) -> dict[str, Any]:
    """The specification in the WorkflowTemplate."""
    found: dict[str, Any] = emitted(wanted, **settings)[0]["spec"]
    return found


def pod(name: str, wanted: Workflow | None = None, **settings: Any) -> dict[str, Any]:
    """A step's template."""
    templates = spec(wanted, **settings)["templates"]
    (found,) = [each for each in templates if each["name"] == name]
    return dict(found)


def task(name: str, wanted: Workflow, **settings: Any) -> dict[str, Any]:
    """A task of the graph, its arguments as a mapping."""
    dag = spec(wanted, **settings)["templates"][0]["dag"]["tasks"]
    (found,) = [each for each in dag if each["name"] == name]
    given = {each["name"]: each["value"] for each in found["arguments"]["parameters"]}
    return {**found, "arguments": given}
