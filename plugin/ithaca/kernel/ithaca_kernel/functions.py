"""How to pickle functions, closures and classes of the notebook.

cloudpickle copies the globals that a function reads into the pickle. Here a function of the
notebook has none of them in its pickle: its globals *are* the namespace of the kernel that loads
it, and the names that it reads are saved as separate values. Closure cells are pickled by identity,
so that two functions still share a cell.
"""

from __future__ import annotations

import dis
import functools
import gc
import pickle
import types
from importlib import import_module
from typing import Any, Dict, List, Set, Tuple

from . import rebuild
from .rebuild import by_reference, cloudpickle

_READS = {
    "LOAD_GLOBAL",
    "STORE_GLOBAL",
    "DELETE_GLOBAL",
    "LOAD_NAME",
    "LOAD_FROM_DICT_OR_GLOBALS",
}
_ATTRIBUTES = (
    "__qualname__",
    "__annotations__",
    "__kwdefaults__",
    "__defaults__",
    "__module__",
    "__doc__",
    "__type_params__",
)
_code_names: Dict[types.CodeType, Tuple[str, ...]] = {}


def global_names(code: types.CodeType) -> Tuple[str, ...]:
    """The global names that code uses, also in nested functions and classes."""
    known = _code_names.get(code)
    if known is None:
        names = {str(made.argval) for made in dis.get_instructions(code) if made.opname in _READS}
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                names.update(global_names(constant))
        known = _code_names[code] = tuple(sorted(names))
    return known


def names_used(thing: Any) -> Set[str]:
    """The global names that a definition uses: a function, or the functions inside a class."""
    found: Dict[int, types.FunctionType] = {}
    _find_functions(thing, found)
    return {name for function in found.values() for name in global_names(function.__code__)}


def _find_functions(thing: Any, found: Dict[int, types.FunctionType]) -> None:
    if isinstance(thing, types.FunctionType):
        if id(thing) in found or by_reference(thing):
            return
        found[id(thing)] = thing
    for part in _parts(thing):
        _find_functions(part, found)


def _parts(thing: Any) -> List[Any]:
    """The parts of a definition: its closure, the function that it wraps, a class's body."""
    if isinstance(thing, types.FunctionType):
        return [contents for cell in thing.__closure__ or () for contents in _contents(cell)]
    if isinstance(thing, (classmethod, staticmethod, types.MethodType)):
        return [thing.__func__]
    if isinstance(thing, property):
        return [thing.fget, thing.fset, thing.fdel]
    if type(thing) is lru_cache_type():
        cached: Any = thing
        return [cached.__wrapped__]
    if isinstance(thing, type) and not by_reference(thing):
        inside = thing.__qualname__ + "."
        parts = list(vars(thing).values())
        return [p for p in parts if not isinstance(p, type) or p.__qualname__.startswith(inside)]
    return []


def reduce_function(pickler: Any, function: types.FunctionType) -> Any:
    """The reduction of a function that cannot be imported."""
    if by_reference(function):
        return NotImplemented
    code = function.__code__
    used = global_names(code)
    names = function.__globals__
    own = names is pickler.namespace
    if own:
        pickler.globals.update(used)
    read = {} if own else {name: names[name] for name in used if name in names}
    closure = function.__closure__
    pickler.filled_cells.update(id(cell) for cell in closure or ())
    cells = tuple(_contents(cell) for cell in closure or ())
    visible = [names[name] for name in used if name in names] + [c[0] for c in cells if c]
    attributes = {key: getattr(function, key) for key in _ATTRIBUTES if hasattr(function, key)}
    state = {
        "cells": cells,
        "globals": read,
        "attributes": attributes,
        "dict": dict(function.__dict__),
        # Unpickling imports them: `package.part` exists only after an import of the part.
        "modules": cloudpickle._find_imported_submodules(code, visible),
    }
    target = names if own else pickler.foreign_globals(names)
    arguments = (code, target, function.__name__, closure)
    return rebuild.function, arguments, state, None, None, rebuild.set_function


def reduce_cell(pickler: Any, cell: types.CellType) -> Any:
    """The reduction of a closure cell; a function with it fills it later."""
    if id(cell) in pickler.filled_cells:
        return rebuild.cell, ()
    return rebuild.cell, (), _contents(cell), None, None, rebuild.set_cell


def reduce_class(cls: type) -> Any:
    """The reduction of a class: cloudpickle's, without random ids and in the order of its body."""
    reduced = cloudpickle._class_reduce(cls)
    if not isinstance(reduced, tuple) or len(reduced) != 6:
        return reduced
    make, arguments, (state, slots), _, _, setter = reduced
    # The last but one argument is a random id with which cloudpickle finds a loaded class again.
    # Here a class is in one object only, and equal classes must give equal bytes.
    arguments = (*arguments[:-2], None, None)
    order = {name: place for place, name in enumerate(cls.__dict__)}
    for name, value in cls.__dict__.items():
        if not name.startswith("__") and name not in state and _is_as_inherited(cls, name, value):
            state[name] = value  # cloudpickle leaves it out, and would follow the parent's changes
    state = dict(sorted(state.items(), key=lambda item: order.get(item[0], -1)))
    if "__orig_bases__" in state and type(cls) is type:  # `NamedTuple` would create a second class
        kept = {"__orig_bases__": state.pop("__orig_bases__")}
        arguments = (*arguments[:2], cls.__bases__, {**arguments[3], **kept}, *arguments[4:])
    if "__slots__" in state:  # they cannot be added once the class is made
        kept = {"__slots__": state.pop("__slots__")}
        arguments = (*arguments[:3], {**arguments[3], **kept}, *arguments[4:])
        members = types.MemberDescriptorType
        state = {name: part for name, part in state.items() if not isinstance(part, members)}
    if cls.__qualname__ != cls.__name__:
        state["__qualname__"] = cls.__qualname__
    if make is cloudpickle._make_skeleton_class and _has_code_of_the_notebook(cls):
        make = rebuild.bare_class
    return make, arguments, (state, slots), None, None, setter


def _is_as_inherited(cls: type, name: str, value: Any) -> bool:
    return any(vars(base).get(name) is value for base in cls.__mro__[1:])


def _has_code_of_the_notebook(cls: type) -> bool:
    """Whether creating a class runs code of the notebook."""
    if not all(by_reference(kind) for kind in type.mro(type(cls))):
        return True
    parents = [base for base in cls.__mro__[1:] if "__init_subclass__" in vars(base)]
    return any(not by_reference(base) for base in parents)


def reduce_method(_pickler: Any, method: types.MethodType) -> Any:
    """The reduction of a bound method: by its name where possible."""
    name = method.__func__.__name__ if hasattr(method.__func__, "__name__") else ""
    found = getattr(type(method.__self__), name, None) if name else None
    if found is method.__func__:
        return getattr, (method.__self__, name)
    return types.MethodType, (method.__func__, method.__self__)


def reduce_cached_function(_pickler: Any, function: Any) -> Any:
    """The reduction of a function under `functools.lru_cache`."""
    module = import_module(function.__module__) if function.__module__ != "__main__" else None
    if module is not None and getattr(module, function.__qualname__, None) is function:
        return NotImplemented
    settings = function.cache_parameters()
    arguments = (function.__wrapped__, settings["maxsize"], settings["typed"])
    return rebuild.cached_function, arguments, dict(function.__dict__)


def reduce_dict_view(kind: str) -> Any:
    """A reducer for `keys`, `values` or `items` that keeps their dict."""

    def reduce(_pickler: Any, seen: Any) -> Any:
        (owner,) = gc.get_referents(seen)
        return rebuild.dict_view, (owner, kind)

    return reduce


def reduce_mapping_proxy(_pickler: Any, proxy: Any) -> Any:
    """The reduction of a read-only view of a dict."""
    (owner,) = gc.get_referents(proxy)
    return types.MappingProxyType, (owner if len(proxy) else {},)


def reduce_memory(_pickler: Any, memory: memoryview) -> Any:
    """The reduction of a whole, flat memoryview."""
    whole = memoryview(memory.obj)
    if (memory.format, memory.shape, memory.strides) != (whole.format, whole.shape, whole.strides):
        raise pickle.PicklingError("a memoryview of a part of something")
    return memoryview, (memory.obj,)


def reduce_type_variable(_pickler: Any, variable: Any) -> Any:
    """The reduction of a `TypeVar`, without cloudpickle's random id."""
    reduced = cloudpickle._typevar_reduce(variable)
    if reduced[0] is getattr:
        return reduced
    make, arguments = reduced
    return make, (*arguments[:-1], None)


def refuse_file(_pickler: Any, file: Any) -> Any:
    """Refuse an open file, which cannot be saved."""
    raise pickle.PicklingError(f"an open file ({getattr(file, 'name', '?')})")


def lru_cache_type() -> type:
    """The type of a function under `functools.lru_cache`."""
    return type(functools.lru_cache(maxsize=None)(len))


def _contents(cell: types.CellType) -> Tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()
