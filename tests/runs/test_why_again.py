from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ithaca.model.run import PlannedStep, RunEnd
from ithaca.model.workflow import Parameter, Source, Step, Workflow
from ithaca.planning.keys import reuse_filter
from ithaca.records import names
from ithaca.runs.reasons import why_again
from ithaca.store import Ignore, LocalStore, take
from run_documents import run_document

FIRST, SECOND = "01JAAAAAAAAAAAAAAAAAAAAAAA", "01JBBBBBBBBBBBBBBBBBBBBBBB"


class Project:
    """Submits runs of one notebook without running them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.root.mkdir()
        (self.root / "a.csv").write_text("1")
        self.store = LocalStore.open(folder / "store")

    def run(self, run_id: str, *, code: str = "c", **changed: Any) -> tuple[str, ...]:
        workflow = Workflow(
            name="w",
            parameters=(Parameter(name="lr", type="float", default=0.1),),
            steps=(
                Step(name="load", code_digest=code, parameters=("lr",)),
                Step(name="train", needs=("load",), code_digest="t"),
            ),
            source=Source(notebook="n.ipynb", digest="d"),
        )
        document = run_document(
            **{
                "id": run_id,
                "workflow": self.store.put(workflow.to_json().encode()),
                "arguments": {"lr": 0.1},
                "source": take(self.store, self.root, ignore=Ignore()).digest,
                "plan": (
                    PlannedStep(step="load", action="run", key="k"),
                    PlannedStep(step="train", action="run"),
                ),
                **changed,
            }
        )
        counts = reuse_filter(self.store, document.reuse_ignore, cache=self.folder)
        told = why_again(self.store, workflow, document, counts)
        self.store.create(names.run(run_id), msgspec.json.encode(document))
        end = RunEnd(status="succeeded", ended=2.0)
        self.store.create(names.run(run_id, "end"), msgspec.json.encode(end))
        return told


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = Project(tmp_path)
    assert found.run(FIRST) == ()
    return found


def test_files_that_changed_are_named_with_what_lets_them_not_count(project: Project) -> None:
    for name in ("NOTES.md", "a.csv", "b.csv", "c.csv"):
        (project.root / name).write_text("2")
    (told,) = project.run(SECOND)
    assert told == (
        f"not reused, because since run {FIRST} the project's files changed: NOTES.md, a.csv, "
        "b.csv (+1 more) (list files that do not matter under [tool.ithaca.reuse] `ignore`)"
    )


def test_files_that_do_not_count_are_no_reason(project: Project) -> None:
    (project.root / "NOTES.md").write_text("2")
    assert project.run(SECOND, reuse_ignore=("*.md",)) == ()


def test_parameters_code_and_the_environment_are_reasons(project: Project) -> None:
    (told,) = project.run(SECOND, code="other", arguments={"lr": 0.2}, environment="f")
    assert told.endswith(
        "the environment changed (what the kernel can import); parameters changed: lr; "
        "the code of steps changed: load"
    )


def test_nothing_is_said_when_nothing_runs_again_or_reuse_is_off(project: Project) -> None:
    reused = (
        PlannedStep(step="load", action="reuse", key="k", execution="x"),
        PlannedStep(step="train", action="reuse", key="l", execution="y"),
    )
    assert project.run(SECOND, code="other", plan=reused) == ()
    assert project.run("01JCCCCCCCCCCCCCCCCCCCCCCC", code="other", reuse=False) == ()
