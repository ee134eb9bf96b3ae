"""Arguments: the values of a workflow's parameters, from the command line or from Python."""

from __future__ import annotations

import json
import math
from ast import literal_eval
from collections.abc import Mapping, Sequence
from typing import Any

from ithaca.errors import UsageError, suggest
from ithaca.model.workflow import Parameter

_BOOLEAN = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip
_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "list": "a list, such as [1, 2]",
    "dict": 'an object, such as {"a": 1}',
}


class _WrongType(Exception):
    """A value that does not have its parameter's type."""


def parse_arguments(texts: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Parse `name=value` texts into typed values.

    Args:
        texts: The arguments of `-p`, in order.
        parameters: The workflow's parameters.

    Returns:
        The given values, by name.

    Raises:
        UsageError: No `=`, an unknown name, a name given twice, or a value of the wrong type.

    Example:
        >>> parse_arguments(["lr=0.1"], [Parameter(name="lr", type="float", default=1.0)])
        {'lr': 0.1}
    """
    known = {parameter.name: parameter for parameter in parameters}
    given: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise UsageError("ITH322", f"{text!r} has no value", cure="write NAME=VALUE")
        if name in given:
            raise UsageError("ITH322", f'parameter "{name}" is given twice', cure="give it once")
        parameter = _known(name, known)
        try:
            given[name] = _from_text(value, parameter.type)
        except (_WrongType, LookupError, ValueError, SyntaxError, RecursionError, MemoryError):
            raise _wrong_type(parameter, value, parameters) from None
    return given


def complete_arguments(given: Mapping[str, Any], parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Add the defaults of parameters that were not given.

    Args:
        given: Typed values by name, as Python callers pass them.
        parameters: The workflow's parameters.

    Returns:
        A value for every parameter, in the workflow's order.

    Raises:
        UsageError: An unknown name, or a value of the wrong type.
    """
    known = {parameter.name: parameter for parameter in parameters}
    result = {parameter.name: parameter.default for parameter in parameters}
    for name, value in given.items():
        parameter = _known(name, known)
        try:
            result[name] = _fitting(value, parameter.type)
        except _WrongType:
            raise _wrong_type(parameter, repr(value), parameters) from None
    return result


def _known(name: str, known: Mapping[str, Parameter]) -> Parameter:
    if name in known:
        return known[name]
    raise UsageError(
        "ITH320",
        f'unknown parameter "{name}"' + suggest(name, known),
        cure=_listed(tuple(known.values())),
    )


def _wrong_type(parameter: Parameter, value: str, parameters: Sequence[Parameter]) -> UsageError:
    return UsageError(
        "ITH321",
        f'parameter "{parameter.name}" must be {_WANTED.get(parameter.type, parameter.type)} '
        f"(got {value or 'nothing'})",
        cure=_listed(parameters),
    )


def _listed(parameters: Sequence[Parameter]) -> str:
    if not parameters:
        return "define parameters in a cell tagged `pipeline-parameters`"
    shown = ", ".join(f"{one.name} ({one.type}, {one.default!r})" for one in parameters)
    return f"parameters are: {shown}"


def _from_text(text: str, kind: str) -> Any:
    if kind == "str":
        return _fitting(text, kind)
    text = text.strip()
    if kind == "bool":
        return _BOOLEAN[text.lower()]
    if kind == "int":
        return int(text)
    if kind == "float":
        return _fitting(float(text), kind)
    if kind == "none":
        # The default has no type: use a literal if the text is one, else the text itself.
        try:
            return _fitting(_literal(text), kind)
        except (ValueError, SyntaxError, _WrongType):
            return text
    return _fitting(_literal(text), kind)


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return literal_eval(text)


def _fitting(value: Any, kind: str) -> Any:
    """A value, converted to its parameter's type.

    Refuses values that JSON cannot represent, because JSON carries arguments to every step.
    """
    if kind == "float" and type(value) is int:
        value = float(value)
    if kind == "list" and isinstance(value, tuple):
        value = list(value)
    if kind != "none" and type(value).__name__ != kind:
        raise _WrongType
    if not _is_json(value):
        raise _WrongType
    return value


def _is_json(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int)):
        return True
    if isinstance(value, str):
        # An argument of the shell that is not UTF-8 has half a surrogate pair.
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return all(_is_json(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return False
