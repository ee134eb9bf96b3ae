"""Checks settings that are written as Kubernetes documents them against its models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ithaca.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "str": ("a string", str),
    "datetime": ("a string", str),
    "int": ("an integer", int),
    "float": ("a number", (int, float)),
    "bool": ("true or false", bool),
}
"""What the models call types, how messages call them, and what they are in Python."""


def native(model: str, content: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Check a table of a setting, which becomes part of a Kubernetes object.

    Args:
        model: Its name in the core group of Kubernetes: `Toleration`.
        content: The table.
        place: The setting.

    Raises:
        UsageError: A field is unknown or missing, or its value has the wrong type (ITH650).

    Example:
        >>> native("Toleration", {"key": "gpu", "operator": "Exists"}, "tolerations")
        {'key': 'gpu', 'operator': 'Exists'}
    """
    for problem in _problems(content, f"V1{model}", ""):
        raise UsageError(
            "ITH650",
            f"invalid {model}: {problem}",
            where=place,
            cure=f"write it as Kubernetes documents {model}",
        )
    return dict(content)


def _problems(value: Any, kind: str, path: str) -> Iterator[str]:
    """What is wrong with a value.

    Args:
        value: The value.
        kind: Its type in the models: `str`, `list[V1Toleration]`, `dict(str, str)`, …; versions of
            the package spell it differently.
        path: Where it is.
    """
    items = re.fullmatch(r"list\[(.*)\]", kind, re.IGNORECASE)
    entries = re.fullmatch(r"dict[(\[]\w+, (.*)[)\]]", kind, re.IGNORECASE)
    if items:
        if not isinstance(value, (list, tuple)):
            yield _mismatch(path, "a list", value)
        else:
            for number, each in enumerate(value):
                yield from _problems(each, items[1], f"{path}[{number}]")
    elif entries:
        if not isinstance(value, dict):
            yield _mismatch(path, "a table", value)
        else:
            for key, each in value.items():
                yield from _problems(each, entries[1], f"{path}.{key}")
    elif kind in _TYPES:
        name, types = _TYPES[kind]
        # Booleans are integers in Python.
        if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
            yield _mismatch(path, name, value)
    elif kind.startswith("V1"):
        yield from _problems_of_model(value, kind, path)


def _problems_of_model(value: Any, kind: str, path: str) -> Iterator[str]:
    from kubernetes.client import models

    if not isinstance(value, dict):
        yield _mismatch(path, "a table", value)
        return
    model = getattr(models, kind)
    attributes = {field: name for name, field in model.attribute_map.items()}
    prefix = f"{path}." if path else ""
    for field, each in value.items():
        if field not in attributes:
            known = [f"{prefix}{one}" for one in attributes]
            yield f'unknown field "{prefix}{field}"{suggest(f"{prefix}{field}", known)}'
        else:
            yield from _problems(each, model.openapi_types[attributes[field]], prefix + field)
    for field, name in attributes.items():
        if field not in value and _is_required(model, name):
            yield f'missing field "{prefix}{field}"'


def _is_required(model: Any, name: str) -> bool:
    """Whether a field may not be left out: the models say so by what they accept."""
    if hasattr(model, "model_fields"):  # kubernetes 37 and later
        return bool(model.model_fields[name].is_required())
    from kubernetes.client import Configuration

    probe = model.__new__(model)
    probe.local_vars_configuration = Configuration()
    try:
        setattr(probe, name, None)
    except ValueError:
        return True
    return False


def _mismatch(path: str, expected: str, value: Any) -> str:
    return f'"{path}" must be {expected} (got {value!r})'
