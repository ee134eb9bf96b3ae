"""The report that CI systems show."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.slow


def test_a_failed_run_has_a_report_with_the_place_and_the_log(
    ithaca: Any, project: Path, write_notebook: Any
) -> None:
    write_notebook(
        "nb.ipynb",
        ("step:good", "score = 1.5"),
        ("step:bad", "print('odd \\x00 <text>')\n1 / 0"),
        ("step:later prev:bad", "x = 1"),
        ("pipeline-metrics", "print(score)"),
    )
    assert ithaca("run", "nb.ipynb", "--junit", "report.xml").exit_code == 1
    suite = ET.parse(project / "report.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    facts = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert (facts["status"], facts["metric.score"]) == ("failed", "1.5")
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "cell 2, line 2: ZeroDivisionError: division by zero"
    assert "<text>" in str(suite.findtext("testcase/system-out"))


def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    ithaca: Any, project: Path, write_notebook: Any
) -> None:
    write_notebook("nb.ipynb", ("step:good", "x = 1"))
    result = ithaca("run", "nb.ipynb", "--junit", "missing/report.xml")
    assert (result.exit_code, (project / ".ithaca" / "store").exists()) == (2, False)
    assert "ITH917" in result.stderr


def test_junit_cannot_be_used_with_detach(ithaca: Any, project: Path, write_notebook: Any) -> None:
    write_notebook("nb.ipynb", ("step:good", "x = 1"))
    result = ithaca("run", "nb.ipynb", "--junit", "report.xml", "--detach")
    assert result.exit_code == 2
    assert "--detach" in result.stderr
