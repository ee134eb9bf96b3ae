"""Makes this folder importable, gives every test a time limit, and spreads tests over processes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile

import pytest

import warm_program

# Steps of tests that run side by side must not wait for each other's claims on the machine.
os.environ["ITHACA_CLAIMS"] = tempfile.mkdtemp(prefix="ithaca-tests-")

# A shell that starts the suite in the background lets it, and all its children, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

sys.dont_write_bytecode = False  # else every process rewrites the assertions of all tests again

LIMITS = {"cluster": 1200, "network": 900}
"""Seconds for tests with these marks; `timeout` in pyproject.toml holds for the others."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that wait for a cluster or a download more time, and begin with the slow ones."""
    for item in items:
        limits = [seconds for mark, seconds in LIMITS.items() if item.get_closest_marker(mark)]
        if limits and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(max(limits)))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse versions of pytest in which pytest-xdist keeps no group of tests in one process."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and not all(
        "@" in one.nodeid for one in grouped
    ):
        raise pytest.UsageError("pytest-xdist does not group tests with this version of pytest")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: tests of whole runs also wait."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def warm_start() -> None:
    """Runs that tests start in their own process start as fast as those of `warm_program`."""
    warm_program.warm_supervisors(lambda: warm_program.warm().place)
    warm_program.remember_environment()
