"""The report that CI systems show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.slow


def write(folder: Path, *cells: tuple[str, str]) -> None:
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "metadata": {"tags": [tags]},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, (tags, source) in enumerate(cells)
        ],
    }
    (folder / "nb.ipynb").write_text(json.dumps(content))


def test_a_failed_run_has_a_report_with_the_place_and_the_log(ithaca: Any, project: Path) -> None:
    write(
        project,
        ("step:good", "score = 1.5"),
        ("step:bad", "print('odd \\x00 <text>')\n1 / 0"),
        ("step:later", "x = 1"),
        ("pipeline-metrics", "print(score)"),
    )
    notebook = json.loads((project / "nb.ipynb").read_text())
    notebook["cells"][2]["metadata"]["tags"].append("prev:bad")
    (project / "nb.ipynb").write_text(json.dumps(notebook))
    assert ithaca("run", "nb.ipynb", "--junit", "report.xml").exit_code == 1
    suite = ET.parse(project / "report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    told = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert (told["status"], told["metric.score"]) == ("failed", "1.5")
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "cell 2, line 2: ZeroDivisionError: division by zero"
    assert "<text>" in str(suite.findtext("testcase/system-out"))


def test_a_report_that_cannot_be_written_is_said_before_the_run(ithaca: Any, project: Path) -> None:
    write(project, ("step:good", "x = 1"))
    result = ithaca("run", "nb.ipynb", "--junit", "missing/report.xml")
    assert (result.exit_code, (project / ".ithaca" / "store").exists()) == (2, False)
    assert "ITH917" in result.stderr


def test_a_run_that_is_left_has_no_report(ithaca: Any, project: Path) -> None:
    write(project, ("step:good", "x = 1"))
    result = ithaca("run", "nb.ipynb", "--junit", "report.xml", "--detach")
    assert result.exit_code == 2
    assert "--detach" in result.stderr
