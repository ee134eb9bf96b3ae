"""The functions that pickles call when they are loaded.

Their names are part of the format of values: add new ones, but never rename one.
"""

from __future__ import annotations

import builtins
import functools
import types
from importlib import import_module
from typing import Any, Callable, Dict, Optional, Tuple

cloudpickle: Any = import_module("._cloudpickle.cloudpickle", __package__)


def array(buffer: Any, dtype: Any, shape: Tuple[int, ...], strides: Tuple[int, ...]) -> Any:
    """An array over a dense buffer, in any order of its axes."""
    import numpy as np

    return np.ndarray(shape, dtype, buffer, 0, strides)


def view(
    owner: Any,
    offset: int,
    dtype: Any,
    shape: Tuple[int, ...],
    strides: Tuple[int, ...],
    writeable: bool,
) -> Any:
    """An array that shares the memory of another object."""
    import numpy as np

    memory = flat(owner) if isinstance(owner, np.ndarray) else owner
    made = np.ndarray(shape, dtype, memory, offset, strides)
    if not writeable:
        made.flags.writeable = False
    return made


def flat(owner: Any) -> Any:
    """A dense array as one axis in the order of its memory, without a copy.

    Raises:
        ValueError: The array has gaps.
    """
    order = memory_order(owner)
    if order is None:
        raise ValueError("the array is not dense in memory")
    return owner.transpose(order).reshape(-1)


def memory_order(array: Any) -> Optional[Tuple[int, ...]]:
    """The axes from the slowest to the fastest; None when the memory has gaps."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    order = tuple(sorted(range(array.ndim), key=lambda axis: -array.strides[axis]))
    return order if array.transpose(order).flags.c_contiguous else None


def block_references() -> Any:
    """The references that pandas blocks in the same memory share (copy on write)."""
    internals = import_module("pandas._libs.internals")
    return internals.BlockValuesRefs()


def block(make: Callable[..., Any], arguments: Tuple[Any, ...], references: Any) -> Any:
    """A pandas block with the references that it shares."""
    made = make(*arguments)
    references.add_reference(made)
    made.refs = references
    return made


def cell() -> Any:
    """An empty closure cell; a function fills it later."""
    return types.CellType()


def set_cell(made: Any, contents: Tuple[Any, ...]) -> None:
    """Fill a closure cell."""
    if contents:
        made.cell_contents = contents[0]


def function(
    code: types.CodeType,
    names: Dict[str, Any],
    name: str,
    closure: Optional[Tuple[Any, ...]],
) -> Any:
    """A function over a namespace; `set_function` fills its closure."""
    names.setdefault("__builtins__", builtins)
    return types.FunctionType(code, names, name, None, closure)


def set_function(made: Any, state: Dict[str, Any]) -> None:
    """Set a function's attributes and defaults, and fill its closure."""
    for place, contents in zip(made.__closure__ or (), state["cells"]):  # noqa: B905 (Python 3.9)
        set_cell(place, contents)
    made.__globals__.update(state["globals"])
    for attribute, value in state["attributes"].items():
        setattr(made, attribute, value)
    made.__dict__.update(state["dict"])


def cached_function(wrapped: Any, maxsize: Optional[int], typed: bool) -> Any:
    """A function under `lru_cache`, with an empty cache."""
    return functools.lru_cache(maxsize=maxsize, typed=typed)(wrapped)


def dict_view(owner: Any, kind: str) -> Any:
    """`keys`, `values` or `items` of a dict."""
    return getattr(owner, kind)()


def bare_class(
    kind: Any, name: str, bases: Tuple[Any, ...], arguments: Dict[str, Any], *_: Any
) -> Any:
    """A class without its body, created without running the notebook's own code.

    Metaclasses and `__init_subclass__` of the notebook already ran when the class was created
    first; the values contain their effects.
    """
    names, resolved = dict(arguments), types.resolve_bases(bases)
    if resolved is not bases:
        names["__orig_bases__"] = bases
    makers = (each for each in kind.__mro__ if "__new__" in vars(each))
    maker = next(each for each in makers if by_reference(each))
    parents = {parent for base in resolved for parent in base.__mro__}
    hooks = {
        parent: vars(parent)["__init_subclass__"]
        for parent in parents
        if "__init_subclass__" in vars(parent) and not by_reference(parent)
    }
    for parent in hooks:
        type.__setattr__(parent, "__init_subclass__", classmethod(_do_nothing))
    try:
        return maker.__new__(kind, name, resolved, names)
    finally:
        for parent, method in hooks.items():
            type.__setattr__(parent, "__init_subclass__", method)


def _do_nothing(*_: Any, **__: Any) -> None:
    """An `__init_subclass__` that does nothing."""


def by_reference(thing: Any) -> bool:
    """Whether a function or class can be imported, so that its name is enough."""
    return bool(cloudpickle._should_pickle_by_reference(thing))
