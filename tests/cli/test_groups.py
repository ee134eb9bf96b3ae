"""Logs in CI: real local runs, read as the CI system would read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from ithaca.cli.program import program
from ithaca.runs.handle import open_run
from ithaca.runs.project import find_project
from notebooks import write_notebook

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("groups")]

SYSTEMS = ("GITHUB_ACTIONS", "GITLAB_CI")

CELLS = (
    ("step:good", "print('::error::mine')\nprint('section_start:1:x')"),
    ("step:bad prev:good", "x = 1\nraise ValueError('50 % :: of\\nit')"),
    ("step:later prev:bad", "y = 1"),
)


Run = Callable[..., Result]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a notebook whose second step fails."""
    root = tmp_path_factory.mktemp("project")
    (root / ".git").mkdir()
    write_notebook(root / "nb.ipynb", *CELLS)
    return root


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the notebook in the project, in no CI system or in one."""
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    monkeypatch.chdir(project)

    def call(system: str = "", *options: str) -> Result:
        for name in SYSTEMS:
            monkeypatch.delenv(name, raising=False)
        if system:
            monkeypatch.setenv(system, "true")
        return CliRunner().invoke(program, ["run", "nb.ipynb", *options])

    return call


@pytest.fixture(scope="module")
def kept() -> list[Result]:
    """The result of the run on GitHub, once there is one."""
    return []


@pytest.fixture
def on_github(run: Run, kept: list[Result]) -> Result:
    """A run on GitHub, which several tests read."""
    kept[:] = kept or [run("GITHUB_ACTIONS", "--no-reuse")]
    return kept[0]


def test_on_github_a_log_is_a_group_in_which_nothing_is_a_command(on_github: Result) -> None:
    assert on_github.exit_code == 1
    found = re.search(
        r"^::group::step good \(succeeded, [\d.]+ s\)\n::stop-commands::(\w+)\n(.*?)"
        r"^::\1::\n::endgroup::\n",
        on_github.stdout,
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, on_github.stdout
    assert "::error::mine" in found[2]
    assert on_github.stdout.count("::error::mine") == 1
    assert "::group::step later" not in on_github.stdout


def test_on_github_an_error_is_an_annotation_at_the_line_of_the_file(
    on_github: Result, project: Path
) -> None:
    (command,) = re.findall(r"^::error file=.*$", on_github.stdout, re.MULTILINE)
    head, _, message = command.partition("title=")
    line = int(re.fullmatch(r"::error file=nb\.ipynb,line=(\d+),", head)[1])  # type: ignore[index]
    assert "50 % :: of" in (project / "nb.ipynb").read_text().splitlines()[line - 1]
    assert re.match(r"ITH\d{3}::step `bad`, cell 2, line 2: .*50 %25 :: of", message)


def test_on_gitlab_a_log_is_a_collapsed_section_that_it_cannot_close(run: Run) -> None:
    result = run("GITLAB_CI", "--no-reuse")
    # Bytes: as text, a test's runner takes the carriage return for the end of a line.
    printed = result.stdout_bytes.decode()
    (name, title) = re.findall(
        r"\x1b\[0Ksection_start:\d{10}:(\S+)\[collapsed=true\]\r\x1b\[0K(.*)\n", printed
    )[0]
    assert re.fullmatch(r"step good \(succeeded, [\d.]+ s\)", title)
    assert re.search(rf"\x1b\[0Ksection_end:\d{{10}}:{name}\r\x1b\[0K\n", printed)
    assert printed.count("section_start:") == printed.count("section_end:") == 2
    assert "::error" not in printed.replace("::error::mine", "")


def test_with_json_groups_are_on_stderr(run: Run) -> None:
    result = run("GITHUB_ACTIONS", "--json", "--no-reuse")
    assert json.loads(result.stdout)["status"] == "failed"
    assert "::group::step good" in result.stderr


def test_without_a_ci_system_there_is_no_group(run: Run) -> None:
    result = run()
    assert "good" in result.output
    assert "::group::" not in result.output
    assert "section_start" not in result.output


def test_the_python_interface_gives_the_report_too(run: Run) -> None:
    run("", "--junit", "report.xml")
    report = open_run(find_project(), "latest").junit()
    assert report == Path("report.xml").read_text()
    assert [each.get("name") for each in ET.fromstring(report)][1:] == ["good", "bad", "later"]


def test_a_run_that_cannot_start_leaves_no_empty_report(run: Run) -> None:
    assert run("", "--junit", "none.xml", "-p", "no=1").exit_code == 2
    assert not Path("none.xml").exists()
