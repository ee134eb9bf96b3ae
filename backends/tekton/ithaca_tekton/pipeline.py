"""The graph of a notebook: a task for each step, gates before steps that ask, and an end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple

from ithaca.backends.kubernetes import manifests, pods
from ithaca.backends.kubernetes.names import labels
from ithaca.backends.kubernetes.preparing import preparations
from ithaca_tekton import approvals, command, names, tasks
from ithaca_tekton.model import Param, ParamSpec, PipelineTask, Plain, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes.pods import Pod
    from ithaca.backends.kubernetes.preparing import Preparation
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca_tekton.settings import TektonSettings

RUN = "ithaca-run"
"""The Pipeline's parameter that is not an argument of the notebook."""

_ENGINE = (
    "tekton/$(context.pipelineRun.namespace)/$(context.pipelineRun.name)/$(context.pipelineRun.uid)"
)


def run_options(workflow: Workflow, settings: TektonSettings, run: RunDocument | None) -> list[str]:
    """The options of every pod of a run."""
    values = manifests.run_parameters(workflow, settings, run)
    options = command.PLANNED if run else command.RUN
    return [f"--{name}={values[f'ithaca-{name}']}" for name in options]


class Member(NamedTuple):
    """One task of the graph that runs in a pod.

    Attributes:
        kind: The purpose of the task.
        task: The task, without its Task.
        spec: Its Task.
        pod: Its pod.
    """

    kind: Literal["prepare", "step", "gate", "end"]
    task: PipelineTask
    spec: TaskSpec
    pod: Pod

    @property
    def name(self) -> str:
        """Its name in the graph."""
        return self.task.name


class Graph:
    """The tasks of a workflow, or of a planned run of it.

    Args:
        workflow: The workflow.
        settings: The validated settings.
        run: The planned run, if there is one.
    """

    def __init__(
        self, workflow: Workflow, settings: TektonSettings, run: RunDocument | None
    ) -> None:
        self.workflow, self.settings = workflow, settings
        self.reused = manifests.reused(run)
        self.steps = manifests.steps_to_start(workflow, self.reused, settings)
        self.prepared = preparations(self.steps, settings, run)
        self.named = labels(step.name for step in workflow.steps)
        self.parameters = names.parameters(each.name for each in workflow.parameters)
        self.run = run_options(workflow, settings, run)
        self.arguments = manifests.arguments(workflow, run)

    def defaults(self) -> list[ParamSpec]:
        """The parameters of the Pipeline."""
        return [
            ParamSpec(name=RUN, type="array", default=self.run),
            *(
                ParamSpec(name=self.parameters[name], type="string", default=text)
                for name, text in self.arguments.items()
            ),
        ]

    def given(self) -> list[Param]:
        """The notebook's arguments, for a PipelineRun."""
        return [Param(name=self.parameters[k], value=v) for k, v in self.arguments.items()]

    def members(self) -> list[Member | Plain]:
        """The tasks in the order of the workflow."""
        found: list[Member | Plain] = [self._preparing(each) for each in self.prepared]
        for step in self.steps:
            if step.approval is not None:
                found.append(self._gate(step))
            found.append(self._step(step))
        return found

    def ends(self) -> list[Member | Plain]:
        """The tasks of `finally`."""
        return [self.end()] if self.settings.exit_handler else []

    def labels(self, run: RunDocument | None = None) -> dict[str, str]:
        """The labels of every object; those of a run include its id."""
        return manifests.labels(run) if run else {"ithaca/workflow": self.workflow.name}

    def end(self) -> Member:
        """The task of `finally` that records the end."""
        tasks_ = [self.named[step.name] for step in self.steps]
        failures = [{"displayName": task, "message": f"$(tasks.{task}.reason)"} for task in tasks_]
        pod = pods.end_pod(self.steps[0], self.settings)
        own = {
            "status": "$(tasks.status)",
            "failures": json.dumps(failures, separators=(",", ":")),
        }
        task = PipelineTask(
            name=names.END,
            params=self._params(pod, own),
            # Only one more attempt: this task also fails in order to show that the run failed.
            retries=min(1, self.settings.infrastructure_retries),
        )
        return Member("end", task, tasks.end_task(pod, self.settings), pod)

    def _preparing(self, preparation: Preparation) -> Member:
        step = preparation.step
        pod = pods.preparing_pod(step, self.settings)
        own = {"preparing": step.name}
        if pod.settings.python:
            own["python"] = pod.settings.python
        task = PipelineTask(
            name=preparation.name,
            params=self._params(pod, own),
            retries=self.settings.infrastructure_retries,
        )
        return Member("prepare", task, tasks.prepare_task(pod, self.settings), pod)

    def _step(self, step: Step) -> Member:
        pod = pods.step_pod(step, self.workflow.volumes, self.settings)
        digests = [self.reused.get(need, self._execution(need)) for need in step.needs]
        own = {"step": step.name, "parents": ",".join(digests)}
        if pod.settings.python:
            own["python"] = pod.settings.python
        if "memory" in pod.settings.limits:
            own["memory"] = str(pod.settings.limits["memory"])
        after = [each.name for each in self.prepared if step.name in each.waiting]
        if step.approval is not None:
            gate = names.gate(self.named[step.name])
            if self.settings.approval_task is None:
                own["decision"] = f"$(tasks.{gate}.results.decision)"
            else:
                own["asked"], after = command.asked(gate), [*after, gate]
        seconds = pods.time_limit(step, pod.settings)
        task = PipelineTask(
            name=self.named[step.name],
            run_after=after,
            when=self._when(step),
            params=self._params(pod, own),
            retries=step.retries + self.settings.infrastructure_retries,
            timeout=None if seconds is None else f"{seconds}s",
        )
        return Member("step", task, tasks.step_task(pod, self.settings), pod)

    def _gate(self, step: Step) -> Member | Plain:
        question = names.shown(step.approval or "")
        name = names.gate(self.named[step.name])
        if self.settings.approval_task is not None:
            asked = approvals.asked(question, self.settings.approval_task, self.settings.deadline)
            when = self._when(step)
            return {"name": name, **asked, **({"when": when} if when else {})}
        pod = pods.end_pod(step, self.settings)
        task = PipelineTask(
            name=name,
            description=question,
            when=self._when(step),
            params=self._params(pod, {"asking": step.name}),
            retries=self.settings.infrastructure_retries,
        )
        return Member("gate", task, tasks.gate_task(pod, self.settings), pod)

    def _execution(self, need: str) -> str:
        return f"$(tasks.{self.named[need]}.results.execution)"

    def _when(self, step: Step) -> list[Plain]:
        """Skip the step when a step that it needs left no execution: that one has failed."""
        return [
            {"input": self._execution(need), "operator": "notin", "values": [""]}
            for need in step.needs
            if need not in self.reused
        ]

    def _params(self, pod: Pod, own: Mapping[str, str]) -> list[Param]:
        """The parameters of a task: those of every pod, its own, and the notebook's arguments."""
        values: dict[str, str | list[str]] = {"run": [f"$(params.{RUN}[*])"], "engine": _ENGINE}
        image = pod.settings.image
        if image is not None and image != self.settings.image:  # which is the Task's default
            values["image"] = image
        values |= own
        if arguments := [f"{name}=$(params.{it})" for name, it in self.parameters.items()]:
            values["arguments"] = arguments
        return [Param(name=name, value=value) for name, value in values.items()]
