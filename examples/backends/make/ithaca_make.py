"""A backend that runs a workflow with make: one target a step, in one folder, one after another."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.backends import Backend, Manifest, Observation, Session
from ithaca.errors import BackendError, UsageError
from ithaca.records.journal import Journal

if TYPE_CHECKING:
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.records.journal import Documents

HEAD = """\
# {name}: `make -f FILE STORE=URL`, arguments as in ARGUMENTS='--argument lr=0.1'
STORE ?= {store}
RUN ?= {run}
PYTHON ?= python3
WORK ?= $(CURDIR)/work
ENGINE := make/-/{name}/$(shell date +%s%N)
ITHACA = $(PYTHON) -P -m ithaca.runner --store=$(STORE) --workflow={workflow} --source={source} \\
  --run=$(RUN) --engine=$(ENGINE) --root=$(WORK)/project \\
  --python=$$(command -v $(PYTHON)) $(ARGUMENTS)

run:
\t@mkdir -p $(WORK)/project; $(MAKE) -k -f $(firstword $(MAKEFILE_LIST)) ENGINE=$(ENGINE) \\
\t  steps && phase=Succeeded || phase=Failed; \\
\t$(ITHACA) --work=$(WORK)/end --end=$$phase --exit-failed=1
steps: {steps}
.PHONY: run steps {steps}
.NOTPARALLEL:
"""

STEP = """
step-{name}: {needs}
\t@mkdir -p $(WORK)/{name}; tried=0; {gate}\\
\tuntil $(ITHACA) --work=$(WORK)/{name} --step={name} --parents={parents} \\
\t  --retries=$$tried{answer}; \\
\tdo test $$? != 65 && test $$tried -lt {retries} || exit 1; tried=$$((tried + 1)); done
"""

OUTPUT = "$$(cat $(WORK)/{}/out/execution)"


class MakeBackend(Backend):
    """Runs plans with make; a run is kept on a remote, which may be a folder (`file://`)."""

    name = "make"
    remote = True

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse what make has not: images, devices and volumes; and where there is no make."""
        if shutil.which("make") is None:
            raise BackendError("MAKE002", "make is not installed", cure="apt install make")
        for step in workflow.steps:
            devices = {*step.resources.limits, *step.resources.requests} - {"cpu", "memory"}
            if step.image or devices or workflow.volumes:
                raise UsageError(
                    "MAKE001",
                    f"make has no image, device or volume for the step `{step.name}`",
                    cure="run it with another backend, or take the tag away",
                )
        return ("make runs one step at a time and reserves neither cpu nor memory",)

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> tuple[Manifest, ...]:
        """The Makefile: what a run's plan knows already has no target."""
        known = {each.step: each.execution for each in (run.plan if run else ()) if each.execution}
        steps = [step for step in workflow.steps if step.name not in known]
        head = HEAD.format(
            name=workflow.name,
            store=run.store if run else self.settings.get("store", ""),
            run=run.id if run else "",
            workflow=run.workflow if run else workflow.digest,
            source=run.source if run else workflow.source.snapshot or "",
            steps=" ".join(f"step-{step.name}" for step in steps),
        )
        lost = run.infrastructure_retries if run else 2
        text = "".join([head, *(_step(step, known, lost) for step in steps)])
        return (Manifest("Makefile", text),)

    def session(self, home: Path, store: Documents) -> Session:
        """Reach the runs that make runs on this machine."""
        return MakeSession(home / "make", store)


def _step(step: Step, known: dict[str, str], lost: int) -> str:
    work, asks = f"$(WORK)/{step.name}", step.approval is not None
    return STEP.format(
        name=step.name,
        needs=" ".join(f"step-{need}" for need in step.needs if need not in known),
        parents=",".join(known.get(need) or OUTPUT.format(need) for need in step.needs),
        gate=f"$(ITHACA) --work={work} --gate={step.name} || exit 1; " if asks else "",
        answer=f" --decision=$$(cat {work}/out/decision)" if asks else "",
        retries=step.retries + lost,
    )


class MakeSession(Session):
    """Starts make in a session of its own; as long as it lives, it holds a lock."""

    def __init__(self, folder: Path, store: Documents) -> None:
        self.folder, self.store = folder, store

    def submit(self, run_id: str) -> None:
        """Write the run's Makefile and start make."""
        journal, folder = Journal(self.store, run_id), self.folder / run_id
        folder.mkdir(parents=True)
        for name, text in MakeBackend().emit(journal.workflow(), journal.run()):
            (folder / name).write_text(text)
        with (folder / "lock").open("w") as lock, (folder / "log").open("w") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            make = subprocess.Popen(
                ["make", "-C", folder, f"PYTHON={sys.executable}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
            (folder / "pid").write_text(str(make.pid))

    def observe(self, run_id: str) -> Observation:
        """Whether make, or anything that it started, still holds the lock."""
        try:
            with (self.folder / run_id / "lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return Observation(alive=isinstance(error, BlockingIOError))
        return Observation(alive=False)

    def wake(self, run_id: str) -> None:
        """End everything of a run that somebody cancelled; answers are found by the gate."""
        journal = Journal(self.store, run_id)
        asked = [event for event in journal.events() if event.kind == "cancel"]
        if asked and self.observe(run_id).alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int((self.folder / run_id / "pid").read_text()), signal.SIGTERM)
            journal.end("cancelled", f"cancelled by {asked[0].by}")
