from __future__ import annotations

import os
from pathlib import Path

from ithaca.backends.local import lock, supervisor
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records.journal import Journal
from ithaca.store import LocalStore
from run_documents import RUN, record_run


def test_settings_that_became_invalid_after_the_submission_fail_the_run_with_the_reason(
    tmp_path: Path,
) -> None:
    source = Source(notebook="n.ipynb", digest="d")
    workflow = Workflow(name="w", steps=(Step(name="a"),), source=source)
    store = LocalStore.open(tmp_path / "home" / "store")
    record_run(store, workflow, root=str(tmp_path))
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
