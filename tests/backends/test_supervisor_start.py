from __future__ import annotations

import os
from pathlib import Path

import msgspec

from ithaca.backends.local import lock, supervisor
from ithaca.model.run import RunDocument
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.store import LocalStore

RUN = "01JAAAAAAAAAAAAAAAAAAAAAAA"


def test_settings_that_became_invalid_after_the_submission_fail_the_run_with_the_reason(
    tmp_path: Path,
) -> None:
    source = Source(notebook="n.ipynb", digest="d")
    workflow = Workflow(name="w", steps=(Step(name="a"),), source=source)
    store = LocalStore.open(tmp_path / "home" / "store")
    document = RunDocument(
        id=RUN,
        created=1.0,
        workflow=store.put(workflow.to_json().encode()),
        name="w",
        source="s",
        notebook="n.ipynb",
        root=str(tmp_path),
        python="python",
        environment="e",
    )
    store.create(names.run(RUN), msgspec.json.encode(document))
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca\n")
    held = lock.hold(tmp_path / "lock")
    try:
        assert supervisor.main([str(tmp_path / "home"), RUN, str(held)]) == 1
    finally:
        os.close(held)
    end = Journal(store, RUN).ended()
    assert end is not None
    assert end.status == "failed"
    assert "pyproject.toml: cannot read the project's settings" in end.message
