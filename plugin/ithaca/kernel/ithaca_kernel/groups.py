"""Which names belong together: those that share a mutable object.

Two names that reach one mutable object must be saved together, or they would no longer share it.
Names that share only immutable objects (text, dates, labels of a frame) must be saved separately,
or they would conflict at joins for no reason.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import inspect
import ipaddress
import logging
import pathlib
import pickle
import re
import sys
import types
import uuid
from collections import Counter
from typing import Any, Dict, Iterable, List, Set, Tuple

from . import arrays, frames, rebuild
from .pickler import Reference, ValuePickler

_ATOMS: Set[Any] = {
    type(None), bool, int, float, complex, str, bytes, tuple, frozenset, range, slice,
    type(Ellipsis), type(NotImplemented), pickle.PickleBuffer, types.CodeType, types.ModuleType,
    types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.ClassMethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType,
    types.MappingProxyType, types.MethodType, re.Pattern, decimal.Decimal, fractions.Fraction,
    uuid.UUID, classmethod, staticmethod, property, inspect.Signature, inspect.Parameter,
    dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone,
    types.GenericAlias, getattr(types, "UnionType", type(None)),
}  # fmt: skip
_CONTAINERS = {list, dict, set, bytearray}
_IMMUTABLE: Tuple[type, ...] = (
    dt.tzinfo, dt.date, dt.time, dt.timedelta, enum.Enum,
    pathlib.PurePath, logging.Logger, ipaddress.IPv4Address, ipaddress.IPv6Address,
)  # fmt: skip
# Modules whose objects never change: type hints, pandas' scalars, and pyarrow's read-only arrays.
_IMMUTABLE_MODULES = ("typing", "typing_extensions", "pandas._libs.tslibs", "pyarrow")
# CPython's flag of a class that is not built in; `NoneType` and the like have no module.
_HEAP_TYPE = 1 << 9
# Types that can own the memory of arrays.
_OWNERS = {"ndarray", "memmap", "matrix", "recarray", "MaskedArray", "bytearray", "array"}


class Sink:
    """A file that only counts."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Any) -> int:
        """Count the bytes."""
        size = len(data)
        self.size += size
        return size


class Collector(ValuePickler):
    """Pickles without output, to find the mutable objects that a value reaches.

    Args:
        namespace: The notebook's namespace.
        known: References to use instead of copies.

    Attributes:
        strong: Ids of the mutable objects that the value reaches.
        weak: Ids that it reaches only inside copy-on-write or immutable objects; they count as
            shared only with a value that reaches them directly.
        kept: Temporary objects, kept alive so that no id is used twice.
        visits: How often an array was reached.
        views: Owner's id to the ids of the arrays that use a part of its memory.
    """

    def __init__(self, namespace: Dict[str, Any], known: Dict[int, Reference]) -> None:
        self.sink = Sink()
        super().__init__(self.sink, namespace, known, self._count)
        self.strong: Set[int] = set()
        self.weak: Set[int] = set()
        self.kept: List[Any] = []
        self.visits: Counter[int] = Counter()
        self.views: Dict[int, Set[int]] = {}
        self.size = 0

    def collect(self, value: Any) -> None:
        """Visit everything that a value reaches."""
        self.dump(value)
        self.size += self.sink.size
        self.strong -= self.weak

    def persistent_id(self, thing: Any) -> Any:
        """Record the object, unless it has a reference or is immutable."""
        if id(thing) in self.known:
            return super().persistent_id(thing)
        kind = type(thing)
        if kind in _CONTAINERS or (kind not in _ATOMS and not is_immutable(thing)):
            self.kept.append(thing)
            self.strong.add(id(thing))
            if kind.__name__ in _OWNERS:
                self.visits[id(thing)] += 1
        return None

    def reducer_override(self, thing: Any) -> Any:
        """Treat labels and class attributes of frames as shared but immutable."""
        index = frames.index_type()
        if index is not None and isinstance(thing, index):
            self._see_weakly(thing.__reduce__())
        elif frames.is_frame(thing):
            self.weak.add(id(frames.shared_by_class(thing)))
        return super().reducer_override(thing)

    def reduce_array(self, array: Any) -> Any:
        """Record the owner of an array's memory."""
        if type(array) is sys.modules["numpy"].ndarray:
            owner = arrays.owner_of(array)
            if owner is not array and type(owner).__name__ in _OWNERS:
                self.kept.append(owner)
                self.views.setdefault(id(owner), set()).add(id(array))
        return super().reduce_array(array)

    def reduce_block(self, block: Any) -> Any:
        """Record the memory of a pandas object."""
        self.weak.add(id(block.refs))
        if frames.copies_on_write():
            self._see_weakly(block.values)
        return super().reduce_block(block)

    def _see_weakly(self, thing: Any) -> None:
        inner = Collector(self.namespace, self.known)
        inner.collect(thing)
        self.kept.extend(inner.kept)
        self.weak |= inner.strong | inner.weak

    def _count(self, buffer: pickle.PickleBuffer) -> None:
        with buffer.raw() as memory:
            self.size += memory.nbytes


def lone(collectors: Iterable[Collector]) -> Set[int]:
    """Ids of arrays that these values reach only through one view of a part."""
    visits: Counter[int] = Counter()
    views: Dict[int, Set[int]] = {}
    for collector in collectors:
        visits.update(collector.visits)
        for owner, shown in collector.views.items():
            views.setdefault(owner, set()).update(shown)
    return {owner for owner, shown in views.items() if len(shown) == 1 and visits[owner] <= 1}


def is_immutable(thing: Any) -> bool:
    """Whether a thing cannot change, or is pickled by its name."""
    kind = type(thing)
    if kind in _ATOMS or isinstance(thing, _IMMUTABLE):
        return True
    if issubclass(kind, type):
        return not thing.__flags__ & _HEAP_TYPE or rebuild.by_reference(thing)
    if kind is types.FunctionType:
        return rebuild.by_reference(thing)
    if "function" in kind.__name__:  # Cython has its own types of functions
        module = sys.modules.get(getattr(thing, "__module__", ""))
        return getattr(module, getattr(thing, "__qualname__", ""), None) is thing
    if any(_is_of(kind, module) for module in _IMMUTABLE_MODULES):
        return True
    return _is_immutable_in_libraries(thing)


def _is_of(kind: type, module: str) -> bool:
    return kind.__module__ == module or kind.__module__.startswith(module + ".")


def _is_immutable_in_libraries(thing: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "generic"):
        if isinstance(thing, (numpy.dtype, numpy.ufunc)):
            return True
        if isinstance(thing, numpy.generic):
            return not isinstance(thing, numpy.void)
    index = frames.index_type()
    if index is None:
        return False
    return isinstance(thing, (index, sys.modules["pandas"].api.extensions.ExtensionDtype))


def components(names: Dict[str, Collector]) -> List[List[str]]:
    """The groups of names that belong together; each is sorted, in order of their first name."""
    parent = {name: name for name in names}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: Dict[int, str] = {}
    for name in sorted(names):
        for thing in names[name].strong:
            parent[find(name)] = find(first.setdefault(thing, name))
    for name in sorted(names):
        for thing in names[name].weak:
            if thing in first:
                parent[find(name)] = find(first[thing])
    groups: Dict[str, List[str]] = {}
    for name in sorted(names):
        groups.setdefault(find(name), []).append(name)
    return sorted(groups.values())
