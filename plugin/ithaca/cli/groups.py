"""Logs of steps as the foldable groups of CI systems, and errors as annotations."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from ithaca.cli.output import duration, in_step
from ithaca.records.fold import OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run


class System(Protocol):
    """How a CI system wants to be told."""

    def group(self, step: StepState, title: str, log: str) -> str:
        """A log that is folded below its title."""

    def error(self, run: Run, step: StepState) -> str:
        """What a failed step's error is besides a line of the summary."""


class GitHub:
    """GitHub Actions: workflow commands."""

    def group(self, step: StepState, title: str, log: str) -> str:  # noqa: ARG002 - System's
        """The log between `::group::` and `::endgroup::`, where it can command nothing.

        What a step prints must not set variables or hide lines, so commands are off until a word
        that it cannot know.
        """
        from ithaca.cli.diagnostics.github import workflow_command

        word = secrets.token_hex(16)
        return (
            workflow_command("group", f"step {title}")
            + f"::stop-commands::{word}\n{_whole_lines(log)}::{word}::\n"
            + "::endgroup::\n"
        )

    def error(self, run: Run, step: StepState) -> str:
        """An annotation at the line of the notebook's file."""
        from ithaca.cli.diagnostics.github import workflow_command
        from ithaca.cli.diagnostics.places import Places, relative

        error = step.error
        if error is None:
            return ""
        document = run.journal.run()
        notebook = str(Path(document.root) / (error.notebook or document.notebook))
        properties = {
            "file": relative(notebook),
            "line": str(Places().line(notebook, error.cell, error.line)),
            "title": error.code,
        }
        place = ", ".join(filter(None, (f"step `{step.name}`", error.place)))
        message = f"{place}: {in_step(step.name, error.message)}"
        if error.cure:
            message += f"\n→ {error.cure}"
        return workflow_command("error", message, properties)


class GitLab:
    """GitLab CI: collapsed sections."""

    _MARK = re.compile(r"section_(?=(?:start|end):)")

    def group(self, step: StepState, title: str, log: str) -> str:
        """The log between two marks, with the step's own times, for GitLab shows how long it took.

        A mark in the log itself is broken, so that it opens and closes nothing.
        """
        ended = step.ended or time.time()
        started = ended if step.started is None else step.started
        name = f"ithaca_{re.sub(r'[^A-Za-z0-9_.-]', '_', step.name)}"
        return (
            f"\x1b[0Ksection_start:{int(started)}:{name}[collapsed=true]\r\x1b[0Kstep {title}\n"
            + self._MARK.sub("section ", _whole_lines(log))
            + f"\x1b[0Ksection_end:{int(ended)}:{name}\r\x1b[0K\n"
        )

    def error(self, run: Run, step: StepState) -> str:  # noqa: ARG002 - System's
        """Nothing: GitLab has annotations from reports only (`--junit`)."""
        return ""


SYSTEMS: dict[str, type[System]] = {"GITHUB_ACTIONS": GitHub, "GITLAB_CI": GitLab}
"""The variable that each system sets to `true`."""


class Groups:
    """Tells each ended step of a run once, when a CI system reads us; else nothing.

    Args:
        run: The run.
        to_stderr: Where to; stdout when False.
        environ: The environment that says which system it is.
    """

    def __init__(
        self, run: Run, *, to_stderr: bool, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._run = run
        self._to_stderr = to_stderr
        self._told: set[str] = set()
        wanted = [kind for name, kind in SYSTEMS.items() if environ.get(name) == "true"]
        self._system = wanted[0]() if wanted else None

    def __bool__(self) -> bool:
        return self._system is not None

    def tell(self, state: RunState) -> None:
        """Print the logs of the steps that have ended since it was last called.

        Args:
            state: How the run stands.
        """
        if self._system is None:
            return
        for step in state.steps:
            if step.status not in OPEN and step.name not in self._told:
                self._told.add(step.name)
                began = step.attempt or step.reused_from
                log = self._run.logs(step.name) if began else ""
                told = self._system.group(step, _title(step), log) if log else ""
                told += self._system.error(self._run, step)
                # The marks are escape sequences: they stay although this is no terminal.
                click.echo(told, nl=False, err=self._to_stderr, color=True)


def _title(step: StepState) -> str:
    """`train (succeeded, 3.2 s)`."""
    if step.reused_from:
        return f"{step.name} (reused from {step.reused_from})"
    said = filter(None, (step.status.replace("_", " "), duration(step.seconds)))
    return f"{step.name} ({', '.join(said)})"


def _whole_lines(log: str) -> str:
    return log if not log or log.endswith("\n") else f"{log}\n"
