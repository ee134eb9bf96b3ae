"""Settings that are written as Kubernetes documents them, checked against its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def native(model: str, content: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A table of a setting as an object of Kubernetes.

    Args:
        model: What Kubernetes calls it, of its core group: `Toleration`.
        content: The table.
        place: Where it is written.

    Raises:
        UsageError: A field has a wrong value, or there is none of this name.

    Example:
        >>> native("Toleration", {"key": "gpu", "operator": "Exists"}, "tolerations")
        {'key': 'gpu', 'operator': 'Exists'}
    """
    from lightkube.models import core_v1

    try:
        found = msgspec.convert(dict(content), type=getattr(core_v1, model))
    except msgspec.ValidationError as error:
        said, _, field = str(error).partition(" - at ")
        wrong = field.strip("`").removeprefix("$.") or "it"
        raise _refused(model, f"{wrong}: {said[:1].lower()}{said[1:]}", place) from None
    # What the model does not know it drops, and a misspelt field would be lost silently.
    lost = _lost(content, msgspec.to_builtins(found))
    if lost:
        raise _refused(model, f"{lost}: there is no such field", place)
    return dict(content)


def _lost(content: Any, kept: Any, place: str = "") -> str:
    """The place of the first field that is not kept; empty when all are."""
    if isinstance(content, dict) and isinstance(kept, dict):
        for key, value in content.items():
            inner = f"{place}.{key}" if place else str(key)
            if key not in kept:
                return inner
            if lost := _lost(value, kept[key], inner):
                return lost
    elif isinstance(content, (list, tuple)) and isinstance(kept, list):
        for value, other in zip(content, kept, strict=True):
            if lost := _lost(value, other, place):
                return lost
    return ""


def _refused(model: str, why: str, place: str) -> UsageError:
    return UsageError(
        "ITH650",
        f"Kubernetes does not take {why}",
        where=place,
        cure=f"write it as Kubernetes documents {model}",
    )
