"""Builds Argo's objects from a workflow: a pure function.

Without a run: a WorkflowTemplate and a small Workflow that refers to it, for people, git and
triggers. For a study: the same, once, and a small Workflow for each trial. With a run: one Workflow
of exactly the steps that its plan starts. A reused step has no task; its execution is written where
its output would be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hera.workflows import models as m

from ithaca.backends.kubernetes import manifests
from ithaca.backends.kubernetes import names as shared
from ithaca.backends.kubernetes.command import ANSWERS
from ithaca.backends.kubernetes.preparing import preparations
from ithaca_argo import names, pods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.backends.kubernetes import Object
    from ithaca.backends.kubernetes.preparing import Preparation
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca_argo.settings import ArgoSettings

ROOMY = 96 * 1024
"""Bytes of templates above which steps with equal pods share one: objects are limited in size."""

API_VERSION = "argoproj.io/v1alpha1"


def emit(workflow: Workflow, settings: ArgoSettings, run: RunDocument | None) -> list[Object]:
    """Build the objects; see `Engine.objects`."""
    settings = manifests.validated(workflow, settings, run)
    spec = _spec(workflow, settings, run)
    if run is not None:
        name = shared.workflow(workflow.name, run.id)
        return [_object("Workflow", {"name": name}, settings, spec, manifests.labels(run))]
    return _lasting(workflow, settings, spec, workflow.name)


def template(workflow: Workflow, settings: ArgoSettings, run: RunDocument) -> list[Object]:
    """Build what the trials of a study share; see `Engine.template`."""
    settings = manifests.validated(workflow, settings, run)
    spec = _spec(workflow, settings, run)
    study = run.trial.study if run.trial else workflow.name
    name = shared.template(study, spec.model_dump(mode="json", exclude_none=True))
    return _lasting(workflow, settings, spec, name, manifests.study_labels(run))


def instance(example: Object, workflow: Workflow, run: RunDocument) -> Object:
    """Build the Workflow of a trial; see `Engine.instance`."""
    given = {
        names.parameter(name): text
        for name, text in manifests.changed_arguments(workflow, run).items()
    }
    parameters = [{"name": k, "value": v} for k, v in {"ithaca-run": run.id, **given}.items()]
    return manifests.instance_of(example, run, arguments={"parameters": parameters})


def _lasting(
    workflow: Workflow,
    settings: ArgoSettings,
    spec: m.WorkflowSpec,
    name: str,
    more: Mapping[str, str] | None = None,
) -> list[Object]:
    """A WorkflowTemplate, and a Workflow that refers to it."""
    labels = {"ithaca/workflow": workflow.name, **(more or {})}
    about = {"workflows.argoproj.io/description": workflow.description}
    annotations = about if workflow.description else None
    arguments = _arguments(workflow, None)
    reference = m.WorkflowSpec(
        workflow_template_ref=m.WorkflowTemplateRef(name=name),
        arguments=m.Arguments(parameters=arguments) if arguments else None,
    )
    generated = shared.workflow(workflow.name)
    return [
        _object("WorkflowTemplate", {"name": name}, settings, spec, labels, annotations),
        _object("Workflow", {"generateName": generated}, settings, reference, labels),
    ]


def _spec(
    workflow: Workflow,
    settings: ArgoSettings,
    run: RunDocument | None,
) -> m.WorkflowSpec:
    reused = manifests.reused(run)
    steps = manifests.steps_to_start(workflow, reused, settings)
    templates = _pod_templates(steps, workflow, settings)
    distinct = {template.name: template for template in templates.values()}
    asked = any(step.approval is not None for step in steps)
    prepared = preparations(steps, settings, run)
    return m.WorkflowSpec(
        entrypoint=names.DAG,
        arguments=m.Arguments(parameters=_parameters(workflow, settings, run)),
        service_account_name=settings.service_account,
        image_pull_secrets=[
            m.LocalObjectReference(name=name) for name in settings.image_pull_secrets
        ]
        or None,
        active_deadline_seconds=settings.deadline,
        archive_logs=settings.archive_logs,
        on_exit=names.END if settings.exit_handler else None,
        parallelism=settings.parallel,
        pod_priority_class_name=settings.priority_class,
        pod_spec_patch=pods.patch(settings.pod_patch),
        priority=settings.priority,
        synchronization=pods.mutexes(settings.mutexes),
        pod_gc=_pod_gc(settings),
        ttl_strategy=_ttl(settings),
        templates=[
            _dag(steps, workflow, templates, reused, prepared),
            *(pods.preparing_pod(each.name, each.step, settings) for each in prepared),
            *distinct.values(),
            *([_approval()] if asked else []),
            *([pods.end_pod(steps[0], settings)] if settings.exit_handler else []),
        ],
    )


def _pod_gc(settings: ArgoSettings) -> m.PodGC | None:
    gc = settings.pod_gc
    return m.PodGC(strategy=gc.strategy, delete_delay_duration=gc.delay) if gc else None


def _ttl(settings: ArgoSettings) -> m.TTLStrategy | None:
    ttl = settings.ttl
    if ttl is None:
        return None
    return m.TTLStrategy(
        seconds_after_completion=ttl.after_completion,
        seconds_after_failure=ttl.after_failure,
        seconds_after_success=ttl.after_success,
    )


def _pod_templates(
    steps: list[Step], workflow: Workflow, settings: ArgoSettings
) -> dict[str, m.Template]:
    """The template of each step, by the step's name."""
    tasks = names.tasks(step.name for step in workflow.steps)
    found = {step.name: pods.step_pod(step, workflow.volumes, settings) for step in steps}
    texts = {name: each.model_dump_json(exclude_none=True) for name, each in found.items()}
    if sum(map(len, texts.values())) <= ROOMY:
        for name, template in found.items():
            template.name = tasks[name]
        return found
    shared: dict[str, m.Template] = {}
    for name, text in texts.items():
        template = shared.setdefault(text, found[name])
        template.name = template.name or f"ithaca--steps-{len(shared)}"
    return {name: shared[text] for name, text in texts.items()}


def _dag(
    steps: list[Step],
    workflow: Workflow,
    templates: Mapping[str, m.Template],
    reused: Mapping[str, str],
    prepared: Sequence[Preparation],
) -> m.Template:
    named = names.tasks(step.name for step in workflow.steps)
    tasks = [_task(each.name, each.name, [], {"step": each.step.name}) for each in prepared]
    for step in steps:
        task, needed = named[step.name], [named[need] for need in step.needs if need not in reused]
        digests = [
            reused.get(need, f"{{{{tasks.{named[need]}.outputs.parameters.execution}}}}")
            for need in step.needs
        ]
        arguments = {"step": step.name, "label": task, "parents": ",".join(digests)}
        if step.approval is not None:
            gate = f"approve--{task}"
            question = {"step": step.name, "question": names.shown(step.approval)}
            tasks.append(_task(gate, names.APPROVAL, needed, question))
            for answer in ANSWERS:
                arguments[answer] = f"{{{{tasks.{gate}.outputs.parameters.{answer}}}}}"
            # The gate waits for the step's needs already, but the step reads their outputs too.
            needed = [*needed, gate]
        needed += [each.name for each in prepared if step.name in each.waiting]
        name = templates[step.name].name
        tasks.append(_task(task, name, needed, arguments))
    # As in a local run, steps that do not need a failed step go on.
    return m.Template(name=names.DAG, dag=m.DAGTemplate(fail_fast=False, tasks=tasks))


def _task(name: str, template: str | None, needed: list[str], given: dict[str, str]) -> m.DAGTask:
    return m.DAGTask(
        name=name,
        template=template,
        depends=" && ".join(needed) or None,
        arguments=m.Arguments(
            parameters=[m.Parameter(name=key, value=text) for key, text in given.items()]
        ),
    )


def _approval() -> m.Template:
    """The template that waits for a person; resuming it in Argo without a choice approves."""
    return m.Template(
        name=names.APPROVAL,
        suspend=m.SuspendTemplate(),
        inputs=m.Inputs(
            parameters=[
                m.Parameter(name="step"),
                m.Parameter(name="question"),
                m.Parameter(name="decision", default="approve", enum=["approve", "reject"]),
                *(m.Parameter(name=name, default="") for name in ANSWERS[1:]),
            ]
        ),
        outputs=m.Outputs(
            parameters=[
                m.Parameter(
                    name=name,
                    value_from=m.ValueFrom(supplied=m.SuppliedValueFrom(), default=default),
                )
                for name, default in (("decision", "approve"), ("by", ""), ("comment", ""))
            ]
        ),
    )


def _parameters(
    workflow: Workflow, settings: ArgoSettings, run: RunDocument | None
) -> list[m.Parameter]:
    ours = manifests.run_parameters(workflow, settings, run).items()
    return [*(m.Parameter(name=k, value=v) for k, v in ours), *_arguments(workflow, run)]


def _arguments(workflow: Workflow, run: RunDocument | None) -> list[m.Parameter]:
    given = manifests.arguments(workflow, run)
    return [m.Parameter(name=names.parameter(name), value=text) for name, text in given.items()]


def _object(
    kind: str,
    named: dict[str, str],
    settings: ArgoSettings,
    spec: m.WorkflowSpec,
    labels: dict[str, str],
    annotations: dict[str, str] | None = None,
) -> Object:
    content = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    more = {"namespace": settings.namespace, "labels": labels, "annotations": annotations}
    metadata: dict[str, Any] = {**named, **more}
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        "spec": manifests.named_first(content),
    }
