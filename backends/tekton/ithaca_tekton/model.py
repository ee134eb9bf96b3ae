"""The objects of Tekton that this backend creates, as far as it uses them: `tekton.dev/v1`.

There is no maintained Python package for them. The fields have the names and the meaning of
Tekton's own API: https://tekton.dev/docs/pipelines/pipeline-api/. References, custom tasks and
parts of a pod (volumes, mounts, variables, affinity) are plain data, as Tekton and Kubernetes
document them. This module imports nothing of Ithaca's.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

API_VERSION = "tekton.dev/v1"

Plain = dict[str, Any]
"""A part that is plain data, as Kubernetes or Tekton documents it."""


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
    results: list[Plain] = []
    steps: list[Step | Plain]
    volumes: list[Plain] = []


class PipelineTask(_Part, frozen=True, kw_only=True):
    """A task of a Pipeline: a reference to its Task, or the Task itself."""

    name: str
    task_ref: Plain | None = None
    task_spec: TaskSpec | None = None
    description: str | None = None
    run_after: list[str] = []
    when: list[Plain] = []
    params: list[Param] = []
    retries: int = 0
    timeout: str | None = None


class PipelineSpec(_Part, frozen=True, kw_only=True):
    """The tasks of a Pipeline, and those that run when these have ended."""

    description: str | None = None
    params: list[ParamSpec] = []
    tasks: list[PipelineTask | Plain]
    final: list[PipelineTask | Plain] = msgspec.field(name="finally", default_factory=list)


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


class TaskRunSpec(_Part, frozen=True, kw_only=True):
    """What the pod of one task gets, where it differs from the TaskRunTemplate."""

    pipeline_task_name: str
    metadata: Metadata | None = None
    service_account_name: str | None = None
    pod_template: PodTemplate | None = None
    step_specs: list[Plain] = []


class PipelineRunSpec(_Part, frozen=True, kw_only=True):
    """A run of a Pipeline: a reference to it, or the Pipeline itself."""

    pipeline_ref: Plain | None = None
    pipeline_spec: PipelineSpec | None = None
    params: list[Param] = []
    timeouts: Plain
    task_run_template: TaskRunTemplate | None = None
    task_run_specs: list[TaskRunSpec] = []
