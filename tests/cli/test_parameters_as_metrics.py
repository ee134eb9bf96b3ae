"""A parameter that a metrics cell names is published as any other number."""

from __future__ import annotations

import json
from typing import Any

import pytest

CELLS = (
    ("pipeline-parameters", "rate = 0.5"),
    ("step:good", "x = 1"),
    ("pipeline-metrics", "print(rate)"),
)


@pytest.mark.slow
def test_a_parameter_that_no_step_uses_is_published_as_it_was_set(
    ithaca: Any, write_notebook: Any
) -> None:
    write_notebook("nb.ipynb", *CELLS)
    # A published parameter is part of the key, so another rate is not reused.
    for rate in (0.25, 0.75):
        result = ithaca("run", "nb.ipynb", "-p", f"rate={rate}", "--json")
        assert json.loads(result.stdout)["metrics"] == {"rate": rate}
