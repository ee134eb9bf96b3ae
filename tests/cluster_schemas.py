"""The schemas of the engines' objects, as strict as the API server with strict field validation."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def folder(engine: str) -> Path | None:
    """The folder of the definitions: `ITHACA_CRDS`, or `shared/crds` beside the checkout."""
    chosen = os.environ.get("ITHACA_CRDS")
    places = [Path(chosen)] if chosen else [up / "shared" / "crds" for up in ROOT.parents]
    found = [place / engine for place in places if (place / engine).is_dir()]
    return found[0] if found else None


@cache
def schema(engine: str, kind: str) -> dict[str, Any]:
    """The schema of a kind, in the version that the cluster stores."""
    place = folder(engine)
    if place is None:
        pytest.skip(
            f"{engine}'s definitions are not beside the checkout; ITHACA_CRDS may name them"
        )
    (path,) = [
        one for one in place.glob("*.yaml") if one.stem in (kind.lower(), f"{kind.lower()}s")
    ]
    definition = yaml.load(path.read_text(), yaml.CSafeLoader)
    (version,) = [one for one in definition["spec"]["versions"] if one["storage"]]
    found = strict(version["schema"]["openAPIV3Schema"])
    found["properties"]["metadata"] = {"type": "object"}
    return found


def strict(content: Any) -> Any:
    """The schema with unknown fields forbidden, except where the definition preserves them."""
    if isinstance(content, list):
        return [strict(each) for each in content]
    if not isinstance(content, dict):
        return content
    found = {key: strict(value) for key, value in content.items() if key != "properties"}
    if isinstance(content.get("properties"), dict):
        found["properties"] = {key: strict(value) for key, value in content["properties"].items()}
        if not content.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    if content.get("x-kubernetes-int-or-string"):
        found.pop("type", None)
        found["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return found


def problems(engine: str, document: dict[str, Any]) -> list[str]:
    """The reasons for which the API server would refuse an object, or one that is inside it."""
    found: list[str] = []
    for each in (document, *_inner(document)):
        checker = jsonschema.Draft202012Validator(schema(engine, each["kind"]))
        content = {"apiVersion": document["apiVersion"], "metadata": {}, **each}
        found += [f"{one.json_path}: {one.message}" for one in checker.iter_errors(content)]
    return found


def _inner(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The Pipeline and the Tasks inside an object of Tekton, whose schema leaves them open."""
    spec = document["spec"]
    pipeline = spec if document["kind"] == "Pipeline" else spec.get("pipelineSpec")
    if pipeline is None:
        return []
    tasks = [*pipeline["tasks"], *pipeline.get("finally", ())]
    inner = [{"kind": "Task", "spec": each["taskSpec"]} for each in tasks if "taskSpec" in each]
    return [*([] if pipeline is spec else [{"kind": "Pipeline", "spec": pipeline}]), *inner]
