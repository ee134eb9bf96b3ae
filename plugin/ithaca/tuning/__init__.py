"""Studies: searches over a workflow's parameters, with one run for each trial.

`space` reads and checks what is searched; `request` collects it from the command line, the settings
and the notebook (`katib` translates Kale's). `start` runs the steps that all trials share, and then
the `driver`: it asks the `sampler` (Optuna, with its `algorithms`) for parameters, launches a run
for each trial, prunes trials by what they report, and tells the results back. What happened is in
the study's `record`, documents in the store, so that every view works without Optuna, and a driver
that dies loses nothing. `study` is the `Study` that users hold; `plots` and `html` draw it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from ithaca.model import workflow as model
    from ithaca.model.study import Domain
    from ithaca.runs import Workflow
    from ithaca.tuning.study import Study as Study

__all__ = ["Study", "open_study", "tune"]


def __getattr__(name: str) -> object:
    if name != "Study":
        raise AttributeError(name)
    return import_module(f"{__name__}.study").Study


def tune(
    workflow: Workflow | model.Workflow | str | Path,
    parameters: Mapping[str, Domain | Any] | None = None,
    *,
    minimize: str | None = None,
    maximize: str | None = None,
    objectives: Sequence[str] = (),
    constraints: Sequence[str] = (),
    trials: int | None = None,
    parallel: int | None = None,
    algorithm: str | BaseSampler | None = None,
    settings: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    max_failures: int | None = None,
    retries: int | None = None,
    pruner: str | BasePruner | None = None,
    pruner_settings: Mapping[str, Any] | None = None,
    study: str | None = None,
    storage: str | None = None,
    backend: str | None = None,
    python: str | Path | None = None,
    environment: str | None = None,
    store: str | None = None,
    store_access: str | None = None,
    root: str | Path | None = None,
) -> Study:
    """Search the parameters of a workflow: each trial is a run of it.

    Steps that no searched parameter reaches run once, before the trials. The same call again
    continues a study that was stopped.

    Args:
        workflow: What `compile` returned, a workflow read from JSON, or the path of a notebook.
        parameters: A `Float`, `Int` or `Choice` for each searched parameter; any other value is
            that of all trials. They are added to those of the notebook's metadata and of
            `[tool.ithaca.tune]`, as all other arguments are.
        minimize: Name of the metric to minimize.
        maximize: Name of the metric to maximize.
        objectives: Several objectives, such as `minimize:loss` and `maximize:accuracy:0.99`; a
            number behind the metric is the goal that ends the study.
        constraints: Bounds that feasible trials keep, such as `size<=10`.
        trials: How many trials; 20 by default.
        parallel: How many run at once; 1 by default.
        algorithm: Name of a sampler (`tpe` by default), or a sampler of Optuna's.
        settings: Settings of the named sampler, such as `{"seed": 1}`.
        timeout: Seconds after which no trial starts.
        max_failures: The study ends when more trials than this failed.
        retries: How often a failed trial is started again.
        pruner: Name of a pruner, or a pruner of Optuna's: it ends trials whose values that a step
            reports with `ithaca.report` are bad; by default no trial is ended.
        pruner_settings: Settings of the named pruner, such as `{"n_warmup_steps": 5}`.
        study: Name of the study; by default the workflow's.
        storage: URL of a database for Optuna; by default a journal file.
        backend: As in `run`.
        python: As in `run`.
        environment: As in `run`.
        store: As in `run`.
        store_access: As in `run`.
        root: As in `run`.

    Returns:
        The study, with its trials.

    Raises:
        NotebookError: The notebook cannot become a workflow.
        UsageError: The request is wrong, or the study exists with another space.
        RunFailed: A step that all trials share failed.
        StoreError: The store cannot be written.
        BackendError: The backend or Optuna's storage cannot be reached.

    Example:
        >>> study = tune(  # doctest: +SKIP
        ...     "train.ipynb", {"lr": Float(1e-4, 1e-1, log=True)}, minimize="val_loss", trials=50
        ... )
        >>> study.best.parameters  # doctest: +SKIP
        {'lr': 0.012}
    """
    from ithaca.runs.preparing import locate
    from ithaca.tuning.request import read_options
    from ithaca.tuning.start import drive, prepare_study
    from ithaca.tuning.study import Study

    named = algorithm if isinstance(algorithm, str) else None
    sampler = None if isinstance(algorithm, str) else algorithm
    directions = [f"minimize:{minimize}"] * bool(minimize) + [f"maximize:{maximize}"] * bool(
        maximize
    )
    given = {
        "parameters": dict(parameters or {}),
        "objective": [*directions, *objectives] or None,
        "constraints": list(constraints) or None,
        "trials": trials,
        "parallel": parallel,
        "algorithm": named,
        "settings": dict(settings) if settings else None,
        "timeout": timeout,
        "max_failures": max_failures,
        "retries": retries,
        "pruner": pruner if isinstance(pruner, str) else None,
        "pruner_settings": dict(pruner_settings) if pruner_settings else None,
        "study": study,
        "storage": storage,
    }
    prepared, request = prepare_study(
        locate(workflow, root),
        read_options({k: v for k, v in given.items() if v is not None}, "ithaca.tune"),
        sampler=sampler,
        backend=backend,
        python=python,
        environment=environment,
        store=store,
        store_access=store_access,
    )
    made = None if isinstance(pruner, str) else pruner
    return Study(prepared.project, drive(prepared, request, sampler=sampler, pruner=made))


def open_study(name: str, *, root: str | Path | None = None, store: str | None = None) -> Study:
    """Open a study of the project that the working directory belongs to.

    Args:
        name: Its name.
        root: The project's root, when it is another.
        store: URL of a remote to look on as well.

    Raises:
        UsageError: There is no such study.
    """
    from ithaca.runs.project import find_project
    from ithaca.tuning.study import open_study

    return open_study(find_project(root, {"store": store}), name)
