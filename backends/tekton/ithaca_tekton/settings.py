"""`[tool.ithaca.tekton]`: settings that only Tekton has, beside those of every cluster backend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ithaca.backends.kubernetes import settings as shared
from ithaca.backends.kubernetes.settings import ClusterSettings, PodSettings, Strict
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LACKING = {
    "mutexes": "use `--backend argo`, or make the steps depend on each other",
    "backoff": "remove it: Tekton starts the next attempt at once",
    "pod_patch": "use the other settings of pods, or a mutating webhook of the cluster",
    "priority": "use `priority_class` to order pods",
    "ttl": "use Tekton's pruner to delete old objects; the run's records stay in the store",
    "pod_gc": "use Tekton's pruner to delete old objects; the run's records stay in the store",
    "archive_logs": "remove it: logs are in the store",
}
"""Settings of other backends that Tekton does not have, and what to do instead."""


_APPROVER = re.compile(r"group:[^\s:]+|(?!group:)\S(.*\S)?")


class ApprovalTask(Strict, frozen=True, kw_only=True):
    """Questions as objects of manual-approval-gate, which must be installed on the cluster.

    Attributes:
        approvers: The users who may answer, and groups as `group:NAME`.
        required: How many of them must approve.
    """

    approvers: tuple[str, ...]
    required: int = 1


class TektonSettings(ClusterSettings, frozen=True, kw_only=True):
    """Settings of the whole run.

    Attributes:
        approval_task: Ask through ApprovalTasks instead of a pod that waits.
        parallel: Ignored with a notice, because Tekton has no such limit.
        steps: Settings of named steps.
    """

    backend: ClassVar[str] = "tekton"
    engine: ClassVar[str] = "Tekton"
    variable: ClassVar[re.Pattern[str]] = re.compile(
        r"\$\((?:params|tasks|finally|context|results|workspaces|steps?|inputs|outputs|resources"
        r"|credentials|artifacts|sidecars)\b"
    )

    approval_task: ApprovalTask | None = None
    parallel: int | None = None
    steps: dict[str, PodSettings] = msgspec.field(default_factory=dict)


def read(values: Mapping[str, Any]) -> TektonSettings:
    """Read and validate the settings.

    Args:
        values: `[tool.ithaca.tekton]`, joined with the general settings that it may override.

    Raises:
        UsageError: A setting is unknown, is not supported by Tekton, or has a wrong value.

    Example:
        >>> read({"deadline": 60}).deadline
        60
    """
    steps = values.get("steps")
    tables = {"": values, **(steps if isinstance(steps, dict) else {})}
    for step, table in tables.items():
        for name, cure in _LACKING.items():
            if isinstance(table, dict) and name in table:
                raise UsageError(
                    "ITH680",
                    f"Tekton does not support the setting `{name}`",
                    where=TektonSettings.place(f"steps.{step}" if step else ""),
                    cure=cure,
                )
    found = shared.read(TektonSettings, values, at_least_one=("parallel",))
    if found.approval_task is not None:
        _check(found.approval_task)
    return found


def _check(asked: ApprovalTask) -> None:
    """Refuse what the gate would refuse only later, and questions that can never be approved."""
    people = {each for each in asked.approvers if not each.startswith("group:")}
    wrong = [each for each in asked.approvers if not _APPROVER.fullmatch(each)]
    if not asked.approvers:
        why = "`approvers` must not be empty"
    elif wrong:
        why = f"`approvers` must be users or `group:NAME` (got {wrong[0]!r})"
    elif asked.required < 1:
        why = f"`required` must be at least 1 (got {asked.required})"
    elif people.issuperset(asked.approvers) and len(people) < asked.required:
        why = f"`required` is {asked.required}, but `approvers` has only {len(people)}"
    else:
        return
    raise UsageError(
        "ITH650",
        why,
        where=TektonSettings.place("approval_task"),
        cure='for example, `approval_task = {approvers = ["ann", "group:science"], required = 1}`',
    )
