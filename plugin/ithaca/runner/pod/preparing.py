"""The preparing pod: install a lock once, for all pods of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.errors import BackendError, IthacaError, NotFound, StoreError
from ithaca.model.run import FINAL
from ithaca.records.ends import end_attempt
from ithaca.runner import failure
from ithaca.runner.environments import restored, wanted
from ithaca.runner.pod import document
from ithaca.runner.pod.environment import bases, place
from ithaca.runner.pod.options import Options, required
from ithaca.runner.pod.output import report, say

if TYPE_CHECKING:
    from ithaca.records.journal import Journal


def prepare(options: Options) -> int:
    """Install a lock for the image of this pod, unless the store has that already.

    Args:
        options: The command line.

    Returns:
        The exit code.

    Raises:
        IthacaError: No record of it could be written.
    """
    required(options, "environment", "prepare")
    store = document.attach(options)
    journal = document.journal(options, store)
    if journal.is_cancelled():
        say(options, "the run was cancelled")
        return FINAL
    asked = wanted.parse(options.environment)
    assert asked is not None
    try:
        image = bases(options, store)[0]
        restored.prepare(store, asked, image, place(options), journal.run().source, _say)
    except IthacaError as error:
        return _failed(options, journal, error)
    return 0


def _failed(options: Options, journal: Journal, error: IthacaError) -> int:
    """Report the failure; when no attempt is left, the first step that waits fails with it."""
    report(options, str(error))
    transient = isinstance(error, (BackendError, StoreError)) and not isinstance(error, NotFound)
    if transient and options.retries < (options.infrastructure_retries or 0):
        return 1
    journal.start_attempt(options.prepare, 1, writer=options.writer)
    end_attempt(journal, options.prepare, 1, failure.of(error), retryable=False)
    return FINAL


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
