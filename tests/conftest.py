"""Makes this folder importable, and gives every test a time limit."""

from __future__ import annotations

import pytest

LIMITS = {"cluster": 1200, "network": 900}
"""Seconds for tests with these marks; `timeout` in pyproject.toml holds for the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that wait for a cluster or for a download more time."""
    for item in items:
        limits = [seconds for mark, seconds in LIMITS.items() if item.get_closest_marker(mark)]
        if limits and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(max(limits)))
