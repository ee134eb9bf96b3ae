"""The documents of a run: created once, never changed; a run's status is a fold over them.

`ithaca.records.names` has the name of each in the store. Those of a step are below `steps/`, so a
step can be called `run`, `end` or `events`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    Number = float
else:
    Number = float | None  # NaN and the infinities are null in JSON

StepStatus = Literal[
    "pending",
    "waiting",
    "running",
    "succeeded",
    "reused",
    "failed",
    "timed_out",
    "skipped",
    "cancelled",
    "lost",
]
"""`waiting` is a step that waits for a person; `skipped` one whose needs did not succeed."""

RunStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "lost"]

EndStatus = Literal["succeeded", "reused", "failed", "timed_out", "cancelled", "lost"]

FINAL = 65
"""Exit code of a runner whose step is over: no attempt is left, or another one cannot help."""


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the plan.

    Attributes:
        step: Its name.
        action: `reuse` when its execution is known, else `run`.
        key: Its key, when it is known.
        environment: Identity digest of what it can import, when it is known.
        execution: Digest of the execution that is reused.
        reused_from: The run that made this execution, when it is known.
    """

    step: str
    action: Literal["run", "reuse"]
    key: str | None = None
    environment: str = ""
    execution: str | None = None
    reused_from: str | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The trial of a study that a run is.

    Attributes:
        study: Name of the study.
        number: Number of the trial in the study, from 0.
        attempt: How often the trial was started, from 1.
    """

    study: str
    number: int
    attempt: int = 1


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`runs/<id>/run`: everything that decides a run, written before anything starts.

    Attributes:
        id: A ULID.
        created: Seconds since the epoch.
        workflow: Digest of the IR's document.
        name: The workflow's name.
        arguments: Value of every parameter, defaults filled in.
        backend: Name of the backend.
        source: Digest of the source snapshot.
        notebook: Path of the notebook relative to the root.
        root: Absolute path of the project root on the machine that submitted.
        python: Interpreter of the kernels.
        environment: Identity digest of what this interpreter can import.
        environment_from: What the steps' environment is restored from: `lock:PATH@DIGEST` or
            `capture@DIGEST`; empty for that of the image or of this machine.
        parallel: How many steps run at once.
        reuse: False for `--no-reuse`.
        reuse_ignore: `[tool.ithaca.reuse] ignore` at submission: files that count in no key.
        merge_rules: `[tool.ithaca.merge]` at submission: pattern to rule, the last match wins.
        infrastructure_retries: How many attempts of each step may be lost to the machine before
            its own `retries` count.
        retry_of: The run that this one retries.
        store: URL of the remote with its documents and snapshots; empty for the project's store.
        engine: `BACKEND/NAMESPACE/NAME/UID` of the engine's object, for a run that an engine
            started by itself.
        trial: The trial of a study that this run is, if it is one.
        template: Digest of the document that the runs of one preparation share; empty without one.
        plan: One entry a step, in workflow order.
        notices: Notices for the user at submission.
    """

    id: str
    created: float
    workflow: str
    name: str
    arguments: dict[str, Any] = {}
    backend: str = "local"
    source: str
    notebook: str
    root: str
    python: str
    environment: str
    environment_from: str = ""
    parallel: int = 1
    reuse: bool = True
    reuse_ignore: tuple[str, ...] = ()
    merge_rules: dict[str, Any] = {}
    infrastructure_retries: int = 2
    retry_of: str | None = None
    store: str = ""
    engine: str = ""
    trial: Trial | None = None
    template: str = ""
    plan: tuple[PlannedStep, ...] = ()
    notices: tuple[str, ...] = ()


class StepError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step failed.

    Attributes:
        code: The stable code, `ITH5xx`.
        message: One sentence for the user.
        cure: What to do.
        cell: Number of the cell in its notebook.
        line: Line in that cell.
        name: Class of the exception, when the user's code raised one.
        value: Its text.
        notebook: The composed notebook that holds the cell, else empty.
    """

    code: str
    message: str
    cure: str = ""
    cell: int | None = None
    line: int | None = None
    name: str = ""
    value: str = ""
    notebook: str = ""

    @property
    def place(self) -> str:
        """`cell 7 of parts/fit.ipynb, line 2`, as far as it is known.

        Example:
            >>> StepError(code="ITH501", message="KeyError: 'x'", cell=7, line=2).place
            'cell 7, line 2'
        """
        if self.cell is None:
            return ""
        notebook = f" of {self.notebook}" if self.notebook else ""
        return f"cell {self.cell}{notebook}" + (f", line {self.line}" if self.line else "")


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step that could run does not start, as its engine reports it; not recorded.

    Attributes:
        reason: One word, such as `ImagePullBackOff`.
        message: The engine's message.
        cure: What to do.
    """

    reason: str
    message: str = ""
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


class AttemptStart(msgspec.Struct, frozen=True, kw_only=True):
    """`runs/<id>/steps/<step>/<attempt>/start`.

    Attributes:
        writer: Who executes it: a pod, or a machine and a process.
        memory: Its limit of memory, where it has one.
    """

    step: str
    attempt: int
    started: float
    writer: str
    memory: str = ""


class WithMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """A document with metrics, which may be NaN or infinite although JSON has no such numbers.

    Attributes:
        metrics: Name to number.
        infinite: `inf` or `-inf` for each metric that is; any other null is NaN.
    """

    metrics: dict[str, Number] = {}
    infinite: dict[str, str] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if all(value is not None and math.isfinite(value) for value in self.metrics.values()):
            return
        infinite = self.infinite or {}
        metrics = {
            name: float(infinite.get(name, "nan" if value is None else value))
            for name, value in self.metrics.items()
        }
        infinite = {name: str(value) for name, value in metrics.items() if math.isinf(value)}
        msgspec.structs.force_setattr(self, "metrics", metrics)
        msgspec.structs.force_setattr(self, "infinite", infinite or msgspec.UNSET)


class AttemptEnd(WithMetrics, frozen=True, kw_only=True):
    """`runs/<id>/steps/<step>/<attempt>/end`: how an attempt ended.

    Attributes:
        status: Its status.
        key: The step's key.
        execution: Digest of its execution document.
        before: Digest of the snapshot that it started from.
        after: Digest of the snapshot that it left.
        error: Why it failed.
        reused_from: The run that made the execution, when it was reused.
        retryable: False when another attempt cannot help (a wrong notebook, a rejection).
        infrastructure: Whether the machine failed, not the step; such attempts count against the
            run's `infrastructure_retries`.
        notices: Notices for the user (files left out, values marked …).
    """

    step: str
    attempt: int
    ended: float
    status: EndStatus
    key: str | None = None
    execution: str | None = None
    before: str | None = None
    after: str | None = None
    error: StepError | None = None
    reused_from: str | None = None
    retryable: bool = True
    infrastructure: bool = False
    notices: tuple[str, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`runs/<id>/events/<ulid>`: what a person asked of a run."""

    id: str
    kind: Literal["cancel", "approve", "reject"]
    at: float
    by: str
    step: str | None = None
    comment: str = ""


class Answer(NamedTuple):
    """How one person, or several together, answered a step's question.

    Attributes:
        decision: `approve` or `reject`.
        by: Who decided.
        comment: Their comments.
    """

    decision: str
    by: str
    comment: str


class RunEnd(msgspec.Struct, frozen=True, kw_only=True):
    """`runs/<id>/end`."""

    status: Literal["succeeded", "failed", "cancelled", "lost"]
    ended: float
    message: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """`…/<attempt>/progress`: a hint for views, which is overwritten; no status depends on it."""

    cell: int
    cells: int
    number: int | None = None


class Reports(msgspec.Struct, frozen=True, kw_only=True):
    """`…/<attempt>/reports`: what a step of a trial reported so far with `ithaca.report`.

    It is overwritten; no status depends on it.

    Attributes:
        values: Step number to value. NaN and the infinities are texts.
    """

    values: dict[int, float | str] = {}

    @classmethod
    def of(cls, numbers: Mapping[int, float]) -> Reports:
        """The document of some numbers, by step number."""
        return cls(
            values={
                step: value if math.isfinite(value) else str(value)
                for step, value in numbers.items()
            }
        )

    def numbers(self) -> dict[int, float]:
        """The values as numbers, by step number."""
        return {step: float(value) for step, value in sorted(self.values.items())}


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One step that ran: the document whose digest is passed from step to step.

    Attributes:
        step: Its name.
        key: Its key.
        before: Snapshot that it started from.
        after: Snapshot that it left.
        parents: Digests of the executions that it came from, in the order of its needs.
    """

    step: str
    key: str
    before: str
    after: str
    parents: tuple[str, ...] = ()
