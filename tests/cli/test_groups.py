"""Logs in CI: real local runs, read as the CI system would read them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ithaca.runs.handle import open_run
from ithaca.runs.project import find_project

pytestmark = pytest.mark.slow

CELLS = (
    ("step:good", "print('::error::mine')\nprint('section_start:1:x')"),
    ("step:bad prev:good", "x = 1\nraise ValueError('50 % :: of\\nit')"),
    ("step:later prev:bad", "y = 1"),
)


@pytest.fixture
def notebook(write_notebook: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A notebook whose second step fails, outside of any CI system."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    return str(write_notebook("nb.ipynb", *CELLS))


def test_on_github_a_log_is_a_group_in_which_nothing_is_a_command(
    ithaca: Any, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = ithaca("run", notebook)
    assert result.exit_code == 1
    found = re.search(
        r"^::group::step good \(succeeded, [\d.]+ s\)\n::stop-commands::(\w+)\n(.*?)"
        r"^::\1::\n::endgroup::\n",
        result.stdout,
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, result.stdout
    assert "::error::mine" in found[2]
    assert result.stdout.count("::error::mine") == 1
    assert "::group::step later" not in result.stdout


def test_on_github_an_error_is_an_annotation_at_the_line_of_the_file(
    ithaca: Any, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = ithaca("run", notebook)
    (command,) = re.findall(r"^::error file=.*$", result.stdout, re.MULTILINE)
    head, _, message = command.partition("title=")
    line = int(re.fullmatch(r"::error file=nb\.ipynb,line=(\d+),", head)[1])  # type: ignore[index]
    assert "50 % :: of" in Path(notebook).read_text().splitlines()[line - 1]
    assert re.match(r"ITH\d{3}::step `bad`, cell 2, line 2: .*50 %25 :: of", message)


def test_on_gitlab_a_log_is_a_collapsed_section_that_it_cannot_close(
    ithaca: Any, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    result = ithaca("run", notebook)
    # Bytes: as text, a test's runner takes the carriage return for the end of a line.
    printed = result.stdout_bytes.decode()
    (name, title) = re.findall(
        r"\x1b\[0Ksection_start:\d{10}:(\S+)\[collapsed=true\]\r\x1b\[0K(.*)\n", printed
    )[0]
    assert re.fullmatch(r"step good \(succeeded, [\d.]+ s\)", title)
    assert re.search(rf"\x1b\[0Ksection_end:\d{{10}}:{name}\r\x1b\[0K\n", printed)
    assert printed.count("section_start:") == printed.count("section_end:") == 2
    assert "::error" not in printed.replace("::error::mine", "")


def test_with_json_groups_are_on_stderr(
    ithaca: Any, notebook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = ithaca("run", notebook, "--json")
    assert json.loads(result.stdout)["status"] == "failed"
    assert "::group::step good" in result.stderr


def test_without_a_ci_system_there_is_no_group(ithaca: Any, notebook: str) -> None:
    result = ithaca("run", notebook)
    assert "::group::" not in result.output
    assert "section_start" not in result.output


def test_the_python_interface_gives_the_report_too(ithaca: Any, notebook: str) -> None:
    ithaca("run", notebook, "--junit", "report.xml")
    report = open_run(find_project(), "latest").junit()
    assert report == Path("report.xml").read_text()
    assert [each.get("name") for each in ET.fromstring(report)][1:] == ["good", "bad", "later"]


def test_a_run_that_cannot_start_leaves_no_empty_report(ithaca: Any, notebook: str) -> None:
    assert ithaca("run", notebook, "--junit", "report.xml", "-p", "no=1").exit_code == 2
    assert not Path("report.xml").exists()
