"""Builds Tekton's objects from a workflow: a pure function.

Without a run: the Tasks, the Pipeline and a PipelineRun that refers to it, for people, git and
triggers. For a study: the same, once, and a PipelineRun for each trial. With a run: a PipelineRun
of exactly the steps that its plan starts. It contains all its Tasks as long as it is small; with
hundreds of steps it refers to Tasks instead, which makes it a third as large.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ithaca.backends.kubernetes import manifests
from ithaca.backends.kubernetes import names as shared
from ithaca.errors import UsageError
from ithaca_tekton import names
from ithaca_tekton.inline import inlined, shortened
from ithaca_tekton.model import Metadata, PipelineSpec
from ithaca_tekton.objects import create, inline_tasks, run_spec, with_tasks
from ithaca_tekton.pipeline import RUN, Graph, run_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes import Object
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca_tekton.objects import Members
    from ithaca_tekton.settings import TektonSettings

ALONE = 256 * 1024
"""Size in bytes up to which a PipelineRun contains its Tasks."""

MOST = 500 * 1024
"""The largest PipelineRun in bytes. Its status repeats the Pipeline and names each pod, and an
object of Kubernetes may have 1.5 MiB."""


def emit(workflow: Workflow, settings: TektonSettings, run: RunDocument | None) -> list[Object]:
    """Build the objects; see `Engine.objects`.

    Raises:
        UsageError: Also when the PipelineRun would be too large (ITH681).
    """
    settings = manifests.validated(workflow, settings, run)
    graph = Graph(workflow, settings, run)
    if run is None:
        return _lasting(graph, workflow.name)
    alone = _alone(graph, run)
    if _size(alone) <= ALONE:
        return [alone]
    objects = _with_tasks(graph, run)
    if (size := _size(objects[-1])) <= MOST:
        return objects
    raise UsageError(
        "ITH681",
        f"the PipelineRun would have {size // 1024} KiB, but at most {MOST // 1024} KiB fit "
        "because its status repeats the Pipeline",
        where=objects[-1]["metadata"]["name"],
        cure="split the notebook, or use `--backend argo`",
    )


def template(workflow: Workflow, settings: TektonSettings, run: RunDocument) -> list[Object]:
    """Build what the trials of a study share; see `Engine.template`."""
    settings = manifests.validated(workflow, settings, run)
    graph = Graph(workflow, settings, run)
    study = run.trial.study if run.trial else workflow.name
    name = shared.template(study, _lasting(graph, ""))
    return _lasting(graph, name, manifests.study_labels(run))


def instance(
    example: Object, workflow: Workflow, settings: TektonSettings, run: RunDocument
) -> Object:
    """Build the PipelineRun of a trial; see `Engine.instance`."""
    named = names.parameters(each.name for each in workflow.parameters)
    given = manifests.changed_arguments(workflow, run).items()
    params = [
        {"name": RUN, "value": run_options(workflow, settings, run)},
        *({"name": named[name], "value": text} for name, text in given),
    ]
    return manifests.instance_of(example, run, params=params)


def _lasting(graph: Graph, name: str, more: Mapping[str, str] | None = None) -> list[Object]:
    """The Tasks and the Pipeline to apply once, and a PipelineRun to create for each run."""
    workflow, settings, labels = graph.workflow, graph.settings, {**graph.labels(), **(more or {})}
    members, ends = graph.members(), graph.ends()
    objects, tasks = with_tasks(name, [*members, *ends], labels, settings)
    pipeline = PipelineSpec(
        description=workflow.description or None,
        params=graph.defaults(),
        tasks=tasks[: len(members)],
        final=tasks[len(members) :],
    )
    run = replace(
        run_spec([*members, *ends], graph.end().pod, settings),
        pipeline_ref={"name": name},
        params=graph.given(),
    )
    generated = shared.workflow(workflow.name)
    return [
        *objects,
        create("Pipeline", Metadata(name=name, labels=labels), pipeline, settings),
        create("PipelineRun", Metadata(generate_name=generated, labels=labels), run, settings),
    ]


def _alone(graph: Graph, run: RunDocument) -> Object:
    members = [inlined(each, graph.run) for each in graph.members()]
    ends = [inlined(each, graph.run) for each in graph.ends()]
    pipeline = PipelineSpec(tasks=inline_tasks(members), final=inline_tasks(ends))
    return _pipeline_run(graph, run, [*members, *ends], pipeline)


def _with_tasks(graph: Graph, run: RunDocument) -> list[Object]:
    members = [shortened(each) for each in graph.members()]
    ends = [shortened(each) for each in graph.ends()]
    name = shared.workflow(graph.workflow.name, run.id)
    objects, tasks = with_tasks(name, [*members, *ends], graph.labels(run), graph.settings)
    pipeline = PipelineSpec(
        params=graph.defaults()[:1], tasks=tasks[: len(members)], final=tasks[len(members) :]
    )
    return [*objects, _pipeline_run(graph, run, [*members, *ends], pipeline)]


def _pipeline_run(
    graph: Graph, run: RunDocument, members: Members, pipeline: PipelineSpec
) -> Object:
    metadata = Metadata(name=shared.workflow(graph.workflow.name, run.id), labels=graph.labels(run))
    spec = run_spec(members, graph.end().pod, graph.settings)
    return create("PipelineRun", metadata, replace(spec, pipeline_spec=pipeline), graph.settings)


def _size(manifest: Object) -> int:
    return len(json.dumps(manifest))
