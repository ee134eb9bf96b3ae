"""The schemas of engines' own objects, made as strict as the API server is when it is asked to."""

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
    """Where the definitions are: `ITHACA_CRDS`, or `shared/crds` beside the checkout."""
    told = os.environ.get("ITHACA_CRDS")
    places = [Path(told)] if told else [up / "shared" / "crds" for up in ROOT.parents]
    found = [place / engine for place in places if (place / engine).is_dir()]
    return found[0] if found else None


@cache
def schema(engine: str, kind: str) -> dict[str, Any]:
    """The schema of a kind, of the version that is stored."""
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


def problems(engine: str, document: dict[str, Any]) -> list[str]:
    """What the API server would not take."""
    checker = jsonschema.Draft202012Validator(schema(engine, document["kind"]))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(document)]
