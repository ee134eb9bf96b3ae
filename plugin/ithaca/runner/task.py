"""The task of a runner: one attempt of a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.model.run import Trial
from ithaca.runner.volumes import Mount

if TYPE_CHECKING:
    from ithaca.model.run import RunDocument

_OF_THE_RUN = (
    *("workflow", "arguments", "source", "notebook"),
    *("reuse", "reuse_ignore", "merge_rules", "trial"),
)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a step.

    Attributes:
        store: Path of the store.
        run: Id of the run.
        step: Name of the step.
        attempt: Number of the attempt, from 1.
        workflow: Digest of the IR's document.
        arguments: Value of every parameter.
        source: Digest of the source snapshot.
        parents: Digests of the parents' executions, in the order of `needs`.
        root: Absolute path of the project root; the step sees its files there where possible.
        work: Private folder of this attempt, which need not exist; the task's owner removes it.
        folder: Where the step's files are restored, when it is not `root` in `work`. In a pod it is
            `root` itself, so no private view is needed.
        python: Interpreter of the kernel.
        environment: Identity digest of what the interpreter can import, from the plan.
        reuse: Whether the step may be reused.
        reuse_ignore: Patterns of the files that count in no key.
        merge_rules: What a join does with conflicting paths: pattern to rule, the last match wins.
        mounts: Volumes that the runner mounts; none where the engine mounts them.
        notebook: Path of the notebook relative to the root.
        writer: Who executes it, for the record; by default this machine and process.
        notices: Notices about its environment.
        ends: When the engine ends the whole run, in seconds since the epoch.
        deadline: Seconds that the whole run may take.
        memory: Its limit of memory, for the record.
        masked: Values to mask in logs, besides those of the workflow's secrets.
        owner_fd: Read end of a pipe that closes with the owner; nothing is written after that.
    """

    store: str
    run: str
    step: str
    attempt: int
    workflow: str
    arguments: dict[str, Any] = {}
    source: str
    parents: tuple[str, ...] = ()
    root: str
    work: str
    folder: str = ""
    python: str
    environment: str
    reuse: bool = True
    reuse_ignore: tuple[str, ...] = ()
    merge_rules: dict[str, Any] = {}
    trial: Trial | None = None
    mounts: tuple[Mount, ...] = ()
    notebook: str
    writer: str = ""
    notices: tuple[str, ...] = ()
    ends: float | None = None
    deadline: int | None = None
    memory: str = ""
    masked: tuple[str, ...] = ()
    owner_fd: int | None = None

    @classmethod
    def of(cls, run: RunDocument, **fields: Any) -> Task:
        """The task of a step of a run.

        Args:
            run: The run, from which most fields come.
            fields: All others.
        """
        known = {name: getattr(run, name) for name in _OF_THE_RUN}
        return cls(run=run.id, **known, **fields)
