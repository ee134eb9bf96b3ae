"""`[tool.ithaca.tekton]`: what only Tekton knows, beside what every backend for clusters has."""

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
    "mutexes": "use `--backend argo`, or let the steps need each other",
    "backoff": "leave it out: Tekton starts the next attempt at once",
    "pod_patch": "use the other settings of pods, or a mutating webhook of the cluster",
    "priority": "`priority_class` says which pods go first",
    "ttl": "the cluster's pruner of Tekton deletes what is old; records stay in the store",
    "pod_gc": "the cluster's pruner of Tekton deletes what is old; records stay in the store",
    "archive_logs": "leave it out: logs are in the store",
}
"""Settings of other backends that have no counterpart, and what to do instead."""


_APPROVER = re.compile(r"group:[^\s:]+|(?!group:)\S(.*\S)?")


class ApprovalTask(Strict, frozen=True, kw_only=True):
    """A question as an object of manual-approval-gate, where the cluster has that.

    Attributes:
        approvers: Who may answer: users, or groups as `group:NAME`.
        required: How many of them have to approve.
    """

    approvers: tuple[str, ...]
    required: int = 1


class TektonSettings(ClusterSettings, frozen=True, kw_only=True):
    """What can be set of the whole run.

    Attributes:
        approval_task: Questions become ApprovalTasks; else a pod of our own waits.
        steps: Settings of named steps.
    """

    backend: ClassVar[str] = "tekton"
    engine: ClassVar[str] = "Tekton"
    variable: ClassVar[re.Pattern[str]] = re.compile(
        r"\$\((?:params|tasks|finally|context|results|workspaces|steps?|inputs|outputs|resources"
        r"|credentials|artifacts|sidecars)\b"
    )

    approval_task: ApprovalTask | None = None
    steps: dict[str, PodSettings] = msgspec.field(default_factory=dict)


def read(values: Mapping[str, Any]) -> TektonSettings:
    """The settings, checked.

    Args:
        values: `[tool.ithaca.tekton]`, with the plain settings that it may override.

    Raises:
        UsageError: There is no such setting, Tekton has nothing like it, or it has a wrong value.

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
                    f"Tekton has nothing like `{name}`",
                    where=TektonSettings.place(f"steps.{step}" if step else ""),
                    cure=cure,
                )
    found = shared.read(TektonSettings, values)
    if found.approval_task is not None:
        _check(found.approval_task)
    return found


def _check(asked: ApprovalTask) -> None:
    """Refuse what the gate refuses only once it is to ask, and what nobody could ever approve."""
    people = {each for each in asked.approvers if not each.startswith("group:")}
    wrong = [each for each in asked.approvers if not _APPROVER.fullmatch(each)]
    if not asked.approvers:
        why = "`approvers` names nobody"
    elif wrong:
        why = f"`approvers` does not take {wrong[0]!r}: a user, or `group:NAME`"
    elif asked.required < 1:
        why = "`required` has to be at least 1"
    elif people.issuperset(asked.approvers) and len(people) < asked.required:
        why = f"`required` is {asked.required}, and `approvers` names {len(people)}"
    else:
        return
    raise UsageError(
        "ITH650",
        why,
        where=TektonSettings.place("approval_task"),
        cure='such as `approval_task = {approvers = ["ann", "group:science"], required = 1}`',
    )
