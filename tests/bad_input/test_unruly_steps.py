"""Steps that succeed despite floods of output, many files and leftover processes."""

from __future__ import annotations

import json

import pytest
from user_project import Project

pytestmark = pytest.mark.slow

LEAVES = """
import os, subprocess, threading, time
subprocess.Popen(["sleep", "3600"])
subprocess.Popen("setsid nohup sleep 3600 >/dev/null 2>&1 &", shell=True)
subprocess.Popen(["setsid", "sleep", "3600"], env={"PATH": os.environ["PATH"]})
if os.fork() == 0:
    time.sleep(3600)
def forever():
    while True:
        time.sleep(0.1)
threading.Thread(target=forever).start()
left = 1
"""

FLOODS = """
import sys
line = "y" * 99 + "\\n"
for _ in range(700_000):
    sys.stdout.write(line)
flooded = 1
"""

WRITES = """
import os
os.mkdir("out")
for number in range(5_000):
    with open(f"out/{number}", "w") as file:
        file.write(str(number))
"""


def test_a_run_survives_floods_of_output_many_files_and_leftover_processes(
    project: Project,
) -> None:
    project.notebook(
        ("step:leaves", LEAVES),
        ("step:floods", FLOODS),
        ("step:writes", WRITES),
        (
            "step:end prev:leaves prev:floods prev:writes",
            "import os\nfiles, both = len(os.listdir('out')), left + flooded",
        ),
        ("pipeline-metrics", "print(files)\nprint(both)"),
    )
    answer = project.ithaca("run", "nb.ipynb", "--json")
    assert answer.code == 0, answer.output
    assert json.loads(answer.out)["metrics"] == {"files": 5_000, "both": 2}
    log = project.ithaca("runs", "logs", "latest/floods").out
    assert log.startswith("--- cell 2\nyyy")
    assert log.endswith("[ithaca: the log is limited to 64 MiB; the rest is left out]\n")
    notebook = project.ithaca("runs", "notebook", "latest/floods").out
    assert len(notebook) < 20_000_000


def test_parallel_steps_that_write_one_file_differently_conflict_at_their_join(
    project: Project,
) -> None:
    project.notebook(
        ("step:left", "open('same.txt', 'w').write('left')\nvalue = 1"),
        ("step:right", "open('same.txt', 'w').write('right')"),
        ("step:join prev:left prev:right", "print(value)"),
    )
    answer = project.ithaca("run", "nb.ipynb")
    answer.assert_error(
        "ITH410", "step `join`", "same.txt (left, right)", "[tool.ithaca.merge]", exit_code=1
    )
    assert "executed notebook" not in answer.output  # no cell began
    assert "traceback" not in answer.output


def test_an_edit_during_a_run_takes_effect_in_the_next(project: Project) -> None:
    waits = "import os, time\nwhile not os.path.exists({0!r}):\n    time.sleep(0.05)"
    flag = project.root.parent / "go"
    first = ("step:first", waits.format(str(flag)))
    project.notebook(first, ("step:second prev:first", "print('old')"))
    process = project.start("run", "nb.ipynb")
    assert process.stdout is not None
    while "first: running" not in process.stdout.readline():
        pass
    project.notebook(("step:first", "x = ("))
    flag.touch()
    assert project.answer(process).code == 0
    assert project.ithaca("runs", "logs", "latest/second").out == "--- cell 2\nold\n"
    assert project.ithaca("run", "nb.ipynb").codes == ["ITH201"]


def test_two_concurrent_runs_of_one_notebook_succeed_with_the_same_result(
    project: Project,
) -> None:
    project.notebook(
        ("step:first", "import os\nx = os.urandom(8).hex()\nopen('x.txt', 'w').write(x)"),
        ("step:second prev:first", "print(x == open('x.txt').read())"),
    )
    both = [project.start("run", "nb.ipynb", "--json") for _ in range(2)]
    answers = [project.answer(each) for each in both]
    assert [each.code for each in answers] == [0, 0]
    one, other = (json.loads(each.out)["steps"] for each in answers)
    assert [step["after"] for step in one] == [step["after"] for step in other]
    assert project.ithaca("runs", "logs", "latest/second").out.endswith("True\n")
