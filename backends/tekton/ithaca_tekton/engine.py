"""Tekton as a session sees it: one PipelineRun for each run, a TaskRun for each of its tasks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import Engine, Kind, Outcome, PodState
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
_SILENT = ("", "Running", "Succeeded", "Failed", "StepFailed")
"""Reasons that tell less than how the container of the runner ended."""
_TIMED_OUT = ("PipelineRunTimeout", "PipelineRunTimeoutRunningFinally")
_RUNNING = "Running"


class TektonEngine(Engine):
    """Builds PipelineRuns, reads them and their TaskRuns, and ends them.

    Args:
        settings: `[tool.ithaca.tekton]`.
    """

    title = "Tekton"
    kind = PIPELINE_RUN

    def __init__(self, settings: TektonSettings) -> None:
        self.settings = settings

    def objects(self, workflow: Workflow, run: RunDocument | None = None) -> list[Object]:
        """The PipelineRun of a run, after its Tasks; without a run, the Pipeline before it."""
        from ithaca_tekton.emit import emit

        return emit(workflow, self.settings, run)

    def outcome(self, found: Object) -> Outcome | None:
        """How the steps ended, even while the last pod still runs."""
        told = _condition(found.get("status") or {})
        if told.get("reason") in _CANCELLED:
            return Outcome("cancelled", str(told.get("message") or ""))
        if told.get("status") == "True":
            return Outcome("succeeded")
        if told.get("status") == "False":
            over = told.get("reason") in _TIMED_OUT
            message = str(told.get("message") or "")
            return Outcome("failed", message, _limit(found) if over else None)
        return _nearly(found)

    def pods(self, cluster: Cluster, found: Object) -> list[PodState]:
        """One for each TaskRun of a step and for each that Tekton repeated."""
        runs, _ = cluster.list(TASK_RUN, labels=self.labels(found["metadata"]["name"]))
        return [pod for each in runs for pod in _attempts(each)]

    def labels(self, name: str) -> Mapping[str, str]:
        """Tekton's own label."""
        return {RUN: name}

    def step(self, pod: Object, workflow: Workflow) -> str | None:
        """What Tekton's own label says."""
        told = (pod["metadata"].get("labels") or {}).get(TASK)
        tasks = labels(step.name for step in workflow.steps)
        return next((step for step, task in tasks.items() if task == told), None)

    def gates(self, found: Object) -> set[str]:  # noqa: ARG002
        """None: the pods that wait look at the store themselves."""
        return set()

    def answer(
        self, cluster: Cluster, found: Object, answers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Nothing is answered in Tekton itself."""

    def pass_on(self, cluster: Cluster, found: Object, workflow: Workflow, answer: Answer) -> bool:
        """To the ApprovalTask, where the run has one."""
        task = names.gate(labels(step.name for step in workflow.steps)[answer.step])
        if not approvals.asks(found, task):
            return False
        run = found["metadata"]["name"]
        approvals.answer(cluster, run, task, answer.decision, answer.comment)
        return True

    def stop(self, cluster: Cluster, name: str) -> None:
        """Tekton ends the pods and still runs the one that records the end."""
        found = cluster.patch(self.kind, name, {"spec": {"status": "CancelledRunFinally"}})
        approvals.withdraw(cluster, found)

    def url(self, namespace: str, name: str) -> str | None:
        """The run's page, when the address of Tekton's dashboard is set."""
        if self.settings.url is None:
            return None
        return f"{self.settings.url.rstrip('/')}/#/namespaces/{namespace}/pipelineruns/{name}"


def _nearly(found: Object) -> Outcome | None:
    """The outcome when the last task runs: the records say how the steps went."""
    status = found.get("status") or {}
    children = status.get("childReferences") or []
    if not any(each.get("pipelineTaskName") == names.END for each in children):
        return None
    limit, times = _limit(found), [status.get("startTime"), status.get("finallyStartTime")]
    if limit is None or None in times:
        return Outcome("succeeded")
    began, last = (datetime.fromisoformat(str(each)) for each in times)
    over = (last - began).total_seconds() >= limit
    return Outcome("succeeded", deadline=limit if over else None)


def _limit(found: Object) -> float | None:
    """The seconds that the tasks may take."""
    limit = ((found.get("spec") or {}).get("timeouts") or {}).get("tasks")
    if limit is None:
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
    code, why = _runner(status) if ended or running else (None, "")
    reason, message = (str(told.get(each) or "") for each in ("reason", "message"))
    if code and reason in _SILENT:
        reason, message = "", f"{why} (exit code {code})"
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


def _runner(status: Mapping[str, Any]) -> tuple[int | None, str]:
    """How the container of the runner ended: its exit code and the reason."""
    for each in status.get("steps") or []:
        if each.get("name") == "main" and "terminated" in each:
            told = each["terminated"]
            code = int(told.get("exitCode", 0))
            # Tekton says -1 of what a signal ended; SIGKILL is the one that the runner cannot take.
            return (137, "Error") if code == -1 else (code, str(told.get("reason") or "Error"))
    return None, ""
