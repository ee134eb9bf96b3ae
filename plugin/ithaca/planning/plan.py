"""The plan: which steps of a workflow run, and which executions the others reuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ithaca.model.run import PlannedStep
from ithaca.planning.keys import Known, lookup, read_execution, step_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents


def plan(
    workflow: Workflow,
    *,
    store: Documents,
    arguments: Mapping[str, Any],
    environment: Callable[[Step], str],
    source: str,
    reuse: bool = True,
    pinned: Mapping[str, Known] | None = None,
    reuse_filter: Callable[[str], str] | None = None,
) -> tuple[PlannedStep, ...]:
    """Decide for every step whether it runs.

    The walk starts at the roots. A step whose key is known is reused. Below a step that runs, keys
    depend on what that step will leave, so the runner looks them up on arrival.

    Args:
        workflow: The workflow.
        store: Where executions are published.
        arguments: Value of every parameter.
        environment: Identity digest of what a step's kernel can import; empty when it is unknown
            before the step starts.
        source: Digest of the source snapshot.
        reuse: False for `--no-reuse`: known executions are not looked up.
        pinned: Executions to reuse whatever their key is, by step: those that succeeded in the run
            that is retried.
        reuse_filter: The reuse filter (`keys.reuse_filter`); None when every file counts.

    Returns:
        One entry a step, in workflow order.
    """
    pinned = pinned or {}
    after: dict[str, str] = {}
    planned = []
    for step in workflow.steps:
        key = None
        imports = environment(step)
        if imports and all(name in after for name in step.needs):
            parents = [after[name] for name in step.needs] or [source]
            key = step_key(
                workflow,
                step,
                arguments=arguments,
                environment=imports,
                parents=parents,
                reuse_filter=reuse_filter,
            )
        known = pinned.get(step.name)
        if known is None and key is not None and reuse and step.cache:
            known = lookup(store, key)
        execution = read_execution(store, known) if known else None
        if known is None or execution is None:
            planned.append(PlannedStep(step=step.name, action="run", key=key, environment=imports))
            continue
        after[step.name] = execution.after
        planned.append(
            PlannedStep(
                step=step.name,
                action="reuse",
                environment=imports,
                key=execution.key,
                execution=known.execution,
                reused_from=known.run,
            )
        )
    return tuple(planned)
