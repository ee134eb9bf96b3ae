"""How the runner is started in a pod, and its folders there.

The folders are the same in every pod: the root of the project is `/project` (a value may hold a
path below it), everything else of the attempt is below `/ithaca-work`, on the same volume. Backends
write the options with the variables of their engine; none of them holds the notebook's code.
"""

from __future__ import annotations

ROOT = "/project"
WORK = "/ithaca-work"
HOME = "/ithaca"
STORE = "/ithaca-store"
CACHE = "/ithaca-cache"
COPY = "/ithaca-copy"
EXECUTION = f"{WORK}/out/execution"
METRICS = f"{WORK}/out/metrics"

POD = "ITHACA_POD"
"""Variable that holds the pod's name."""

STORE_PREFIX = "ITHACA_REMOTE_"
"""Prefix of the variables of the store's secret, which the runner has and kernels have not."""

ANSWERS = ("decision", "by", "comment")
"""A person's answer: `approve` or `reject`, who decided, and why."""


def interpreter(*, copied: bool) -> list[str]:
    """The command of the runner: the Ithaca that was copied into the pod, else the image's own."""
    if copied:  # the image's variables (`PYTHONPATH`) are for its own Python
        return [f"{HOME}/bin/python", "-I", "-m", "ithaca.runner"]
    return ["python3", "-P", "-m", "ithaca.runner"]


def install() -> list[str]:
    """The command of the first container: copy its own Ithaca to the pod's volume."""
    return ["python3", "-P", "-m", "ithaca.runner", "--install", COPY]


def check(*, store: str, python: str | None) -> list[str]:
    """The arguments of a pod that only checks whether a step could run in it.

    Args:
        store: URL of the store, as pods see it.
        python: The kernel's interpreter in the image, when it is not the one on the PATH.
    """
    return ["--check", f"--store={store}", *([f"--python={python}"] if python else [])]
