"""Documents of runs, as a submission writes them."""

from __future__ import annotations

from typing import Any

import msgspec

from ithaca.model.run import RunDocument
from ithaca.model.workflow import Workflow
from ithaca.records import names
from ithaca.store import Store

RUN = "01JAAAAAAAAAAAAAAAAAAAAAAA"


def run_document(**fields: Any) -> RunDocument:
    """The document of a run; `fields` replaces or adds fields."""
    defaults = {
        "id": RUN,
        "created": 1.0,
        "workflow": "w" * 64,
        "name": "w",
        "source": "5" * 64,
        "notebook": "nb.ipynb",
        "root": "/project",
        "python": "python",
        "environment": "e",
    }
    return RunDocument(**{**defaults, **fields})


def record_run(store: Store, workflow: Workflow, /, **fields: Any) -> RunDocument:
    """Write a workflow and the document of a run of it to a store."""
    document = run_document(
        **{
            "workflow": store.put(workflow.to_json().encode()),
            "name": workflow.name,
            "arguments": {each.name: each.default for each in workflow.parameters},
            "notebook": workflow.source.notebook,
            **fields,
        }
    )
    store.create(names.run(document.id), msgspec.json.encode(document))
    return document
