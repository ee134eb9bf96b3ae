"""Inputs, results and failures of a step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from step_project import RUN, Project, metric, parameter, step

from ithaca.model.workflow import Code, Secret
from ithaca.records import names
from ithaca.runner import cells
from ithaca.store import verify

pytestmark = pytest.mark.slow


def test_a_step_leaves_files_values_metrics_notebook_and_log(project: Project) -> None:
    (project.root / "data.txt").write_text("hello")
    project.define(
        step(
            "load",
            "text = open('data.txt').read() * times\nprint(text)",
            "loss = 0.5\nopen('out.txt', 'w').write(text)",
            writes=("text",),
            parameters=("times",),
        ),
        parameters=(parameter("times", 2),),
        metrics=(metric("loss", "load"),),
    )
    end = project.run("load")
    assert end.status == "succeeded"
    assert end.metrics == {"loss": 0.5}
    assert project.files("load") == ["data.txt", "out.txt"]
    assert "--- cell 1\nhellohello\n" in project.log("load")
    roles = [cell["metadata"].get("ithaca", {}) for cell in project.notebook("load")["cells"]]
    assert [role.get("cell") for role in roles if role.get("role") == "user"] == [1, 2]
    assert str(project.root) not in str(project.notebook("load")["metadata"])


def test_a_later_step_finds_earlier_files_at_the_same_path(project: Project) -> None:
    project.define(
        step("a", "import os\nhere = os.getcwd()\nx = [1]", writes=("here", "x")),
        step(
            "b",
            "import os\nassert here == os.getcwd(), (here, os.getcwd())\nx.append(2)\nprint(x)",
            reads=("here", "x"),
            needs=("a",),
        ),
    )
    end = project.run("a", "b")
    assert end.error is None
    assert "[1, 2]" in project.log("b")
    assert project.execution("b").parents == (project.ends["a"].execution,)
    assert project.execution("b").before == project.ends["a"].after


def test_a_known_step_is_reused_with_its_metrics(project: Project) -> None:
    project.define(step("a", "n = 3"), metrics=(metric("n", "a"),))
    first = project.run("a")
    again = project.run("a")
    assert (first.status, again.status) == ("succeeded", "reused")
    assert again.execution == first.execution
    assert again.metrics == {"n": 3}
    assert again.reused_from == RUN


def test_without_reuse_a_step_runs_and_passes_on_its_new_result(project: Project) -> None:
    project.define(step("a", "import time\nopen('t', 'w').write(str(time.time_ns()))"))
    first, second = project.run("a"), project.run("a", reuse=False)
    assert second.status == "succeeded"
    assert second.after != first.after
    assert project.run("a").execution == first.execution


def test_the_working_directory_is_the_notebooks_folder(project: Project) -> None:
    (project.root / "sub").mkdir()
    (project.root / "sub" / "near.txt").write_text("near")
    project.define(step("a", "print(open('near.txt').read())"), notebook="sub/nb.ipynb")
    assert project.run("a").error is None
    assert "near" in project.log("a")


def test_a_step_sees_the_submitted_notebook_but_its_snapshot_does_not_contain_it(
    project: Project,
) -> None:
    project.store.create(names.run(RUN, "notebook"), b'{"cells": []}')
    project.define(step("a", "print(open('nb.ipynb').read())"))
    assert project.run("a").error is None
    assert '{"cells": []}' in project.log("a")
    assert project.files("a") == []


def test_a_failure_names_its_cell_and_the_users_line(project: Project) -> None:
    shared = Code(cell=4, kind="functions", source="def half(x):\n    return x / 0", lines=(7, 8))
    user = Code(cell=9, kind="user", source="y = 1\nz = 2\nhalf(y)", lines=(3, 5, 6))
    project.define(step("a", shared, user))
    end = project.run("a")
    assert end.status == "failed"
    assert end.error is not None
    assert (end.error.code, end.error.cell, end.error.line) == ("ITH501", 9, 6)
    assert (end.error.name, end.error.value) == ("ZeroDivisionError", "division by zero")
    assert "return x / 0" in project.log("a")
    last = project.log("a").splitlines()[-1]
    assert last == f"ITH501: cell {end.error.cell}, line {end.error.line}: {end.error.message}"
    outputs = [each for cell in project.notebook("a")["cells"] for each in cell.get("outputs", ())]
    assert any(each["output_type"] == "error" for each in outputs)


def test_a_missing_module_is_an_error_with_an_install_command(project: Project) -> None:
    project.define(step("a", "import no_such_module.part"), step("b", "import json.no_part"))
    missing, part = project.run("a").error, project.run("b").error
    assert missing is not None
    assert missing.cure == (
        f"the kernel runs on {sys.executable}; choose another interpreter with `--python PATH`, or "
        "install the package in the step before: `%pip install no_such_module`"
    )
    assert part is not None
    assert part.cure.endswith("with `--python PATH`")


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("import sys\nsys.exit(0)", "ITH501", "SystemExit"),
        ("def f(:\n  pass", "ITH501", "SyntaxError"),
    ],
)
def test_each_failure_has_one_clear_message(
    project: Project, source: str, code: str, says: str
) -> None:
    project.define(step("a", source, "print('never')", writes=()))
    end = project.run("a")
    assert end.status == "failed"
    assert end.error is not None
    assert (end.error.code, end.error.cell) == (code, 1), end.error
    assert says in end.error.message
    assert "plugin/ithaca" not in project.log("a")
    assert verify(project.store) == []


def test_a_step_that_exceeds_its_timeout_is_stopped(project: Project) -> None:
    project.define(step("a", "import time\nwhile True: time.sleep(1)", timeout=3.0))
    end = project.run("a")
    assert end.status == "timed_out"
    assert end.error is not None
    assert end.error.code == "ITH503"
    assert "its time limit of 3 s" in end.error.message


def test_a_flood_of_output_does_not_block_and_its_record_stays_small(project: Project) -> None:
    project.define(step("a", "line = 'x' * 9999\nfor _ in range(7_000): print(line)", "print(7)"))
    end = project.run("a")
    assert end.error is None
    assert len(str(project.notebook("a"))) < 3 << 20
    log = project.log("a")
    assert len(log) < 65 << 20
    assert "the log is limited" in log


def test_secrets_are_set_and_masked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", 'hunter"2')
    secret = Secret(secret="s", key="k", env="TOKEN")
    project.define(
        step("a", "import os\nprint('it is', os.environ['TOKEN'])", "1 / 0", secrets=(secret,))
    )
    project.run("a")
    assert "it is ***" in project.log("a")
    assert "hunter" not in project.log("a") + str(project.notebook("a"))


def test_a_missing_secret_is_an_error_that_names_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    project.define(step("a", "1", secrets=(Secret(secret="s", key="k", env="TOKEN"),)))
    end = project.run("a")
    assert end.error is not None
    assert end.error.code == "ITH508"
    assert "TOKEN" in end.error.message
    assert not end.retryable


def test_a_full_disk_at_the_end_is_an_error_and_the_store_verifies(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cells, "take", full)
    project.define(step("a", "x = 1"))
    end = project.run("a")
    assert end.error is not None
    assert end.error.code == "ITH507"
    assert verify(project.store) == []


def test_processes_of_a_step_end_with_it(project: Project, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    loop = f"while True: open({str(beat)!r}, 'a').write('x'); time.sleep(0.1)"
    project.define(
        step(
            "a",
            "import subprocess, sys, time\n"
            f"code = 'import time\\n' + {loop!r}\n"
            "subprocess.Popen([sys.executable, '-c', code], start_new_session=True)\n"
            "time.sleep(1)",
        )
    )
    assert project.run("a").error is None
    size = beat.stat().st_size
    assert size > 0
    import time

    time.sleep(0.5)
    assert beat.stat().st_size == size


def test_a_join_gets_the_results_of_both_branches(project: Project) -> None:
    (project.root / "base.txt").write_text("base")
    project.define(
        step("left", "a = 1\nopen('left.txt', 'w').write('l')", writes=("a",)),
        step("right", "b = 2\nopen('right.txt', 'w').write('r')", writes=("b",)),
        step("join", "print(a + b)", needs=("left", "right"), reads=("a", "b")),
    )
    end = project.run("left", "right", "join")
    assert end.error is None
    assert project.files("join") == ["base.txt", "left.txt", "right.txt"]
    assert "3" in project.log("join")


def test_a_join_of_branches_that_wrote_one_file_names_both(project: Project) -> None:
    project.define(
        step("left", "open('out.txt', 'w').write('l')"),
        step("right", "open('out.txt', 'w').write('r')"),
        step("join", "1", needs=("left", "right")),
    )
    end = project.run("left", "right", "join")
    assert end.status == "failed"
    assert end.error is not None
    assert end.error.code == "ITH410"
    assert "out.txt (left, right)" in end.error.message
    assert not end.retryable


def test_possible_credentials_are_left_out_and_reported(project: Project) -> None:
    project.define(step("a", "open('.env', 'w').write('PASSWORD=1')"))
    end = project.run("a")
    assert project.files("a") == []
    assert any(".env" in notice for notice in end.notices)
