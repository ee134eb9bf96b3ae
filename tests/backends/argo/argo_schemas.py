"""Argo's own schemas, made as strict as the API server is with strict field validation."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]


def folder() -> Path | None:
    """Where the definitions are: `ITHACA_CRDS`, or `shared/crds` beside the checkout."""
    told = os.environ.get("ITHACA_CRDS")
    places = [Path(told)] if told else [up / "shared" / "crds" for up in ROOT.parents]
    found = [place / "argo" for place in places if (place / "argo").is_dir()]
    return found[0] if found else None


@cache
def schema(kind: str) -> dict[str, Any]:
    """The schema of a kind."""
    place = folder()
    if place is None:
        pytest.skip("Argo's definitions are not beside the checkout; ITHACA_CRDS may name them")
    definition = yaml.load((place / f"{kind.lower()}s.yaml").read_text(), yaml.CSafeLoader)
    found = strict(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    found["properties"]["metadata"] = {"type": "object"}
    return found


def strict(content: Any) -> Any:
    """Unknown fields fail, but where the definition keeps them."""
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


def problems(document: dict[str, Any]) -> list[str]:
    """What the API server would not take."""
    checker = jsonschema.Draft202012Validator(schema(document["kind"]))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)]
