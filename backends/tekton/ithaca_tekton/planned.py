"""A planned run: one PipelineRun that holds everything itself, as long as it stays small.

One of hundreds of steps refers to Tasks of its own, and is then a third as large.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import names as shared
from ithaca.errors import UsageError
from ithaca_tekton.documents import document, pipeline, run_spec, tasks
from ithaca_tekton.inline import inlined, shortened

if TYPE_CHECKING:
    from ithaca.model.run import RunDocument
    from ithaca_tekton.pipeline import Graph, Member

ALONE = 256 * 1024
"""Bytes of a PipelineRun up to which it holds everything itself."""

MOST = 500 * 1024
"""Bytes of a PipelineRun; its status repeats the Pipeline and names each pod, and an object of
Kubernetes may have 1.5 MiB."""


def planned(graph: Graph, run: RunDocument) -> list[dict[str, Any]]:
    """The PipelineRun of a run as the last one, after the Tasks that it refers to.

    Args:
        graph: The tasks that the run starts.
        run: The run.

    Raises:
        UsageError: It would be too large nevertheless (ITH681).
    """
    alone = _alone(graph, run)
    if _size(alone) <= ALONE:
        return [alone]
    found = _with_tasks(graph, run)
    if _size(found[-1]) <= MOST:
        return found
    raise UsageError(
        "ITH681",
        f"the PipelineRun would have {_size(found[-1]) // 1024} KiB, and Tekton keeps it twice in "
        "one object",
        where=found[-1]["metadata"]["name"],
        cure="split the notebook, or use `--backend argo`",
    )


def _alone(graph: Graph, run: RunDocument) -> dict[str, Any]:
    members = [inlined(each, graph.run) for each in graph.members()]
    ends = [inlined(each, graph.run) for each in graph.ends()]
    inline = {each.name: {"taskSpec": each.spec} for each in (*members, *ends)}
    return _pipeline_run(graph, run, members, ends, pipeline(members, ends, inline))


def _with_tasks(graph: Graph, run: RunDocument) -> list[dict[str, Any]]:
    members = [shortened(each) for each in graph.members()]
    ends = [shortened(each) for each in graph.ends()]
    name, labels = _name(graph, run), graph.labels(run)
    found, places = tasks(name, [*members, *ends], labels, graph.settings)
    content = {"params": graph.defaults()[:1], **pipeline(members, ends, places)}
    return [*found, _pipeline_run(graph, run, members, ends, content)]


def _pipeline_run(
    graph: Graph,
    run: RunDocument,
    members: list[Member],
    ends: list[Member],
    content: dict[str, Any],
) -> dict[str, Any]:
    spec = {
        "pipelineSpec": content,
        **run_spec([*members, *ends], graph.end().pod, graph.settings),
    }
    name = {"name": _name(graph, run)}
    return document("PipelineRun", name, graph.labels(run), graph.settings, spec)


def _name(graph: Graph, run: RunDocument) -> str:
    return shared.workflow(graph.workflow.name, run.id)


def _size(manifest: dict[str, Any]) -> int:
    return len(json.dumps(manifest))
