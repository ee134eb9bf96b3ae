"""The documents of a study: a search over a workflow's parameters, with one run for each trial.

A study's status is a fold over them. `ithaca.records.names` has the name of each in the store.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from ithaca.model.run import Reports, WithMetrics

Direction = Literal["minimize", "maximize"]

TrialState = Literal["complete", "pruned", "failed", "cancelled"]
"""`cancelled` is a trial that was stopped from outside; it does not count."""


class Float(msgspec.Struct, frozen=True, tag="float"):
    """A searched parameter that takes floating-point numbers.

    Attributes:
        low: The smallest value.
        high: The largest value.
        log: Whether its logarithm is searched evenly.
        step: Distance between two values; None for every number in between.

    Example:
        >>> str(Float(1e-4, 0.1, log=True))
        'float(0.0001,0.1,log)'
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        for name in ("low", "high", *(["step"] if self.step is not None else [])):
            msgspec.structs.force_setattr(self, name, float(getattr(self, name)))

    def __str__(self) -> str:
        return f"float({self.low!r},{self.high!r}{_options(self.log, self.step)})"


class Int(msgspec.Struct, frozen=True, tag="int"):
    """A searched parameter that takes whole numbers.

    Attributes:
        low: The smallest value.
        high: The largest value, included.
        log: Whether its logarithm is searched evenly.
        step: Distance between two values; None for 1.

    Example:
        >>> str(Int(16, 256, step=16))
        'int(16,256,step=16)'
    """

    low: int
    high: int
    log: bool = False
    step: int | None = None

    def __str__(self) -> str:
        return f"int({self.low!r},{self.high!r}{_options(self.log, self.step)})"


class Choice(msgspec.Struct, frozen=True, tag="choice"):
    """A searched parameter that takes one of some values.

    Attributes:
        values: The values: texts, numbers, booleans or None.

    Example:
        >>> str(Choice(["adam", "sgd"]))
        'choice("adam","sgd")'
    """

    values: tuple[str | bool | int | float | None, ...]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "values", tuple(self.values))

    def __str__(self) -> str:
        return f"choice({','.join(msgspec.json.encode(each).decode() for each in self.values)})"


Domain = Float | Int | Choice
"""The values that a searched parameter may take."""


def _options(log: bool, step: float | None) -> str:
    return (",log" if log else "") + ("" if step is None else f",step={step!r}")


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """What a study optimises.

    Attributes:
        metric: Name of a metric of the workflow.
        direction: `minimize` or `maximize`.
        goal: The study ends as soon as a trial reaches this value; None for no goal.
    """

    metric: str
    direction: Direction
    goal: float | None = None

    def reached(self, value: float) -> bool:
        """Whether a value is as good as the goal."""
        if self.goal is None:
            return False
        return value <= self.goal if self.direction == "minimize" else value >= self.goal

    def __str__(self) -> str:
        return f"{self.direction}:{self.metric}" + ("" if self.goal is None else f":{self.goal!r}")


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """A bound that a metric must keep for a trial to be feasible.

    Attributes:
        metric: Name of a metric of the workflow.
        relation: `<=` or `>=`.
        bound: The bound.
    """

    metric: str
    relation: Literal["<=", ">="]
    bound: float

    def excess(self, value: float) -> float:
        """By how much a value breaks the bound; at most 0 when it keeps it, infinite for NaN."""
        if math.isnan(value):
            return math.inf
        return value - self.bound if self.relation == "<=" else self.bound - value

    def __str__(self) -> str:
        return f"{self.metric}{self.relation}{self.bound!r}"


class StudyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`studies/<name>/study`: what is searched; it holds for all sessions of the study.

    Attributes:
        name: A DNS label.
        created: Seconds since the epoch.
        notebook: Path of the notebook relative to the root.
        space: What each searched parameter may be.
        fixed: Values of the other parameters that differ from the notebook.
        objectives: What is optimised; one, or several for a Pareto front.
        constraints: Bounds that feasible trials keep.
        tuner: What proposes parameters: `optuna` or `katib`.
        storage: URL of Optuna's storage without its password; empty for a journal file in Ithaca's
            folder.
    """

    name: str
    created: float
    notebook: str
    space: dict[str, Domain]
    fixed: dict[str, Any] = {}
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    tuner: str = "optuna"
    storage: str = ""

    def excess(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """By how much metrics break each constraint; one that is missing breaks it."""
        return {
            str(each): each.excess(metrics.get(each.metric, math.nan)) for each in self.constraints
        }


class SessionStart(msgspec.Struct, frozen=True, kw_only=True):
    """`studies/<name>/sessions/<ulid>/start`: one driver began to run trials.

    Attributes:
        id: A ULID.
        started: Seconds since the epoch.
        workflow: Digest of the IR's document.
        source: Digest of the source snapshot.
        environment: Identity of what steps can import.
        backend: Name of the backend.
        writer: The machine and process that drives.
        trials: How many finished trials the study shall have; None for no limit.
        parallel: How many trials run at once.
        algorithm: Name of the sampler, or the class of one that was made in Python.
        settings: Its settings.
        timeout: Seconds after which no trial starts; None for no limit.
        max_failures: The study ends when more trials than this failed; None for no limit.
        retries: How often a failed trial is started again.
        pruner: Name of the pruner, or the class of one that was made in Python; empty for none.
        pruner_settings: Its settings.
        prefix: Id of the run of the steps that all trials share; empty if there are none.
    """

    id: str
    started: float
    workflow: str
    source: str
    environment: str
    backend: str
    writer: str
    trials: int | None
    parallel: int
    algorithm: str = "tpe"
    settings: dict[str, Any] = {}
    timeout: float | None = None
    max_failures: int | None = None
    retries: int = 0
    pruner: str = ""
    pruner_settings: dict[str, Any] = {}
    prefix: str = ""


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """`studies/<name>/sessions/<ulid>/end`: why a driver stopped."""

    ended: float
    reason: Literal["finished", "goal", "timeout", "failures", "stopped", "interrupted", "failed"]
    message: str = ""


class TrialStart(msgspec.Struct, frozen=True, kw_only=True):
    """`studies/<name>/trials/<number>/<attempt>/start`: a trial was given to the backend.

    Attributes:
        number: Number of the trial in the study, from 0.
        attempt: How often it was started, from 1.
        run: Id of its run.
        parameters: The searched parameters.
        started: Seconds since the epoch.
    """

    number: int
    attempt: int
    run: str
    parameters: dict[str, Any]
    started: float


class TrialPruned(msgspec.Struct, frozen=True, kw_only=True):
    """`studies/<name>/trials/<number>/<attempt>/pruned`: the pruner ends a trial.

    It is written before the run is cancelled.

    Attributes:
        number: Number of the trial.
        attempt: Its attempt.
        step: The last step number that was reported.
        value: The value of that step, as text: it may be NaN.
    """

    number: int
    attempt: int
    step: int
    value: str

    @property
    def reason(self) -> str:
        """Why the trial ended, in words."""
        return f"pruned at step {self.step}, with {float(self.value):g}"


class TrialEnd(WithMetrics, frozen=True, kw_only=True):
    """`studies/<name>/trials/<number>/end`: the result of a trial.

    Attributes:
        number: Number of the trial.
        state: How it ended.
        run: Id of the run of its last attempt.
        values: Values of the objectives, in their order; empty unless it is complete.
        feasible: Whether it keeps all constraints.
        reason: Why it is not complete.
        ended: Seconds since the epoch.
        reports: What its steps reported with `ithaca.report`, by step number.
        asked: How many step executions its run needed.
        ran: How many of these really ran.
    """

    number: int
    state: TrialState
    run: str
    values: tuple[float, ...] = ()
    feasible: bool = True
    reason: str = ""
    ended: float
    reports: Reports = Reports()
    asked: int = 0
    ran: int = 0
