"""Print logs as foldable groups of CI systems, and errors as annotations."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ithaca.cli.diagnostics.places import Places
from ithaca.cli.diagnostics.review import workflow_command
from ithaca.cli.output import failure
from ithaca.records.fold import OPEN
from ithaca.runs.progress import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run


class System(NamedTuple):
    """The log format of a CI system.

    Attributes:
        group: Folds the log of a step below a title.
        error: Makes an annotation for the error of a failed step; None if the system has none.
    """

    group: Callable[[StepState, str, str], str]
    error: Callable[[Run, StepState], str] | None = None


def _github_group(_step: StepState, title: str, log: str) -> str:
    """The log between `::group::` and `::endgroup::`, with workflow commands switched off.

    A step's output must not set variables or hide lines. A token that it cannot know switches
    commands on again.
    """
    token = secrets.token_hex(16)
    return (
        workflow_command("group", f"step {title}")
        + f"::stop-commands::{token}\n{log}::{token}::\n"
        + "::endgroup::\n"
    )


def _github_error(run: Run, step: StepState) -> str:
    """An annotation at the line of the notebook's file."""
    error = step.error
    if error is None:
        return ""
    document = run.document
    notebook = str(Path(document.root) / (error.notebook or document.notebook))
    message = f"{failure(step)}\n→ {error.cure}" if error.cure else failure(step)
    place = Places().properties(notebook, error.cell, error.line)
    return workflow_command("error", message, {**place, "title": error.code})


def _gitlab_group(step: StepState, title: str, log: str) -> str:
    """The log between section markers, with the times from which GitLab shows the duration.

    Markers in the log itself are made invalid, so that they open and close nothing.
    """
    ended = step.ended or time.time()
    started = ended if step.started is None else step.started
    name = f"ithaca_{re.sub(r'[^A-Za-z0-9_.-]', '_', step.name)}"
    return (
        f"\x1b[0Ksection_start:{int(started)}:{name}[collapsed=true]\r\x1b[0Kstep {title}\n"
        + _MARKER.sub("section ", log)
        + f"\x1b[0Ksection_end:{int(ended)}:{name}\r\x1b[0K\n"
    )


_MARKER = re.compile(r"section_(?=(?:start|end):)")

SYSTEMS = {
    "GITHUB_ACTIONS": System(_github_group, _github_error),
    "GITLAB_CI": System(_gitlab_group),  # it takes annotations from reports only (`--junit`)
}
"""The environment variable that each system sets to `true`."""


class Groups:
    """Prints the log of each step of a run once it has ended, if a CI system is detected.

    Args:
        run: The run.
        to_stderr: Print to stderr instead of stdout.
    """

    def __init__(self, run: Run, *, to_stderr: bool) -> None:
        self._run = run
        self._to_stderr = to_stderr
        self._printed: set[str] = set()
        found = [system for name, system in SYSTEMS.items() if os.environ.get(name) == "true"]
        self._system = found[0] if found else None

    def __bool__(self) -> bool:
        return self._system is not None

    def report(self, state: RunState) -> None:
        """Print the logs of the steps that ended since the last call.

        Args:
            state: State of the run.
        """
        if self._system is None:
            return
        for step in state.steps:
            if step.status not in OPEN and step.name not in self._printed:
                self._printed.add(step.name)
                has_log = step.attempt or step.reused_from
                log = self._run.logs(step.name) if has_log else ""
                log += "" if not log or log.endswith("\n") else "\n"
                text = self._system.group(step, _title(step), log) if log else ""
                text += self._system.error(self._run, step) if self._system.error else ""
                # `color` keeps the markers, which are escape sequences.
                click.echo(text, nl=False, err=self._to_stderr, color=True)


def _title(step: StepState) -> str:
    """`train (succeeded, 3.2 s)`."""
    if step.reused_from:
        return f"{step.name} (reused from {step.reused_from})"
    facts = filter(None, (step.status.replace("_", " "), duration(step.seconds)))
    return f"{step.name} ({', '.join(facts)})"
