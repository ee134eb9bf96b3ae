"""A study as a Python object: everything is read from its documents."""

from __future__ import annotations

import time
from socket import gethostname
from typing import TYPE_CHECKING, Any, Literal

from ithaca.errors import NotFound, UsageError
from ithaca.records import names
from ithaca.runs.handle import open_run
from ithaca.runs.preparing import locate
from ithaca.tuning.algorithms import PRUNERS, SAMPLERS
from ithaca.tuning.record import best_of, find_study, list_studies
from ithaca.tuning.request import TuneOptions
from ithaca.tuning.sampler import HIDDEN
from ithaca.tuning.start import drive, is_driven, prepare_study

if TYPE_CHECKING:
    from pathlib import Path

    from ithaca.model.study import SessionEnd, SessionStart, StudyDocument
    from ithaca.runs import Project, Run
    from ithaca.tuning.record import StudyRecord, TrialRecord

Status = Literal["running", "finished", "stopped", "interrupted", "failed", "unknown"]

STATES = ("complete", "running", "pruned", "failed", "cancelled")
"""States of trials, as they are listed."""

_STATUS: dict[str, Status] = {
    "finished": "finished",
    "goal": "finished",
    "timeout": "stopped",
    "failures": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
    "failed": "failed",
}


_RECORDED = (
    *("trials", "parallel", "algorithm", "settings", "timeout", "max_failures", "retries"),
    *("pruner", "pruner_settings"),
)
"""The options that each session records."""


class Study:
    """A study.

    Example:
        >>> study = ithaca.tune(  # doctest: +SKIP
        ...     "train.ipynb", {"lr": ithaca.Float(1e-4, 1e-1, log=True)}, minimize="val_loss"
        ... )
        >>> study.best.parameters  # doctest: +SKIP
        {'lr': 0.012}
    """

    def __init__(self, project: Project, record: StudyRecord) -> None:
        self.name = record.name
        self._project = project
        self._record = record

    def __repr__(self) -> str:
        return f"<ithaca.Study {self.name}>"

    @property
    def document(self) -> StudyDocument:
        """What is searched."""
        return self._record.study()

    @property
    def session(self) -> tuple[SessionStart, SessionEnd | None] | None:
        """The last session of a driver, with its end; None before the first one."""
        sessions = self._record.sessions()
        return sessions[-1] if sessions else None

    @property
    def status(self) -> Status:
        """`running`, `finished`, `stopped`, `interrupted` or `failed`.

        It is `unknown` while a driver on another machine may be running.
        """
        session = self.session
        if session is not None and session[1] is not None:
            return _STATUS[session[1].reason]
        if is_driven(self._project.home, self.name):
            return "running"
        elsewhere = session is not None and session[0].writer.partition(":")[0] != gethostname()
        return "unknown" if elsewhere else "interrupted"

    @property
    def notebook(self) -> Path:
        """Path of its notebook on this machine."""
        return self._project.root / self.document.notebook

    @property
    def backend(self) -> str | None:
        """The backend of its last session."""
        session = self.session
        return session[0].backend if session else None

    @property
    def trials(self) -> list[TrialRecord]:
        """All trials that were started, in order."""
        return self._record.trials()

    @property
    def best(self) -> TrialRecord | None:
        """The best feasible trial; of several objectives, the first of the Pareto front."""
        found = self.front
        return found[0] if found else None

    @property
    def front(self) -> list[TrialRecord]:
        """The trials that no other is better than in every objective."""
        return best_of(self.trials, self.document.objectives)

    def run(self, number: int) -> Run:
        """The run of a trial.

        Args:
            number: Number of the trial.

        Raises:
            NotFound: There is no such trial.
        """
        trial = self._record.trial(number)
        if trial is None:
            raise NotFound(
                "ITH708",
                f"the study has no trial {number}",
                where=f"study {self.name}",
                cure=f"`ithaca studies trials {self.name}` lists its trials",
            )
        return open_run(self._project, trial.run)

    def options(self, **changes: Any) -> TuneOptions:
        """The options of its last session, with changes: those that continue the study.

        Args:
            changes: Other values; None leaves one as it was.

        Raises:
            UsageError: The record is not enough to continue it (ITH712).
        """
        document, session = self.document, self.session
        recorded = {name: getattr(session[0], name) for name in _RECORDED} if session else {}
        given = {
            "study": self.name,
            "parameters": {**document.space, **document.fixed},
            "objective": [str(each) for each in document.objectives],
            "constraints": [str(each) for each in document.constraints],
            "storage": document.storage or None,
            **recorded,
            **{name: value for name, value in changes.items() if value is not None},
        }
        for kind, known in (("algorithm", SAMPLERS), ("pruner", PRUNERS)):
            name = given.get(kind)
            if not name or name in known:
                continue
            raise UsageError(
                "ITH712",
                f"its {kind} is a {name} that was made in Python",
                where=f"study {self.name}",
                cure="continue it from Python: call `ithaca.tune` as before",
            )
        if HIDDEN in (given["storage"] or ""):
            raise UsageError(
                "ITH712",
                f"the password of its storage is not recorded: {document.storage}",
                where=f"study {self.name}",
                cure="give the whole URL with --storage",
            )
        return TuneOptions(**given)

    def resume(self, **changes: Any) -> Study:
        """Continue the study as its last session began, in this process, until it ends.

        Args:
            changes: Other values of `trials`, `parallel`, `timeout`, `max_failures`, `retries` or
                `storage`, as in `ithaca.tune`.

        Returns:
            The study.

        Raises:
            UsageError: Another process drives it, its notebook has another space now, or its
                record is not enough to continue it.
            StoreError: The store cannot be written.
            BackendError: The backend or Optuna's storage cannot be reached.

        Example:
            >>> ithaca.open_study("search").resume(trials=50)  # doctest: +SKIP
            <ithaca.Study search>
        """
        prepared, request = prepare_study(
            locate(self.notebook, self._project.root),
            self.options(**changes),
            backend=self.backend,
            store=self._project.remote,
        )
        return Study(prepared.project, drive(prepared, request))

    def plot(self, kind: str = "html", *, picture: str = "history") -> bytes:
        """Draw the study.

        Args:
            kind: `html` for a page with all pictures that loads nothing, or `png`.
            picture: For PNG: `history`, `front`, `parallel`, `importances`, `slice`, `contour` or
                `reports`.

        Returns:
            The content of the file.

        Raises:
            NotFound: No trial has a result, or there is no data for this picture.
            UsageError: A library is missing; `pip install 'ithaca[plot]'` installs it.

        Example:
            >>> Path("study.html").write_bytes(study.plot())  # doctest: +SKIP
        """
        from ithaca.tuning import plots

        if kind == "png":
            return plots.png(self.document, self.trials, picture)
        return plots.html(self.document, self.trials).encode()

    def dataframe(self) -> Any:
        """The trials as a table of pandas, one row for each.

        Returns:
            A `pandas.DataFrame`, whose index is the trial's number. Its columns are `state`,
            `attempt`, `run`, `seconds`, `feasible`, `reason`, one for each searched parameter, and
            one for each metric.

        Raises:
            UsageError: pandas is missing.
        """
        try:
            import pandas as pd
        except ImportError:
            raise UsageError(
                "ITH713", "a table of trials needs pandas", cure="run `pip install pandas`"
            ) from None
        columns = ("trial", "state", "attempt", "run", "seconds", "feasible", "reason")
        rows = [describe_trial(each) for each in self.trials]
        flat = [
            {**{name: row[name] for name in columns}, **row["parameters"], **row["metrics"]}
            for row in rows
        ]
        return pd.DataFrame(flat, columns=None if flat else list(columns)).set_index("trial")

    def _repr_html_(self) -> str:
        """The study's status and trials, for notebooks."""
        from ithaca.tuning.html import study_html

        return study_html(self.document, self.status, self.trials)

    def stop(self) -> None:
        """Ask the driver to cancel the running trials and to end."""
        self._record.ask_to_stop()

    def wait(self) -> Study:
        """Wait until no driver runs the study."""
        while self.status == "running":
            time.sleep(0.2)
        return self

    def describe(self) -> dict[str, Any]:
        """The study as plain data: what `ithaca tune --json` prints."""
        trials = self.trials
        session = self.session
        counts = dict.fromkeys(STATES, 0)
        for trial in trials:
            counts[trial.state] += 1
        asked, ran = executions(self, trials)
        best = best_of(trials, self.document.objectives)
        return {
            "study": self.name,
            "status": self.status,
            "objectives": [str(each) for each in self.document.objectives],
            "best": describe_trial(best[0]) if best else None,
            "front": [each.number for each in best],
            "trials": {**counts, "wanted": session[0].trials if session else None},
            "executions": {"asked": asked, "ran": ran},
            "url": names.uri("studies", self.name),
        }


def describe_trial(trial: TrialRecord) -> dict[str, Any]:
    """A trial as plain data.

    Args:
        trial: The trial.
    """
    end = trial.end
    return {
        "trial": trial.number,
        "state": trial.state,
        "attempt": trial.attempt,
        "run": trial.run,
        "parameters": trial.parameters,
        "values": list(end.values) if end else [],
        "metrics": end.metrics if end else {},
        "feasible": end.feasible if end else None,
        "reason": end.reason if end else "",
        "seconds": round(end.ended - trial.started, 3) if end else None,
    }


def executions(study: Study, trials: list[TrialRecord]) -> tuple[int, int]:
    """How many step executions the ended trials asked for, and how many really ran.

    Args:
        study: The study.
        trials: Its trials.
    """
    ends = [trial.end for trial in trials if trial.end is not None]
    asked, ran = sum(end.asked for end in ends), sum(end.ran for end in ends)
    session = study.session
    if session is not None and session[0].prefix:
        prefix = open_run(study._project, session[0].prefix)
        ran += sum(step.attempt > 0 and step.status != "reused" for step in prefix.steps)
    return asked, ran


def open_study(project: Project, name: str) -> Study:
    """A study by its name.

    Args:
        project: The project.
        name: The name.

    Raises:
        UsageError: There is none.
    """
    return Study(project, find_study(project.readable_store(), name))


def open_studies(project: Project) -> list[Study]:
    """All studies of a project, by name; none when it has no store."""
    if project.remote is None and not (project.home / "store").exists():
        return []
    store = project.readable_store()
    return [open_study(project, name) for name in list_studies(store)]
