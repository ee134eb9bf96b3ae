"""Tekton as a session sees it: one PipelineRun for each run, a TaskRun for each of its tasks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from ithaca.backends.kubernetes import Engine, Kind, Outcome, PodState
from ithaca.backends.kubernetes.names import labels
from ithaca_tekton import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ithaca.backends.kubernetes import Cluster, Object
    from ithaca.records.model import RunDocument
    from ithaca.workflow.model import Workflow
    from ithaca_tekton.settings import TektonSettings

PIPELINE_RUN = Kind("tekton.dev", "v1", "PipelineRun", "pipelineruns")
TASK_RUN = Kind("tekton.dev", "v1", "TaskRun", "taskruns")

_CANCELLED = ("Cancelled", "CancelledRunningFinally", "StoppedRunningFinally")
_TIMED_OUT = ("PipelineRunTimeout", "PipelineRunTimeoutRunningFinally")
_RUN = "tekton.dev/pipelineRun"
_TASK = "tekton.dev/pipelineTask"
_RUNNING = "Running"


class TektonEngine(Engine):
    """Reads PipelineRuns and their TaskRuns, and ends them.

    Args:
        settings: `[tool.ithaca.tekton]`.
    """

    title = "Tekton"
    kind = PIPELINE_RUN

    def __init__(self, settings: TektonSettings) -> None:
        self.settings = settings

    def manifest(self, workflow: Workflow, run: RunDocument) -> Object:
        """The PipelineRun of the steps that the plan starts."""
        from ithaca_tekton.emit import emit

        manifest: dict[str, Any] = yaml.safe_load(emit(workflow, self.settings, run))
        return manifest

    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended, even while the last pod still runs."""
        told = _condition(found.get("status") or {})
        if told.get("reason") in _CANCELLED:
            return Outcome("cancelled", str(told.get("message") or ""))
        if told.get("status") == "True":
            return Outcome("succeeded")
        if told.get("status") == "False":
            return Outcome("failed", str(told.get("message") or ""), _deadline(found, told))
        children = (found.get("status") or {}).get("childReferences") or []
        if any(each.get("pipelineTaskName") == names.END for each in children):
            return Outcome("succeeded")  # the last task runs: the records say how it went
        return None

    def pods(self, cluster: Cluster, found: Object) -> list[PodState]:
        """One for each TaskRun of a step and for each that Tekton repeated."""
        runs, _ = cluster.list(TASK_RUN, labels=self.labels(found["metadata"]["name"]))
        return [pod for each in runs for pod in _attempts(each)]

    def labels(self, name: str) -> Mapping[str, str]:
        """Tekton's own label."""
        return {_RUN: name}

    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """What Tekton's own label says."""
        told = (pod["metadata"].get("labels") or {}).get(_TASK)
        tasks = labels(step.name for step in workflow.steps)
        return next((step for step, task in tasks.items() if task == told), None)

    def gates(self, found: Object) -> set[str]:  # noqa: ARG002
        """None: the pods that wait look at the store themselves."""
        return set()

    def answer(
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Nothing is answered in Tekton itself."""

    def stop(self, cluster: Cluster, name: str) -> None:
        """Tekton ends the pods and still runs the one that records the end."""
        cluster.patch(self.kind, name, {"spec": {"status": "CancelledRunFinally"}})

    def url(self, namespace: str, name: str) -> str | None:
        """The run's page, when the address of Tekton's dashboard is set."""
        if self.settings.url is None:
            return None
        return f"{self.settings.url.rstrip('/')}/#/namespaces/{namespace}/pipelineruns/{name}"


def _deadline(found: Object, told: Mapping[str, Any]) -> float | None:
    """The seconds that the tasks might take, when they are over."""
    limit = ((found.get("spec") or {}).get("timeouts") or {}).get("tasks")
    if limit is None or told.get("reason") not in _TIMED_OUT:
        return None
    units = {"h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"([\d.]+)([hms])", limit)
    return sum(float(amount) * units[unit] for amount, unit in parts)


def _attempts(task_run: Object) -> Iterator[PodState]:
    told = {each["name"]: each["value"] for each in task_run["spec"].get("params") or []}
    if "step" not in told:
        return  # it waits for a person, or records the end
    step = str(told["step"])
    status = task_run.get("status") or {}
    earlier = status.get("retriesStatus") or []
    for number, each in enumerate([*earlier, status], 1):
        yield _pod(step, number, each)


def _pod(step: str, number: int, status: Mapping[str, Any]) -> PodState:
    told = _condition(status)
    ended = told.get("status") in ("True", "False")
    running = told.get("status") == "Unknown" and told.get("reason") == _RUNNING
    # Before a repeated pod runs, Tekton still shows the containers of the one before.
    code = _exit_code(status) if ended or running else None
    reason = str(told.get("reason") or "")
    message = str(told.get("message") or "")
    return PodState(
        step=step,
        number=number,
        phase="ended" if ended else "running" if running else "pending",
        failed=told.get("status") == "False" or bool(code),
        message=f"{reason}: {message}" if reason and message else message,
        exit_code=code,
        name=str(status.get("podName") or ""),
    )


def _condition(status: Mapping[str, Any]) -> dict[str, Any]:
    found = (each for each in status.get("conditions") or [] if each.get("type") == "Succeeded")
    return next(found, {})


def _exit_code(status: Mapping[str, Any]) -> int | None:
    """Of the container of the runner."""
    for each in status.get("steps") or []:
        if each.get("name") == "main" and "terminated" in each:
            return int(each["terminated"].get("exitCode", 0))
    return None
