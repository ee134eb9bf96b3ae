"""From a workflow to Tekton's manifests, purely: the same input gives the same bytes.

Without a run: the Tasks, the Pipeline and a PipelineRun that refers to it, for people, git and
triggers. With a run: a PipelineRun of exactly the steps that its plan starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import manifests
from ithaca.backends.kubernetes import names as shared
from ithaca_tekton.documents import document, pipeline, run_spec, tasks
from ithaca_tekton.pipeline import Graph
from ithaca_tekton.planned import planned

if TYPE_CHECKING:
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca_tekton.settings import TektonSettings


def emit(workflow: Workflow, settings: TektonSettings, run: RunDocument | None = None) -> str:
    """The manifests as YAML.

    Args:
        workflow: The workflow.
        settings: What is set for it.
        run: A planned run, to emit what that run starts.

    Raises:
        UsageError: A setting is missing or wrong, or a text cannot be written for Tekton.
    """
    settings = manifests.ready(workflow, settings, run)
    graph = Graph(workflow, settings, run)
    return manifests.text(planned(graph, run) if run is not None else _lasting(graph))


def _lasting(graph: Graph) -> list[dict[str, Any]]:
    """What is applied once, and a PipelineRun to create again and again."""
    workflow, settings = graph.workflow, graph.settings
    members, ends = graph.members(), graph.ends()
    labels = graph.labels()
    shared_tasks, places = tasks(workflow.name, [*members, *ends], labels, settings)
    described = {"description": workflow.description} if workflow.description else {}
    content = {**described, "params": graph.defaults(), **pipeline(members, ends, places)}
    given = {"params": graph.given()} if graph.arguments else {}
    spec = {
        "pipelineRef": {"name": workflow.name},
        **given,
        **run_spec([*members, *ends], graph.end().pod, settings),
    }
    generated = {"generateName": shared.workflow(workflow.name)}
    return [
        *shared_tasks,
        document("Pipeline", {"name": workflow.name}, labels, settings, content),
        document("PipelineRun", generated, labels, settings, spec),
    ]
