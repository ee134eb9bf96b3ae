"""Settings that are written as Kubernetes documents them, checked against its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_Model = TypeVar("_Model", bound=BaseModel)


def native(model: type[_Model], content: Mapping[str, Any], setting: str) -> _Model:
    """A table of a setting as an object of Kubernetes.

    Args:
        model: What it is.
        content: The table.
        setting: Name of the setting.

    Raises:
        UsageError: A field has a wrong value, or there is none of this name.
    """
    try:
        found = model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(model, setting, f"{place}: {first['msg']}") from None
    # hera's models drop what they do not know, and a misspelt field would be lost silently.
    lost = _lost(content, found.model_dump(mode="json", by_alias=True, exclude_none=True))
    if lost:
        raise _refused(model, setting, f"{lost}: there is no such field")
    return found


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


def _refused(model: type[BaseModel], setting: str, why: str) -> UsageError:
    return UsageError(
        "ITH650",
        f"Kubernetes does not take {why}",
        where=f"tool.ithaca.argo.{setting}",
        cure=f"write it as Kubernetes documents {model.__name__}",
    )
