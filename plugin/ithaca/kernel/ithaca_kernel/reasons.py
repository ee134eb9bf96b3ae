"""Explains what a value is and why it cannot be saved."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional, Tuple

from .groups import Sink
from .pickler import Reference, ValuePickler

_DEPTH = 12
_WIDTH = 1000
_CURES = {
    "generator": "keep its items in a list, or create it in the step that uses it",
    "coroutine": "await it in this step",
    "lock": "create it in the step that uses it",
    "RLock": "create it in the step that uses it",
    "Thread": "join it in this step and keep its result",
    "socket": "open it in the step that uses it",
    "Connection": "keep the database's path or URL, and connect in the step that uses it",
    "TextIOWrapper": "keep the file's path, and open it in the step that uses it",
    "BufferedReader": "keep the file's path, and open it in the step that uses it",
    "BufferedWriter": "keep the file's path, and open it in the step that uses it",
    "memmap": "flush it and keep the file's path",
}


@dataclass(frozen=True)
class Reason:
    """Why a value cannot be saved.

    Attributes:
        reason: The problem, with the place inside the value.
        cure: What to do about it.
    """

    reason: str
    cure: str


def type_name(thing: Any) -> str:
    """A type as users write it: `pandas.DataFrame`, `list`, `Model`."""
    kind = type(thing)
    module = kind.__module__.split(".")[0]
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__name__}"


def describe(thing: Any) -> Dict[str, Any]:
    """A value's type and shape."""
    shape: Optional[list[int]] = None
    try:
        axes = getattr(thing, "shape", None)
        if isinstance(axes, tuple) and all(isinstance(n, int) for n in axes):
            shape = [int(n) for n in axes]
        elif isinstance(thing, (list, tuple, dict, set, frozenset)):
            shape = [len(thing)]
    except Exception:  # a property in the user's code failed
        shape = None
    return {"type": type_name(thing), "shape": shape}


def explain(
    name: str, namespace: Dict[str, Any], known: Dict[int, Reference], problem: Exception
) -> Reason:
    """Find the part of a value that cannot be pickled.

    Args:
        name: The value's name.
        namespace: The notebook's namespace.
        known: References to use instead of copies.
        problem: The exception from pickling the whole value.
    """
    path, thing = name, namespace[name]
    seen = {id(thing)}
    for _ in range(_DEPTH):
        for label, part in _parts(thing):
            if id(part) in seen:
                continue
            seen.add(id(part))
            failed = _failure(part, namespace, known)
            if failed is not None:
                path, thing, problem = path + label, part, failed
                break
        else:
            break
    kind = type(thing).__name__
    cure = _CURES.get(kind, f"keep what you need to create {path}, and create it where you use it")
    text = str(problem).split("\n")[0] or type(problem).__name__
    if path == name:
        return Reason(f"it cannot be pickled ({text})", cure)
    return Reason(f"{path} is a {type_name(thing)} ({text})", cure)


def _failure(
    thing: Any, namespace: Dict[str, Any], known: Dict[int, Reference]
) -> Optional[Exception]:
    try:
        ValuePickler(Sink(), namespace, known, lambda _buffer: None).dump(thing)
    except Exception as problem:
        return problem
    return None


def _parts(thing: Any) -> Iterator[Tuple[str, Any]]:
    """The parts of a value, each with the code that reaches it."""
    if isinstance(thing, dict):
        for key, part in list(thing.items())[:_WIDTH]:
            yield f"[{key!r}]", part
    elif isinstance(thing, (list, tuple)):
        for place, part in enumerate(thing[:_WIDTH]):
            yield f"[{place}]", part
    elif isinstance(thing, types.FunctionType):
        for variable, cell in _closure(thing):
            yield f" (its variable {variable})", cell
    elif isinstance(thing, types.MethodType):
        yield ".__self__", thing.__self__
    elif not isinstance(thing, type):
        for attribute, part in list(getattr(thing, "__dict__", {}).items())[:_WIDTH]:
            yield f".{attribute}", part


def _closure(function: types.FunctionType) -> Iterator[Tuple[str, Any]]:
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):  # noqa: B905
        try:
            yield variable, cell.cell_contents
        except ValueError:
            continue
