"""One step in one kernel, from `load` to `save`."""

from __future__ import annotations

import sys
from typing import Any, Callable, Optional

from . import metrics
from .hook import CellWatch
from .loading import Loaded, Loader
from .modules import ModuleWatch
from .notebook import empty_standard_input, find_namespace
from .reporting import LAST
from .saving import Saver
from .session import Session
from .step import Report, Step, ValueProblem, read_step


class StepRun:
    """The state between the two cells that the runner adds to a step.

    Args:
        step: The step; by default the one that `ITHACA_STEP` names.
    """

    def __init__(self, step: Optional[Step] = None) -> None:
        self._step = step or read_step()
        last = self._step.report.with_name(LAST)
        if last.is_dir():
            sys.path.append(str(last))
        self._report = Report(self._step.report)
        self._session = Session(self._step.values / "session", self._step.root, self._step.secrets)
        self._namespace = find_namespace()
        self._loaded: Optional[Loaded] = None
        self._modules = ModuleWatch(self._step.root)
        CellWatch(self._report, self._modules.look).start()
        empty_standard_input()
        self._hide()

    def load(self) -> None:
        """Restore the process, and bind the values that the step reads."""
        self._reporting(self._load)

    def save(self) -> None:
        """Write the step's values, metrics and process state."""
        self._reporting(self._save)

    def _load(self) -> None:
        self._session.restore_place()
        self._loaded = Loader(self._step, self._namespace).load()
        self._report.notices.extend(self._loaded.notices)
        self._session.restore_generators()
        self._modules.start()

    def _save(self) -> None:
        if self._loaded is None:
            raise ValueProblem("ITH515", f"the values of {self._step.title} were not loaded")
        self._report_modules()
        self._report.metrics = metrics.evaluate(self._step, self._namespace)
        # Random generators first, because pickling a value may run the user's code.
        self._session.save()
        Saver(self._step, self._loaded, self._report).save()

    def _report_modules(self) -> None:
        changed = [] if self._step.last else self._modules.changed()
        if changed:
            self._report.notices.append(
                f"{', '.join(changed)} changed in {self._step.title}, but later steps import the "
                "module again and do not see the change; keep what they need in a variable of the "
                "notebook"
            )

    def _reporting(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except ValueProblem as problem:
            self._report.fail(problem)
            raise
        except OSError as problem:
            failed = ValueProblem(
                "ITH520",
                f"cannot read or write the volume of {self._step.title}: {problem}",
                "free some space or check the disk, then `ithaca runs retry`",
            )
            self._report.fail(failed)
            raise failed from problem
        finally:
            self._hide()
            self._write_report()

    def _write_report(self) -> None:
        try:
            self._report.write()
        except OSError:  # the disk is full; an earlier error says so
            if self._report.error is None:
                raise

    def _hide(self) -> None:
        """Remove the name of this package, which the runner's cells bind, from the namespace."""
        self._namespace.pop("ithaca_kernel", None)
