"""How the runner is started in a pod, and where things lie there.

The same places in every pod: the root of the project at `/project` (a value may hold a path below
it), everything else of the attempt below `/ithaca-work`, on the same volume. A backend writes the
options with its engine's variables; nothing of the notebook's code is among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = "/project"
WORK = "/ithaca-work"
HOME = "/ithaca"
STORE = "/ithaca-store"
CACHE = "/ithaca-cache"
COPY = "/ithaca-copy"
EXECUTION = f"{WORK}/out/execution"
METRICS = f"{WORK}/out/metrics"

POD = "ITHACA_POD"
"""Variable with the name of the pod."""

STORE_PREFIX = "ITHACA_REMOTE_"
"""What stands before the variables of the store's secret: they are the runner's, no kernel's."""

ANSWERS = ("decision", "by", "comment")
"""What a person says when asked: `approve` or `reject`, who it was, and why."""


def interpreter(*, copied: bool) -> list[str]:
    """What starts the runner: the Ithaca that was copied into the pod, else the image's own."""
    if copied:  # what the image says of its own Python (`PYTHONPATH`) is not for this one
        return [f"{HOME}/bin/python", "-I", "-m", "ithaca.runner"]
    return ["python3", "-P", "-m", "ithaca.runner"]


def install() -> list[str]:
    """What the first container runs: copy its own Ithaca to where the pod's volume is."""
    return ["python3", "-P", "-m", "ithaca.runner", "--install", COPY]


def check(*, store: str, python: str | None) -> list[str]:
    """The arguments of a pod that only says whether a step could run in it.

    Args:
        store: URL of the store, as pods see it.
        python: The kernel's interpreter in the image, when it is not the one on the PATH.
    """
    return ["--check", f"--store={store}", *([f"--python={python}"] if python else [])]


def parents(digests: Sequence[str]) -> str:
    """The executions of a step's parents, in the order of its needs."""
    return ",".join(digests)
