"""A parameter that a metrics cell names is published as any other number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CELLS = (
    ("pipeline-parameters", "rate = 0.5"),
    ("step:good", "x = 1"),
    ("pipeline-metrics", "print(rate)"),
)


@pytest.mark.slow
def test_a_parameter_that_no_step_uses_is_published_as_it_was_set(
    ithaca: Any, project: Path
) -> None:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "metadata": {"tags": [tag]},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, (tag, source) in enumerate(CELLS)
    ]
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    (project / "nb.ipynb").write_text(json.dumps(content))
    # What is published counts for reuse: with another rate the result is another one.
    for rate in (0.25, 0.75):
        result = ithaca("run", "nb.ipynb", "-p", f"rate={rate}", "--json")
        assert json.loads(result.stdout)["metrics"] == {"rate": rate}
