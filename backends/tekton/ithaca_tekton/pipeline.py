"""The graph of a notebook: one PipelineTask a step, gates before those that ask, an end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.backends.kubernetes import manifests, pods
from ithaca.backends.kubernetes.command import parents
from ithaca.backends.kubernetes.names import labels
from ithaca.backends.kubernetes.preparing import preparations
from ithaca_tekton import approvals, command, names, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes.pods import Pod
    from ithaca.backends.kubernetes.preparing import Preparation
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca_tekton.settings import TektonSettings
    from ithaca_tekton.tasks import Spec

_RUN = "ithaca-run"
"""The Pipeline's parameter that is no argument of the notebook's."""

_ENGINE = (
    "tekton/$(context.pipelineRun.namespace)/$(context.pipelineRun.name)/$(context.pipelineRun.uid)"
)


class Member(NamedTuple):
    """One task of the graph.

    Attributes:
        name: Its name in the graph.
        spec: Its Task.
        pod: What is known of its pod.
        content: The rest of the PipelineTask.
        kind: What its Task is for: `prepare`, `step`, `gate` or `end`.
    """

    name: str
    spec: Spec | None
    pod: Pod | None
    content: dict[str, Any]
    kind: str


class Graph:
    """The tasks of a workflow, or of what a run of it starts.

    Args:
        workflow: The workflow.
        settings: What is set, checked.
        run: The planned run, when there is one.
    """

    def __init__(
        self, workflow: Workflow, settings: TektonSettings, run: RunDocument | None
    ) -> None:
        self.workflow, self.settings = workflow, settings
        self.known = manifests.known(run)
        self.steps = manifests.started(workflow, self.known, settings)
        self.prepared = preparations(self.steps, settings, run)
        self.named = labels(step.name for step in workflow.steps)
        self.parameters = names.parameters(each.name for each in workflow.parameters)
        told = manifests.addresses(workflow, settings, run)
        options = command.PLANNED if run else command.RUN
        self.run = [f"--{name}={told[f'ithaca-{name}']}" for name in options]
        self.arguments = manifests.arguments(workflow, run)

    def defaults(self) -> list[dict[str, Any]]:
        """The parameters of the Pipeline."""
        return [
            {"name": _RUN, "type": "array", "default": self.run},
            *(
                {"name": self.parameters[name], "type": "string", "default": text}
                for name, text in self.arguments.items()
            ),
        ]

    def given(self) -> list[dict[str, str]]:
        """The notebook's arguments, for a PipelineRun."""
        return [{"name": self.parameters[k], "value": v} for k, v in self.arguments.items()]

    def members(self) -> list[Member]:
        """The tasks in the order of the workflow."""
        found = [self._preparing(each) for each in self.prepared]
        for step in self.steps:
            if step.approval is not None:
                found.append(self._gate(step))
            found.append(self._step(step))
        return found

    def ends(self) -> list[Member]:
        """The tasks for `finally`."""
        return [self.end()] if self.settings.exit_handler else []

    def labels(self, run: RunDocument | None = None) -> dict[str, str]:
        """The labels of every object, of those of a run with its id."""
        found = {"ithaca/workflow": self.workflow.name}
        return {**found, "ithaca/run": run.id} if run else found

    def end(self) -> Member:
        """The task that records the end, for `finally`."""
        tasks_ = [self.named[step.name] for step in self.steps]
        failures = [{"displayName": task, "message": f"$(tasks.{task}.reason)"} for task in tasks_]
        pod = pods.end_pod(self.steps[0], self.settings)
        given = {
            **_run(),
            **self._image(pod),
            "status": "$(tasks.status)",
            "failures": json.dumps(failures, separators=(",", ":")),
        }
        # One more attempt, not all: this task also fails to say that the run did.
        retries = min(1, self.settings.infrastructure_retries)
        content = _task(given, self._passed(), retries=retries)
        return Member(names.END, tasks.end_task(pod, self.settings), pod, content, "end")

    def _preparing(self, preparation: Preparation) -> Member:
        step = preparation.step
        pod = pods.preparing_pod(step, self.settings)
        given = {**_run(), **self._image(pod), "preparing": step.name}
        if pod.settings.python:
            given["python"] = pod.settings.python
        content = _task(given, self._passed(), retries=self.settings.infrastructure_retries)
        spec = tasks.prepare_task(pod, self.settings)
        return Member(preparation.name, spec, pod, content, "prepare")

    def _step(self, step: Step) -> Member:
        pod = pods.step_pod(step, self.workflow.volumes, self.settings)
        digests = [self.known.get(need, self._execution(need)) for need in step.needs]
        given = {
            **_run(),
            **self._image(pod),
            "step": step.name,
            "parents": parents(digests),
        }
        if pod.settings.python:
            given["python"] = pod.settings.python
        if "memory" in pod.settings.limits:
            given["memory"] = str(pod.settings.limits["memory"])
        after = [each.name for each in self.prepared if step.name in each.waiting]
        if step.approval is not None:
            gate = self._gate_of(step)
            if self.settings.approval_task is None:
                given["decision"] = f"$(tasks.{gate}.results.decision)"
            else:
                given["asked"], after = command.asked(gate), [*after, gate]
        content = _task(
            given,
            self._passed(),
            after=after,
            when=self._when(step),
            retries=step.retries + self.settings.infrastructure_retries,
            seconds=pods.time_limit(step, pod.settings),
        )
        name = self.named[step.name]
        return Member(name, tasks.step_task(pod, self.settings), pod, content, "step")

    def _gate(self, step: Step) -> Member:
        question = names.shown(step.approval or "")
        name = self._gate_of(step)
        if self.settings.approval_task is not None:
            asked = approvals.asked(question, self.settings.approval_task, self.settings.deadline)
            when = self._when(step)
            return Member(name, None, None, {**asked, **({"when": when} if when else {})}, "gate")
        pod = pods.end_pod(step, self.settings)
        given = {**_run(), **self._image(pod), "asking": step.name}
        content = {
            "description": question,
            **_task(
                given,
                self._passed(),
                when=self._when(step),
                retries=self.settings.infrastructure_retries,
            ),
        }
        return Member(name, tasks.gate_task(pod, self.settings), pod, content, "gate")

    def _gate_of(self, step: Step) -> str:
        return names.gate(self.named[step.name])

    def _execution(self, need: str) -> str:
        return f"$(tasks.{self.named[need]}.results.execution)"

    def _when(self, step: Step) -> list[dict[str, Any]]:
        """A step that failed for good leaves an empty execution; what needs it is skipped."""
        return [
            {"input": self._execution(need), "operator": "notin", "values": [""]}
            for need in step.needs
            if need not in self.known
        ]

    def _image(self, pod: Pod) -> dict[str, str]:
        """The image of a pod, where it is another than that of the whole workflow."""
        image = pod.settings.image
        return {} if image is None or image == self.settings.image else {"image": image}

    def _passed(self) -> list[str]:
        """The arguments as a Task takes them."""
        return [f"{name}=$(params.{told})" for name, told in self.parameters.items()]


def _run() -> dict[str, Any]:
    return {"run": [f"$(params.{_RUN}[*])"], "engine": _ENGINE}


def _task(
    given: Mapping[str, Any],
    arguments: list[str],
    *,
    after: list[str] | None = None,
    when: list[dict[str, Any]] | None = None,
    retries: int = 0,
    seconds: int | None = None,
) -> dict[str, Any]:
    params = [{"name": name, "value": value} for name, value in given.items()]
    if arguments:
        params.append({"name": "arguments", "value": arguments})
    content = {
        "runAfter": after,
        "when": when,
        "params": params,
        "retries": retries,
        "timeout": None if seconds is None else f"{seconds}s",
    }
    return {key: value for key, value in content.items() if value}
