"""How a person answered a step's question: waiting for it, and reading it from elsewhere."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

from ithaca.errors import StoreError, UsageError
from ithaca.model.run import FINAL, Answer
from ithaca.records.fold import decision
from ithaca.runner.pod import document
from ithaca.runner.pod.options import Options, required
from ithaca.runner.pod.output import pass_on, say

if TYPE_CHECKING:
    from ithaca.model.run import Event
    from ithaca.records.journal import Journal

_FIRST_PAUSE, _LAST_PAUSE = 1.0, 5.0


def read(asked: str) -> Answer:
    """Read an answer that is kept outside the store, with the backend's own module.

    Args:
        asked: `MODULE:REFERENCE`; `MODULE.answer(REFERENCE)` returns the answer.

    Raises:
        UsageError: There is no answer, or this pod cannot read it.
        BackendError: The answer cannot be read now.
    """
    name, _, reference = asked.partition(":")
    try:
        module = import_module(name)
    except (ImportError, ValueError) as error:
        raise UsageError(
            "ITH536",
            f"the answer cannot be read in this pod: {error}",
            where=asked,
            cure="install the same Ithaca in the image as on your machine, or set `runner_image`",
        ) from None
    return Answer(*module.answer(reference))


def gate(options: Options) -> int:
    """Wait for the answer to a step's question, for engines that cannot wait by themselves.

    The answer is in the store, so a pod that is started again finds it.

    Args:
        options: The command line.

    Returns:
        The exit code: 0 when there is an answer, whichever it is; 65 when the run was cancelled.
    """
    required(options, "gate")
    journal = document.journal(options, document.attach(options))
    command = f"ithaca runs approve {journal.id}/{options.gate}"
    print(f"waiting for an answer: {command}", flush=True)  # noqa: T201
    pause = _FIRST_PAUSE
    while True:
        events = _events(journal)
        answer = decision(options.gate, events)
        if answer is not None:
            pass_on(options, decision=answer.kind)
            return 0
        if any(each.kind == "cancel" for each in events):
            say(options, f"step `{options.gate}`: the run was cancelled")
            return FINAL
        time.sleep(pause)
        pause = min(pause * 1.2, _LAST_PAUSE)


def _events(journal: Journal) -> list[Event]:
    """The run's events; none while the store cannot be reached."""
    try:
        return journal.events()
    except StoreError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return []
