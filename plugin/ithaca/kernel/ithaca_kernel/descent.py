"""Which objects a value was taken out of, to recognise copies of one thing at joins.

In a sequence of steps nothing is in two objects. But two branches may each save the same thing in
an object of their own. Where they join, these are two copies of what one process has once. Copies
are harmless until a step changes one of them; that must be an error.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Set

from .groups import Collector
from .objects import Descent, Stored, descent, rivals
from .pickler import without
from .step import Step, ValueProblem

if TYPE_CHECKING:
    from .loading import Loaded, LoadedObject
    from .names import Pointer
    from .pickler import Reference


def changed_copies(step: Step, loaded: Loaded, unchanged: Set[str]) -> Iterator[ValueProblem]:
    """Problems for changes that reach only one of two copies of a thing.

    Args:
        step: The step.
        loaded: What it started with.
        unchanged: Ids of the objects that it left alone.
    """
    needed = {*step.read_later, *step.reads}
    for identity, found in sorted(loaded.objects.items()):
        if identity in unchanged:
            continue
        mine = sorted(name for name, at in loaded.bound.items() if at.object == identity)
        if found.stored.document.get("copies") and needed.intersection(mine):
            yield _changed_copy(step, mine[0], "contains twice")
        for name, pointer in sorted(loaded.pointers.items()):
            if name not in needed or pointer.object is None:
                continue
            if rivals(found.stored, loaded.documents[pointer.object]) is not None:
                yield _changed_copy(step, ", ".join(mine), f"shares with {name}")


def _changed_copy(step: Step, name: str, how: str) -> ValueProblem:
    return ValueProblem(
        "ITH513",
        f"{step.title} changes {name or 'a value'} in place, a part of which it {how}; both came "
        "from parallel steps, so they are two copies and the change reaches only one",
        "let one of those steps need the other (`prev:`), or change a copy",
        name,
    )


class Division:
    """Which parts of the loaded objects each group of names takes.

    Args:
        loaded: What the step started with.
        unchanged: Ids of the objects that it left alone.
        known: References to use instead of copies.
        collected: The collectors of the saved names.
    """

    def __init__(
        self,
        loaded: Loaded,
        unchanged: Set[str],
        known: Dict[int, Reference],
        collected: Dict[str, Collector],
    ) -> None:
        self._loaded = loaded
        self._unchanged = unchanged
        self._known = known
        self._collected = collected
        self._sources: Dict[str, List[LoadedObject]] = {}
        self._contents: Dict[str, Set[int]] = {}

    def divide(
        self, kept: Mapping[str, Optional[Dict[str, Pointer]]]
    ) -> Dict[str, Optional[Dict[str, Pointer]]]:
        """Find which groups stay in an unchanged object.

        If a group takes a part out of an object, all names leave that object. Otherwise what it
        shares with another branch could not be distinguished from the rest of the object.

        Args:
            kept: For each group (its names, joined by blanks), where it could stay, if anywhere.

        Returns:
            Where each group stays.
        """
        found = dict(kept)
        while True:
            for group, pointers in found.items():
                if pointers is None and group not in self._sources:
                    self._sources[group] = self._taken(group.split())
            left = {each.stored.identity for taken in self._sources.values() for each in taken}
            again = [
                group
                for group, pointers in found.items()
                if any(pointer.object in left for pointer in (pointers or {}).values())
            ]
            if not again:
                return found
            found.update(dict.fromkeys(again))

    def document(self, group: str) -> Dict[str, Any]:
        """The fields about descent in the document of a group's object.

        Args:
            group: Its names, joined by blanks.
        """
        sources = self._sources[group]
        found: Descent = {}
        for source in sources:
            identity = source.stored.identity
            taking = sorted(names for names, taken in self._sources.items() if source in taken)
            for key, (how, before) in descent(source.stored).items():
                divided = ", ".join(taking) if key == identity else how
                known = found.get(key, [divided, False])
                found[key] = [known[0], known[1] or before or identity not in self._unchanged]
        return {"descends": found, "copies": _holds_copies([one.stored for one in sources])}

    def _taken(self, group: List[str]) -> List[LoadedObject]:
        """The loaded objects of which a group holds a mutable part."""
        seen: Set[int] = set().union(*(self._collected[name].strong for name in group))
        objects = [found for _, found in sorted(self._loaded.objects.items())] if seen else []
        return [found for found in objects if not seen.isdisjoint(self._inside(found))]

    def _inside(self, found: LoadedObject) -> Set[int]:
        """Ids of the mutable things in a loaded object."""
        identity = found.stored.identity
        if identity not in self._contents:
            namespace = self._loaded.namespace
            seen: Set[int] = set()
            for place, thing in found.places.items():
                collector = self._collected.get(place)
                if collector is None or namespace.get(place) is not thing:
                    collector = self._visited(identity, thing)
                    found.visits.append(collector)
                seen |= collector.strong
            self._contents[identity] = seen
        return self._contents[identity]

    def _visited(self, identity: str, thing: Any) -> Collector:
        collector = Collector(self._loaded.namespace, without(self._known, "object", [identity]))
        with contextlib.suppress(Exception):  # it cannot be saved; what was visited counts
            collector.collect(thing)
        return collector


def _holds_copies(sources: List[Stored]) -> bool:
    """Whether an object that was made from others contains copies of one thing."""
    return any(one.document.get("copies") for one in sources) or any(
        rivals(one, other) is not None for one in sources for other in sources
    )
