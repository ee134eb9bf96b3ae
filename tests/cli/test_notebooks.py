from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

ITHACA = Callable[..., Result]
WRITE = Callable[..., str]

CELLS = [
    ("pipeline-parameters", "lr = 0.1"),
    ("step:load", "rows = [1, 2]"),
    ("step:train prev:load", "loss = len(rows) * lr"),
    ("pipeline-metrics", "print(loss)"),
]


@pytest.fixture(autouse=True)
def notebooks(write_notebook: WRITE) -> None:
    """A good notebook and one with a typo in a tag."""
    write_notebook("good.ipynb", *CELLS)
    write_notebook("bad.ipynb", ("step:load prev:lod", "rows = ["))


def test_compile_prints_the_workflow_as_json_twice_the_same(ithaca: ITHACA) -> None:
    first = ithaca("compile", "good.ipynb")
    assert first.exit_code == 0, first.output
    assert [step["name"] for step in json.loads(first.stdout)["steps"]] == ["load", "train"]
    assert ithaca("compile", "good.ipynb").stdout == first.stdout


def test_compile_writes_to_a_file_and_leaves_none_for_a_wrong_notebook(
    ithaca: ITHACA, project: Path
) -> None:
    assert ithaca("compile", "good.ipynb", "-o", "ir.json").exit_code == 0
    assert json.loads((project / "ir.json").read_text())["name"] == "good"
    assert ithaca("compile", "bad.ipynb", "-o", "bad.json").exit_code == 3
    assert not (project / "bad.json").exists()


def test_an_output_file_is_replaced_whole_or_not_at_all(
    ithaca: ITHACA, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, link = project / "kept.json", project / "link.json"
    kept.write_text("before")
    kept.chmod(0o600)
    link.symlink_to(kept)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _full_disk)
        assert ithaca("compile", "good.ipynb", "-o", "link.json").exit_code == 4
    assert kept.read_text() == "before"
    assert not list(project.glob(".*json*"))
    assert ithaca("compile", "good.ipynb", "-o", "link.json").exit_code == 0
    assert json.loads(kept.read_text())["name"] == "good"
    assert (link.is_symlink(), kept.stat().st_mode & 0o777) == (True, 0o600)
    assert ithaca("compile", "good.ipynb", "-o", "/dev/null").exit_code == 0
    assert ithaca("compile", "good.ipynb", "-o", "no/such/folder.json").exit_code == 4


def _full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_check_reports_every_problem_with_its_cell(ithaca: ITHACA) -> None:
    assert ithaca("check", "good.ipynb").exit_code == 0
    result = ithaca("check", "bad.ipynb")
    assert result.exit_code == 3
    assert "bad.ipynb cell 1" in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_check_prints_json_and_sarif(ithaca: ITHACA, form: str) -> None:
    result = ithaca("check", "bad.ipynb", "--format", form)
    assert result.exit_code == 3
    json.loads(result.stdout)


@pytest.mark.parametrize("command", ["compile", "run"])
def test_a_wrong_notebook_is_exit_3_with_its_diagnostics_on_stderr(
    ithaca: ITHACA, project: Path, command: str
) -> None:
    result = ithaca(command, "bad.ipynb")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "bad.ipynb cell 1" in result.stderr
    assert not (project / ".ithaca").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.ipynb",), "missing.ipynb"),
        (("good.ipynb", "-p", "rl=1"), "lr"),
        (("good.ipynb", "-p", "lr=fast"), "must be a number (got fast)"),
        (("good.ipynb", "--python", "no-python"), "no-python"),
        (("good.ipynb", "--backend", "nomad"), "unknown backend `nomad`"),
        (("good.ipynb", "--parallel", "0"), "0"),
    ],
)
def test_a_wrong_option_of_run_is_exit_2_and_starts_nothing(
    ithaca: ITHACA, project: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = ithaca("run", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (project / ".ithaca" / "store").exists()


def test_a_step_too_large_for_the_machine_is_refused_before_anything_is_written(
    ithaca: ITHACA, project: Path, write_notebook: WRITE
) -> None:
    write_notebook("large.ipynb", ("step:load request:cpu:1000", "pass"))
    result = ithaca("run", "large.ipynb")
    assert result.exit_code == 2
    assert "asks for 1000 cores" in result.stderr
    assert not (project / ".ithaca").exists()


def test_the_local_backend_has_no_manifests(ithaca: ITHACA) -> None:
    result = ithaca("compile", "good.ipynb", "--backend", "local", "-o", "out.yaml")
    assert result.exit_code == 2
    assert "the backend `local` has no manifests" in result.stderr
    assert "`ithaca compile` without `--backend` prints the workflow good as JSON" in result.stderr
    assert not Path("out.yaml").exists()


def test_the_schema_is_json(ithaca: ITHACA) -> None:
    assert "$defs" in json.loads(ithaca("schema").stdout)


def test_check_refuses_credential_files_as_run_does(
    ithaca: ITHACA, project: Path, write_notebook: WRITE
) -> None:
    write_notebook("secret.ipynb", ("step:load", "import json\ntext = open('.env').read()"))
    assert ithaca("check", "secret.ipynb").exit_code == 0
    (project / ".env").write_text("KEY=1")
    found = ithaca("check", "secret.ipynb", "--json")
    assert found.exit_code == 3
    (error,) = json.loads(found.stdout)["diagnostics"]
    assert (error["code"], error["cell"], error["line"]) == ("ITH913", 1, 2)
    assert "`!/.env`" in error["cure"]
    (project / ".ithacaignore").write_text("!/.env\n")
    assert ithaca("check", "secret.ipynb").exit_code == 0
