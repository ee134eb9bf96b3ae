"""A pod that waits until a person has answered, for engines that cannot wait by themselves."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ithaca.errors import StoreError
from ithaca.records.fold import decision
from ithaca.runner.pod import document
from ithaca.runner.pod.attempt import results
from ithaca.runner.pod.options import FINAL, Options, required

if TYPE_CHECKING:
    from ithaca.model.run import Event
    from ithaca.records.journal import Journal

_FIRST_PAUSE, _LAST_PAUSE = 1.0, 5.0


def gate(options: Options) -> int:
    """Wait for the answer to a step's question; it is in the store, so a new pod finds it too.

    Args:
        options: The command line.

    Returns:
        The exit code: 0 once there is an answer, whatever it is; 65 when the run was cancelled.
    """
    required(options, "gate")
    journal = document.journal(options, document.attach(options))
    print(f"waits for an answer: ithaca runs approve {journal.id}/{options.gate}")  # noqa: T201
    sys.stdout.flush()
    pause = _FIRST_PAUSE
    while True:
        events = _events(journal)
        answer = decision(options.gate, events)
        if answer is not None:
            results(options, decision=answer.kind)
            return 0
        if any(each.kind == "cancel" for each in events):
            options.say(f"step `{options.gate}`: the run was cancelled")
            return FINAL
        time.sleep(pause)
        pause = min(pause * 1.2, _LAST_PAUSE)


def _events(journal: Journal) -> list[Event]:
    """What people asked for; nothing while the store cannot be reached."""
    try:
        return journal.events()
    except StoreError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return []
