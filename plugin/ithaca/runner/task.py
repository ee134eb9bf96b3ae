"""What a runner is given."""

from __future__ import annotations

from typing import Any

import msgspec

from ithaca.runner.volumes import Mount


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
        root: Absolute path of the project root, as the step sees it where that is possible.
        work: Private folder of this attempt; need not exist. Whoever made the task removes it.
        folder: Where the step's files are restored, when it is not `root` in `work`. It may be
            `root` itself where nothing else is (a pod): then no private view is needed.
        python: Interpreter of the kernel.
        environment: Identity digest of what the interpreter can import, as planned.
        reuse: Whether a known execution may stand for the step.
        reuse_ignore: Patterns of the files that count in no key.
        merge_rules: What a join does with conflicting paths: pattern to rule, the last match wins.
        mounts: Volumes that the runner mounts; none where the engine has mounted them.
        notebook: Path of the notebook relative to the root.
        writer: Who executes it, for the record; else this machine and process.
        notices: What the user should know of how its environment came about.
        ends: When the engine ends the whole run, seconds since the epoch.
        deadline: How many seconds the whole run may take.
        memory: How much memory it may use, for the record.
        masked: Values that no log may show, beside those of the workflow's secrets.
        owner_fd: Read end of a pipe that ends with the owner; nothing is written after that.
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
    mounts: tuple[Mount, ...] = ()
    notebook: str
    writer: str = ""
    notices: tuple[str, ...] = ()
    ends: float | None = None
    deadline: int | None = None
    memory: str = ""
    masked: tuple[str, ...] = ()
    owner_fd: int | None = None
