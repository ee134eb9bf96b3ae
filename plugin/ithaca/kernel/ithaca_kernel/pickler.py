"""The pickler and unpickler of values, which keep shared objects that Python's own duplicate."""

from __future__ import annotations

import collections
import copyreg
import dataclasses
import io
import os
import pickle
import random
import sys
import types
from collections import ChainMap
from typing import Any, Callable, Collection, Dict, Iterable, Optional, Set, Tuple

from . import arrays, frames, functions
from .rebuild import cloudpickle

PROTOCOL = 5
Reference = Tuple[str, ...]

_TABLE: Any = ChainMap({}, cloudpickle.Pickler._dispatch_table, copyreg.dispatch_table)
_REDUCERS: Dict[type, Callable[[Any, Any], Any]] = {
    types.FunctionType: functions.reduce_function,
    types.CellType: functions.reduce_cell,
    types.MethodType: functions.reduce_method,
    types.MappingProxyType: functions.reduce_mapping_proxy,
    functions.lru_cache_type(): functions.reduce_cached_function,
    memoryview: functions.reduce_memory,
    type(cloudpickle.typing.TypeVar("T")): functions.reduce_type_variable,
    io.TextIOWrapper: functions.refuse_file,
    **{
        type(getattr(kind(), view)()): functions.reduce_dict_view(view)
        for kind in (dict, collections.OrderedDict)
        for view in ("keys", "values", "items")
    },
}


class ValuePickler(pickle.Pickler):
    """Pickles values of the notebook's namespace.

    Args:
        file: Receives the pickle.
        namespace: The notebook's namespace.
        known: References to use instead of copies, by id.
        buffers: Receives out-of-band buffers; None for a pickle in one piece.
        own: The object whose parts are pickled by value although `known` has them.
        lone: Ids of arrays whose memory no other array uses.

    Attributes:
        globals: Global names that pickled functions use.
        references: The references that it used.
    """

    dispatch_table = _TABLE

    def __init__(
        self,
        file: Any,
        namespace: Dict[str, Any],
        known: Dict[int, Reference],
        buffers: Optional[Callable[[pickle.PickleBuffer], Any]] = None,
        *,
        own: str = "",
        lone: Collection[int] = (),
    ) -> None:
        super().__init__(file, protocol=PROTOCOL, buffer_callback=buffers)
        self.namespace = namespace
        self.known = known
        self.own = own
        self.lone = lone
        self.globals: Set[str] = set()
        self.references: Set[Reference] = set()
        self.filled_cells: Set[int] = set()
        self._foreign: Dict[int, Tuple[Dict[str, Any], Dict[str, Any]]] = {}

    def persistent_id(self, thing: Any) -> Any:
        """The reference to an object, or None to copy it."""
        reference = self.known.get(id(thing))
        if reference is None or (reference[0] == "object" and reference[1] == self.own):
            return None
        self.references.add(reference)
        return reference

    def reducer_override(self, thing: Any) -> Any:
        """The reduction of objects that the default would copy, split or refuse."""
        kind = type(thing)
        reducer = _REDUCERS.get(kind)
        if reducer is not None:
            return reducer(self, thing)
        if issubclass(kind, type):
            return functions.reduce_class(thing)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(thing, getattr(numpy, "ndarray", ())):
            return self.reduce_array(thing)
        return self._reduce_in_frame(thing)

    def _reduce_in_frame(self, thing: Any) -> Any:
        block = frames.block_type()
        if block is None:
            return NotImplemented
        if isinstance(thing, block):
            return self.reduce_block(thing)
        if type(thing) is frames.references_type():
            return frames.reduce_references(self, thing)
        if type(thing) is frames.column_type():
            return frames.reduce_column(self, thing)
        return NotImplemented

    def reduce_array(self, array: Any) -> Any:
        """The reduction of an array; types other than `ndarray` have their own."""
        if type(array).__name__ == "memmap" and getattr(array, "mode", "r") in ("r+", "w+"):
            raise pickle.PicklingError("an array that is mapped to a file for writing")
        if type(array) is not sys.modules["numpy"].ndarray:
            return NotImplemented
        return arrays.reduce_array(array, self.lone)

    def reduce_block(self, block: Any) -> Any:
        """The reduction of a block of a pandas object."""
        return frames.reduce_block(self, block)

    def foreign_globals(self, names: Dict[str, Any]) -> Dict[str, Any]:
        """The replacement for globals other than the namespace, common to all their functions."""
        made = self._foreign.get(id(names))
        if made is None:
            kept = ("__package__", "__name__", "__path__", "__file__")
            made = (names, {key: names[key] for key in kept if key in names})
            self._foreign[id(names)] = made
        return made[1]


class ValueUnpickler(pickle.Unpickler):
    """Loads values into a namespace.

    Args:
        file: The pickle.
        buffers: The out-of-band buffers, in order.
        resolve: Finds the object of a reference.
        find_main: Finds a name in `__main__`, which is the notebook itself.
    """

    def __init__(
        self,
        file: Any,
        buffers: Iterable[Any],
        resolve: Callable[[Reference], Any],
        find_main: Callable[[str], Any],
    ) -> None:
        super().__init__(file, buffers=buffers)
        self._resolve = resolve
        self._find_main = find_main

    def persistent_load(self, reference: Any) -> Any:
        """The object of a reference."""
        return self._resolve(reference)

    def find_class(self, module: str, name: str) -> Any:
        """The object of a name in a module."""
        return self._find_main(name) if module == "__main__" else super().find_class(module, name)


def without(known: Dict[int, Reference], kind: str, names: Collection[str]) -> Dict[int, Reference]:
    """References, except those to some definitions or objects.

    Args:
        known: References by id.
        kind: `definition` or `object`.
        names: Names of the definitions, or ids of the objects.
    """
    return {key: r for key, r in known.items() if not (r[0] == kind and r[1] in names)}


_ALIVE: Dict[int, Any] = {}


def held(thing: Any) -> int:
    """The id of a thing, which stays alive as long as the kernel.

    References are found by id until the step ends. If a replaced method or `sys.stdout` were freed,
    one of the user's values could get its id.
    """
    _ALIVE[id(thing)] = thing
    return id(thing)


# Of two names of one object the first counts.
_SINGLETONS = {
    sys: ("stdout", "stderr", "stdin", "__stdout__", "__stderr__", "path", "modules", "argv"),
    os: ("environ",),
    random: ("_inst",),
    dataclasses: ("MISSING", "_HAS_DEFAULT_FACTORY", "KW_ONLY", "_EMPTY_METADATA"),
}


def singletons() -> Dict[int, Reference]:
    """References to objects of the process, by id."""
    things: Dict[int, Reference] = {}
    for module, names in _SINGLETONS.items():
        for name in names:
            thing = getattr(module, name, None)
            if thing is not None:
                things.setdefault(held(thing), ("singleton", module.__name__, name))
    legacy = sys.modules.get("numpy.random.mtrand")
    if legacy is not None:
        things[held(legacy._rand)] = ("singleton", "numpy.random.mtrand", "_rand")
    return things
