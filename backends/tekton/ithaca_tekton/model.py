"""The objects of Tekton that this backend creates, as far as it uses them: `tekton.dev/v1`.

There is no maintained Python package for them. The fields have the names and the meaning of
Tekton's own API: https://tekton.dev/docs/pipelines/pipeline-api/. Parts of a pod (volumes, mounts,
variables, affinity) are plain data, as Kubernetes documents them. This module imports nothing of
Ithaca's.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

API_VERSION = "tekton.dev/v1"

Plain = dict[str, Any]
"""A part of a pod, as Kubernetes documents it."""


class _Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A part of an object. The order of its fields is that of the YAML; defaults are left out."""


class Param(_Part, frozen=True, kw_only=True):
    """A parameter that is passed."""

    name: str
    value: str | list[str]


class ParamSpec(_Part, frozen=True, kw_only=True):
    """A parameter that is declared."""

    name: str
    type: Literal["string", "array"]
    default: str | list[str] | None = None


class Result(_Part, frozen=True, kw_only=True):
    """A text that a Task leaves for other tasks."""

    name: str
    type: Literal["string"]


class Step(_Part, frozen=True, kw_only=True):
    """A container of a Task."""

    name: str
    image: str
    image_pull_policy: str | None = None
    command: list[str]
    args: list[str]
    env_from: list[Plain] = []
    volume_mounts: list[Plain] = []
    env: list[Plain] = []
    on_error: Literal["continue"] | None = None


class TaskSpec(_Part, frozen=True, kw_only=True):
    """What a Task runs; `steps` may begin with an init container, which is plain data."""

    params: list[ParamSpec] = []
    results: list[Result] = []
    steps: list[Step | Plain]
    volumes: list[Plain] = []


class TaskRef(_Part, frozen=True, kw_only=True):
    """Refers to a Task by its name, or to the kind of a custom task."""

    name: str | None = None
    api_version: str | None = None
    kind: str | None = None


class WhenExpression(_Part, frozen=True, kw_only=True):
    """Skips a task unless the input is, or is not, one of the values."""

    input: str
    operator: Literal["in", "notin"]
    values: list[str]


class PipelineTask(_Part, frozen=True, kw_only=True):
    """A task of a Pipeline: a reference to its Task, or the Task itself."""

    name: str
    task_ref: TaskRef | None = None
    task_spec: TaskSpec | None = None
    description: str | None = None
    run_after: list[str] = []
    when: list[WhenExpression] = []
    params: list[Param] = []
    retries: int = 0
    timeout: str | None = None


class CustomTask(_Part, frozen=True, kw_only=True):
    """A task of a Pipeline that another controller runs."""

    name: str
    task_ref: TaskRef
    params: list[Param]
    on_error: Literal["continue"] | None = None
    timeout: str | None = None
    when: list[WhenExpression] = []


class PipelineSpec(_Part, frozen=True, kw_only=True):
    """The tasks of a Pipeline, and those that run when these have ended."""

    description: str | None = None
    params: list[ParamSpec] = []
    tasks: list[PipelineTask | CustomTask]
    final: list[PipelineTask | CustomTask] = msgspec.field(name="finally", default_factory=list)


class PipelineRef(_Part, frozen=True, kw_only=True):
    """Refers to a Pipeline by its name."""

    name: str


class Timeouts(_Part, frozen=True, kw_only=True):
    """How long a PipelineRun, and its tasks without the final ones, may take; `0` is no limit."""

    pipeline: str
    tasks: str | None = None


class PodTemplate(_Part, frozen=True, kw_only=True):
    """What pods get beside their containers."""

    node_selector: dict[str, str] = {}
    env: list[Plain] = []
    tolerations: list[Plain] = []
    affinity: Plain | None = None
    security_context: Plain | None = None
    priority_class_name: str | None = None
    scheduler_name: str | None = None
    image_pull_secrets: list[Plain] = []


class TaskRunTemplate(_Part, frozen=True, kw_only=True):
    """What all pods of a PipelineRun get."""

    service_account_name: str | None = None
    pod_template: PodTemplate | None = None


class Metadata(_Part, frozen=True, kw_only=True):
    """The metadata of an object or of a pod."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class StepSpec(_Part, frozen=True, kw_only=True):
    """The resources of one container."""

    name: str
    compute_resources: Plain


class TaskRunSpec(_Part, frozen=True, kw_only=True):
    """What the pod of one task gets, where it differs from the TaskRunTemplate."""

    pipeline_task_name: str
    metadata: Metadata | None = None
    service_account_name: str | None = None
    pod_template: PodTemplate | None = None
    step_specs: list[StepSpec] = []


class PipelineRunSpec(_Part, frozen=True, kw_only=True):
    """A run of a Pipeline: a reference to it, or the Pipeline itself."""

    pipeline_ref: PipelineRef | None = None
    pipeline_spec: PipelineSpec | None = None
    params: list[Param] = []
    timeouts: Timeouts
    task_run_template: TaskRunTemplate | None = None
    task_run_specs: list[TaskRunSpec] = []


class Object(_Part, frozen=True, kw_only=True):
    """An object as it is sent to the API server."""

    api_version: str
    kind: Literal["Task", "Pipeline", "PipelineRun"]
    metadata: Metadata
    spec: TaskSpec | PipelineSpec | PipelineRunSpec
