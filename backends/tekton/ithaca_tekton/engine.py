"""Tekton as a session sees it: one PipelineRun for each run, a TaskRun for each of its tasks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import Engine, Kind, Outcome, PodState
from ithaca.backends.kubernetes.engine import step_of
from ithaca.backends.kubernetes.names import labels
from ithaca_tekton import approvals, names
from ithaca_tekton.approvals import RUN, TASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ithaca.backends.kubernetes import Answer, Cluster, Object
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca_tekton.settings import TektonSettings

PIPELINE_RUN = Kind("tekton.dev", "v1", "PipelineRun", "pipelineruns")
TASK_RUN = Kind("tekton.dev", "v1", "TaskRun", "taskruns")

_CANCELLED = ("Cancelled", "CancelledRunningFinally", "StoppedRunningFinally")
_VAGUE = ("", "Running", "Succeeded", "Failed", "StepFailed")
"""Reasons that say less than the exit code of the runner's container."""
_TIMED_OUT = ("PipelineRunTimeout", "PipelineRunTimeoutRunningFinally")
_RUNNING = "Running"


class TektonEngine(Engine):
    """Builds PipelineRuns, reads them and their TaskRuns, and ends them.

    Args:
        settings: `[tool.ithaca.tekton]`.
    """

    title = "Tekton"
    kind = PIPELINE_RUN
    page = "/#/namespaces/{namespace}/pipelineruns/{name}"
    settings: TektonSettings

    def objects(self, workflow: Workflow, run: RunDocument | None = None) -> list[Object]:
        """The PipelineRun of a run, after its Tasks; without a run, the Pipeline before it."""
        from ithaca_tekton.emit import emit

        return emit(workflow, self.settings, run)

    def template(self, workflow: Workflow, shared: RunDocument) -> list[Object]:
        """The Tasks and the Pipeline of a study, and a PipelineRun that uses them."""
        from ithaca_tekton.emit import template

        return template(workflow, self.settings, shared)

    def instance(self, example: Object, workflow: Workflow, run: RunDocument) -> Object:
        """A PipelineRun that uses the Pipeline of its study."""
        from ithaca_tekton.emit import instance

        return instance(example, workflow, self.settings, run)

    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended, also while the last pod still runs."""
        condition = _condition(found.get("status") or {})
        message = str(condition.get("message") or "")
        if condition.get("reason") in _CANCELLED:
            return Outcome("cancelled", message)
        if condition.get("status") == "True":
            return Outcome("succeeded")
        if condition.get("status") == "False":
            timed_out = condition.get("reason") in _TIMED_OUT
            return Outcome("failed", message, _limit(found) if timed_out else None)
        return _outcome_before_end(found)

    def pods(self, cluster: Cluster, found: Object) -> list[PodState]:
        """One for each attempt in the TaskRuns of steps."""
        runs, _ = cluster.list(TASK_RUN, labels=self.labels(found["metadata"]["name"]))
        return [pod for each in runs for pod in _attempts(each)]

    def labels(self, name: str) -> Mapping[str, str]:
        """Tekton's own label."""
        return {RUN: name}

    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """The step that Tekton's own label names."""
        return step_of(pod, TASK, labels(each.name for each in workflow.steps))

    def pass_on(self, cluster: Cluster, found: Object, workflow: Workflow, answer: Answer) -> bool:
        """Answer the ApprovalTask, if the run has one."""
        task = names.gate(labels(step.name for step in workflow.steps)[answer.step])
        if not approvals.asks(found, task):
            return False
        run = found["metadata"]["name"]
        approvals.answer(cluster, run, task, answer.decision, answer.comment)
        return True

    def stop(self, cluster: Cluster, name: str) -> None:
        """Cancel the run; Tekton ends its pods and still runs the one that records the end."""
        found = cluster.patch(self.kind, name, {"spec": {"status": "CancelledRunFinally"}})
        approvals.withdraw(cluster, found)


def _outcome_before_end(found: Object) -> Outcome | None:
    """The outcome while the last task runs: the records say how the steps ended."""
    status = found.get("status") or {}
    children = status.get("childReferences") or []
    if not any(each.get("pipelineTaskName") == names.END for each in children):
        return None
    limit, times = _limit(found), [status.get("startTime"), status.get("finallyStartTime")]
    if limit is None or None in times:
        return Outcome("succeeded")
    began, last = (datetime.fromisoformat(str(each)) for each in times)
    timed_out = (last - began).total_seconds() >= limit
    return Outcome("succeeded", deadline=limit if timed_out else None)


def _limit(found: Object) -> float | None:
    """The time limit of the tasks in seconds."""
    limit = ((found.get("spec") or {}).get("timeouts") or {}).get("tasks")
    if limit is None:
        return None
    units = {"h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"([\d.]+)([hms])", limit)
    return sum(float(amount) * units[unit] for amount, unit in parts)


def _attempts(task_run: Object) -> Iterator[PodState]:
    params = {each["name"]: each["value"] for each in task_run["spec"].get("params") or []}
    if "step" not in params:
        return  # it waits for a person, or records the end
    step = str(params["step"])
    status = task_run.get("status") or {}
    earlier = status.get("retriesStatus") or []
    for number, each in enumerate([*earlier, status], 1):
        yield _pod(step, number, each)


def _pod(step: str, number: int, status: Mapping[str, Any]) -> PodState:
    condition = _condition(status)
    ended = condition.get("status") in ("True", "False")
    running = condition.get("status") == "Unknown" and condition.get("reason") == _RUNNING
    # Before the pod of a retry runs, Tekton still shows the containers of the previous pod.
    code, why = _runner(status) if ended or running else (None, "")
    reason, message = (str(condition.get(each) or "") for each in ("reason", "message"))
    if code and reason in _VAGUE:
        reason, message = "", f"{why} (exit code {code})"
    return PodState(
        step=step,
        number=number,
        phase="ended" if ended else "running" if running else "pending",
        failed=condition.get("status") == "False" or bool(code),
        message=f"{reason}: {message}" if reason and message else message,
        exit_code=code,
        name=str(status.get("podName") or ""),
    )


def _condition(status: Mapping[str, Any]) -> dict[str, Any]:
    found = (each for each in status.get("conditions") or [] if each.get("type") == "Succeeded")
    return next(found, {})


def _runner(status: Mapping[str, Any]) -> tuple[int | None, str]:
    """The exit code of the runner's container, and the reason."""
    for each in status.get("steps") or []:
        if each.get("name") == "main" and "terminated" in each:
            end = each["terminated"]
            code = int(end.get("exitCode", 0))
            # Tekton reports -1 after any signal; SIGKILL is the one that the runner cannot handle.
            return (137, "Error") if code == -1 else (code, str(end.get("reason") or "Error"))
    return None, ""
