"""The JSON Schema of the IR, made from the model so that the two cannot differ."""

from __future__ import annotations

from typing import Any

import msgspec

from ithaca.model.workflow import IR_VERSION, Workflow

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `ithaca compile` prints.

    Returns:
        A document of its own; `$id` carries the IR's version.
    """
    (reference,), components = msgspec.json.schema_components(
        [Workflow], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": DIALECT,
        "$id": f"urn:ithaca:workflow:{IR_VERSION}",
        "title": "Ithaca workflow",
        **reference,
        "$defs": {name: components[name] for name in sorted(components)},
    }
