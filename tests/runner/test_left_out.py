from __future__ import annotations

import pytest
from step_project import Project, step

pytestmark = pytest.mark.slow


def test_a_step_lists_its_files_that_later_steps_do_not_get(project: Project) -> None:
    (project.root / ".ithacaignore").write_text("/scratch/\n*.tmp\n")
    write = (
        "import os\n"
        "for folder in ('scratch', '__pycache__', '.cache', 'data'): os.mkdir(folder)\n"
        "for path in ('scratch/a', '__pycache__/b.pyc', '.cache/c', 'data/d.csv', 'data/e.tmp'):\n"
        "    open(path, 'w').close()"
    )
    project.define(step("a", write), step("b", "1"))
    notices = project.run("a").notices
    assert [each for each in notices if "later steps do not see" in each] == [
        "files left out of the snapshot, so later steps do not see them: data/e.tmp, scratch "
        "(a line `!PATH` in `.ithacaignore` includes a file)"
    ]
    assert project.run("b").notices == ()


def test_the_list_names_at_most_five_files(project: Project) -> None:
    (project.root / ".ithacaignore").write_text("*.tmp\n")
    project.define(step("a", "for n in range(7): open(f'{n}.tmp', 'w').close()"))
    (notice,) = project.run("a").notices
    assert "0.tmp, 1.tmp, 2.tmp, 3.tmp, 4.tmp and 2 more" in notice
