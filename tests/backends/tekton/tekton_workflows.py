"""Views of the emitted objects that the tests of the Tekton backend share."""

from __future__ import annotations

from functools import partial
from typing import Any

import cluster_workflows
from cluster_workflows import PLAIN, run, with_parameters, workflow
from ithaca.model.workflow import Workflow
from ithaca_tekton import TektonBackend

__all__ = ["EVERY", "PLAIN", "emitted", "member", "of", "run", "with_parameters", "workflow"]

EVERY = cluster_workflows.EVERY["tekton"]
emitted = partial(cluster_workflows.emitted, TektonBackend)


def of(kind: str, wanted: Workflow | None = None, **settings: Any) -> list[dict[str, Any]]:
    """The specifications of a kind."""
    return [each["spec"] for each in emitted(wanted, **settings) if each["kind"] == kind]


def member(name: str, wanted: Workflow | None = None, **settings: Any) -> dict[str, Any]:
    """A task of the Pipeline: its parameters as a mapping, its Task, what the run asks for it."""
    documents = emitted(wanted, **settings)
    tasks = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "Task"}
    (pipeline,) = [each["spec"] for each in documents if each["kind"] == "Pipeline"]
    (asked,) = [each["spec"] for each in documents if each["kind"] == "PipelineRun"]
    listed = [*pipeline["tasks"], *pipeline.get("finally", ())]
    (found,) = [each for each in listed if each["name"] == name]
    named = [each for each in asked.get("taskRunSpecs", ()) if each["pipelineTaskName"] == name]
    general = asked.get("taskRunTemplate", {})
    own = named[0] if named else {}
    return {
        **found,
        "params": {each["name"]: each["value"] for each in found["params"]},
        "task": tasks.get(found.get("taskRef", {}).get("name", "")),
        "asked": own,
        "pod": {**general.get("podTemplate", {}), **own.get("podTemplate", {})},
        "account": own.get("serviceAccountName", general.get("serviceAccountName")),
    }
