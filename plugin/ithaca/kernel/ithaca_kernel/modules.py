"""Watches the project's own modules: later steps do not see a step's changes in them."""

from __future__ import annotations

import collections
import enum
import os
import sys
import types
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from . import functions

_ATOMS = (bool, int, complex, str, bytes, type(None))
_LISTS = (list, tuple, collections.deque)
_FOREIGN = frozenset({".ithaca-volume", "site-packages", "dist-packages"})
_MOST = 20_000
"""The most parts of one module to compare, to keep the check cheap."""
_DEEPEST = 20
_LARGEST = 1 << 20


class ModuleWatch:
    """Finds the global variables of the project's modules that changed.

    Args:
        root: The project's root; modules in it are the project's.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root) + os.sep
        self._seen: Dict[str, Dict[str, Any]] = {}
        self._known: Set[str] = set()
        self._started = False

    def start(self) -> None:
        """Start to watch; earlier changes come from shared cells, which run in each step."""
        self._started = True
        self.look()

    def look(self) -> None:
        """Record the state of newly imported modules."""
        if not self._started:
            return
        for name, module in list(sys.modules.items()):
            if name not in self._known:
                self._known.add(name)
                names = self._variables(name, module)
                if names is not None:
                    self._seen[name] = self._prints(names)

    def changed(self) -> List[str]:
        """The variables that changed since they were recorded, as `module.name`."""
        found = []
        for name, before in self._seen.items():
            names = self._variables(name, sys.modules.get(name))
            if names is None:
                continue
            now = self._prints(names)
            found += [
                f"{name}.{each}"
                for each in sorted({*before, *now})
                # A lazily imported module is not state.
                if before.get(each) != now.get(each) and not _is_module(names.get(each))
            ]
        return found

    def _prints(self, names: Dict[str, Any]) -> Dict[str, Any]:
        look = _Look(self._is_own)
        return {
            name: look.at(thing, 0)
            for name, thing in list(names.items())
            if not name.startswith("__") and not _is_module(thing)
        }

    def _is_own(self, module: str) -> bool:
        return self._variables(module, sys.modules.get(module)) is not None

    def _variables(self, name: str, module: Any) -> Optional[Dict[str, Any]]:
        """The globals of a module of the project; None for other modules."""
        if not _is_module(module) or name == "__main__":
            return None
        # Normal attribute access would load a lazy module.
        names: Dict[str, Any] = object.__getattribute__(module, "__dict__")
        file = names.get("__file__")
        if not isinstance(file, str) or not file.startswith(self._root):
            return None
        foreign = not _FOREIGN.isdisjoint(Path(file[len(self._root) :]).parts)
        return None if foreign else names


def _is_module(thing: Any) -> bool:
    return issubclass(type(thing), types.ModuleType)


class _Look:
    """Comparable snapshots of variables, without pickling them.

    Args:
        is_own: Whether a module belongs to the project. Objects of libraries are not inspected,
            because they have caches of their own.
    """

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._left = _MOST

    def at(self, thing: Any, depth: int) -> Any:
        """A value that stays equal within one process as long as the thing does not change."""
        self._left -= 1
        kind = type(thing)
        if kind in _ATOMS:
            return kind, thing
        if kind is float:
            return kind, repr(thing)
        if self._left < 0 or depth > _DEEPEST:
            return "skipped"
        try:
            return kind.__name__, self._inside(thing, kind, depth + 1)
        except Exception:  # the user's own code (`__hash__`, a proxy) may raise anything
            return "failed"

    def _inside(self, thing: Any, kind: type, depth: int) -> Any:
        if kind in _LISTS:
            return [self.at(each, depth) for each in list(thing)[: self._left + 1]]
        if isinstance(thing, dict):
            pairs = list(dict.items(thing))[: self._left + 1]
            return [(self.at(key, depth), self.at(each, depth)) for key, each in pairs]
        if kind in (set, frozenset):
            return len(thing), sorted(hash(each) for each in thing)
        if kind is bytearray:
            return bytes(thing)
        if kind is types.FunctionType:
            return thing.__qualname__, thing.__code__
        if isinstance(thing, functions.lru_cache_type()):  # its cache is not state
            return self.at(vars(thing)["__wrapped__"], depth)
        if isinstance(thing, type):
            return self._class(thing, depth)
        return self._object(thing, kind, depth)

    def _class(self, thing: Any, depth: int) -> Any:
        # Flags create members on access.
        if isinstance(thing, enum.EnumMeta) or not self._is_own(thing.__module__):
            return thing.__module__, thing.__qualname__
        return self._members(dict(vars(thing)), depth)

    def _object(self, thing: Any, kind: type, depth: int) -> Any:
        size = getattr(thing, "nbytes", None) if kind.__module__ == "numpy" else None
        if isinstance(size, int) and size <= _LARGEST and not thing.dtype.hasobject:
            return thing.shape, thing.tobytes()
        members = getattr(thing, "__dict__", None) if self._is_own(kind.__module__) else None
        if isinstance(members, dict):
            return self._members(members, depth)
        return id(thing)

    def _members(self, members: Dict[str, Any], depth: int) -> List[Tuple[str, Any]]:
        return [
            (name, self.at(each, depth))
            for name, each in list(members.items())
            if not name.startswith("__")
        ]
