"""The end of a step: finds what changed and what belongs together, and writes it."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Dict, List, Optional, Set, Tuple

from . import functions, notebook
from .descent import Division, changed_copies
from .groups import Collector, components, is_immutable, lone
from .loading import Loaded, LoadedObject, loose_print, place_references
from .names import DELETED, Pointer, write_pointer
from .objects import Draft, fingerprint
from .pickler import Reference, without
from .reasons import describe, explain
from .step import Report, Step, ValueProblem


class Saver:
    """Saves the values of a step.

    Args:
        step: The step.
        loaded: What the step started with.
        report: Receives notices and the list of values.
    """

    def __init__(self, step: Step, loaded: Loaded, report: Report) -> None:
        self._step = step
        self._loaded = loaded
        self._report = report
        self._namespace = loaded.namespace
        self._known: Dict[int, Reference] = {}
        self._unchanged: Dict[str, LoadedObject] = {}
        self._changed_definitions: Set[str] = set()
        self._collected: Dict[str, Collector] = {}
        self._wanted: Set[str] = set()
        self._problems: List[ValueProblem] = []
        self._visited: List[Collector] = []

    def save(self) -> None:
        """Write the step's values.

        Raises:
            ValueProblem: A value that a later step reads cannot be saved or is missing.
        """
        loaded = self._loaded
        self._find_changed_definitions()
        self._find_changed_objects()
        while True:
            self._collect()
            shared = self._shared_definitions()
            if not shared:
                break
            self._changed_definitions |= shared
            self._known = without(self._known, "definition", self._changed_definitions)
        self._problems += changed_copies(self._step, loaded, set(self._unchanged))
        pointers = self._write_groups()
        self._add_tombstones(pointers)
        if self._problems:
            self._report.notices.extend(problem.message for problem in self._problems[1:])
            raise self._problems[0]
        self._check_promises(pointers)
        for name, pointer in sorted(pointers.items()):
            if self._loaded.pointers.get(name) != pointer:
                write_pointer(self._step.values, name, pointer)

    # What changed -------------------------------------------------------------------------------

    def _find_changed_definitions(self) -> None:
        loaded = self._loaded
        for name, before in loaded.prints.items():
            if name not in loaded.definitions or before is None:
                continue
            if loose_print(name, loaded.definitions[name], loaded) != before:
                self._changed_definitions.add(name)
        # Again, because the step may have imported modules with objects of the process.
        known = {**loaded.known, **notebook.process_references(self._namespace)}
        self._known = without(known, "definition", self._changed_definitions)

    def _shared_definitions(self) -> Set[str]:
        """Definitions of which a saved value holds a mutable part, so they must become values."""
        held = set().union(*(each.strong for each in self._collected.values()), set())
        found: Set[str] = set()
        for name, thing in self._loaded.definitions.items():
            if not held or not self._is_fresh_definition(name) or is_immutable(thing):
                continue
            collector = Collector(self._namespace, without(self._known, "definition", [name]))
            with contextlib.suppress(Exception):  # reported when it must be saved
                collector.collect(thing)
            self._visited.append(collector)
            if not held.isdisjoint(collector.strong):
                found.add(name)
        return found

    def _find_changed_objects(self) -> None:
        objects = self._loaded.objects.items()
        changed: Set[str] = set()
        more = {identity for identity, found in objects if found.print != self._print(found)}
        while not more <= changed:
            changed |= more
            more = {k for k, found in objects if changed.intersection(found.stored.refers_to)}
        self._unchanged = {k: v for k, v in self._loaded.objects.items() if k not in changed}
        self._known = without(self._known, "object", changed)

    def _print(self, found: LoadedObject) -> Optional[Tuple[Any, ...]]:
        try:
            return fingerprint(found.places, self._namespace, self._known, found.stored)
        except Exception:  # it changed and cannot be pickled any more: reported later
            return None

    # What to save -------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Visit every value to save, and every value that may share an object with one."""
        loaded = self._loaded
        bound = {name for name in loaded.pointers if name in self._namespace}
        self._collected.clear()
        written = [name for name in self._step.writes if name in self._namespace]
        self._wanted = {name for name in written if self._is_new(name)}
        self._wanted |= {name for name in bound if not self._is_fresh_definition(name)}
        self._wanted |= {name for name in self._changed_definitions if self._is_still_bound(name)}
        waiting = sorted(self._wanted)
        while waiting:
            name = waiting.pop(0)
            for used in sorted(self._visit(name)):
                if used not in self._wanted and self._is_a_value(used):
                    self._wanted.add(used)
                    waiting.append(used)
        for name, thing in sorted(loaded.parameters.items()):
            untouched = name not in self._collected and self._namespace.get(name) is thing
            if untouched and not is_immutable(thing):
                self._visit(name)

    def _is_new(self, name: str) -> bool:
        """Whether a name is not what every step has without loading values."""
        if name in self._loaded.parameters and name not in self._loaded.bound:
            return not self._is_unchanged_parameter(name)
        return not self._is_fresh_definition(name)

    def _is_a_value(self, name: str) -> bool:
        """Whether a name that a saved function reads must be saved with it."""
        if name not in self._namespace or notebook.belongs_to_kernel(name, self._namespace):
            return False
        if name in self._loaded.parameters:
            return not self._is_unchanged_parameter(name)
        return not self._is_fresh_definition(name)

    def _is_unchanged_parameter(self, name: str) -> bool:
        thing = self._loaded.parameters[name]
        if self._namespace[name] is not thing:
            return False
        return loose_print(name, thing, self._loaded) == self._loaded.prints.get(name)

    def _is_fresh_definition(self, name: str) -> bool:
        """Whether a name is bound to what the shared cells made, unchanged."""
        if name in self._changed_definitions or name in self._loaded.bound:
            return False
        return self._is_still_bound(name)

    def _is_still_bound(self, name: str) -> bool:
        made = self._loaded.definitions
        return name in made and self._namespace.get(name, made) is made[name]

    def _visit(self, name: str) -> Set[str]:
        """Collect a name; return the global names that its functions use."""
        collector = Collector(self._namespace, self._known)
        try:
            collector.collect(self._namespace[name])
        except Exception as problem:
            self._refuse(name, problem)
            return set()
        self._collected[name] = collector
        return self._used(name)

    def _refuse(self, name: str, problem: Exception) -> None:
        found = explain(name, self._namespace, self._known, problem)
        kind = describe(self._namespace[name])["type"]
        message = f"{self._step.title} cannot save {name} ({kind}): {found.reason}"
        self._add_problem([name], ValueProblem("ITH510", message, found.cure))

    # Writing ------------------------------------------------------------------------------------

    def _write_groups(self) -> Dict[str, Pointer]:
        pointers: Dict[str, Pointer] = {}
        groups = [g for g in components(self._collected) if self._wanted.intersection(g)]
        division = Division(self._loaded, set(self._unchanged), self._known, self._collected)
        kept = division.divide({" ".join(group): self._kept(group) for group in groups})
        for group in groups:
            found = kept[" ".join(group)]
            if found is None:
                found = self._write(group, division)
            pointers.update(found)
            for name in sorted(found):
                self._list_value(name, found[name])
        return pointers

    def _kept(self, group: List[str]) -> Optional[Dict[str, Pointer]]:
        """Pointers into one unchanged object, when it holds the whole group."""
        names = [name for name in group if name in self._wanted]
        for identity, found in sorted(self._unchanged.items()):
            pointers = {}
            for name in names:
                place = self._place(name, found)
                if place is None:
                    break
                pointers[name] = Pointer(identity, place)
            else:
                return pointers
        return None

    def _place(self, name: str, found: LoadedObject) -> Optional[str]:
        value = self._namespace[name]
        own = self._loaded.bound.get(name)
        mine = own is not None and own.object == found.stored.identity
        if own is not None and mine and found.places[own.place] is value:
            return own.place
        if is_immutable(value):  # equal numbers are not aliases
            return None
        return next((at for at, thing in sorted(found.places.items()) if thing is value), None)

    def _write(self, group: List[str], division: Division) -> Dict[str, Pointer]:
        places = {name: self._namespace[name] for name in group}
        draft = Draft(self._step.values)
        collectors = [self._collected[name] for name in group]
        try:
            pickler = draft.dump(places, self._namespace, self._known, lone(collectors))
            self._check_stream(group, draft.stream)
        except OSError:
            draft.discard()
            raise
        except Exception as problem:
            draft.discard()
            self._add_problem(group, self._as_problem(group, problem))
            return {}
        used = set().union(*(self._used(name) for name in group), pickler.globals)
        identity = draft.finish(
            {
                "names": {name: self._describe(name) for name in group},
                "globals": sorted(name for name in used if self._is_a_value(name)),
                "refers_to": sorted({r[1] for r in pickler.references if r[0] == "object"}),
                "definitions": [name for name in group if self._is_a_definition(name)],
                "replaces": self._replaced(group),
                **division.document(" ".join(group)),
            }
        )
        return {name: Pointer(identity, name) for name in group}

    def _used(self, name: str) -> Set[str]:
        used = set(self._collected[name].globals)
        for reference in self._collected[name].references:
            if reference[0] == "definition":
                used |= functions.names_used(self._loaded.definitions[reference[1]])
        return used

    def _is_a_definition(self, name: str) -> bool:
        """Whether a value is a definition of a `functions` cell, changed in place."""
        if name in self._changed_definitions and self._is_still_bound(name):
            return True
        pointer = self._loaded.bound.get(name)
        if pointer is None or pointer.object is None:
            return False
        found = self._loaded.objects[pointer.object]
        marked = pointer.place in found.stored.document.get("definitions", ())
        return marked and found.places[pointer.place] is self._namespace.get(name)

    def _replaced(self, group: List[str]) -> List[str]:
        """Objects whose classes were changed in place and are now in this one."""
        replaced: Set[str] = set()
        for identity, found in self._loaded.objects.items():
            if identity in self._unchanged or not place_references(found):
                continue
            things = {id(thing) for thing in found.places.values()}
            if any(id(self._namespace[name]) in things for name in group):
                replaced |= {identity, *found.stored.document.get("replaces", ())}
        return sorted(replaced)

    def _describe(self, name: str) -> Dict[str, Any]:
        return {**describe(self._namespace[name]), "size": self._collected[name].size}

    def _list_value(self, name: str, pointer: Pointer) -> None:
        self._report.values.append(
            {
                "name": name,
                **self._describe(name),
                "object": pointer.object,
                "changed": self._loaded.pointers.get(name) != pointer,
            }
        )

    def _check_stream(self, group: List[str], stream: bytes) -> None:
        """Refuse values that contain a secret or a path that other steps do not have."""
        for variable in self._step.secrets:
            secret = os.environ.get(variable, "")
            if len(secret) >= 4 and secret.encode() in stream:
                raise ValueProblem(
                    "ITH518",
                    f"{' or '.join(group)} contains the secret in {variable}",
                    f"read os.environ[{variable!r}] where you need it, and do not store it in "
                    "variables",
                )
        root = str(self._step.root).encode()
        if not self._step.private_root and root in stream:
            raise ValueProblem(
                "ITH517",
                f"{' or '.join(group)} contains a path in the step's own folder, which other "
                "steps do not have",
                "use paths relative to the notebook's folder",
            )

    def _as_problem(self, group: List[str], problem: Exception) -> ValueProblem:
        if isinstance(problem, ValueProblem):
            return problem
        return ValueProblem(
            "ITH510",
            f"{self._step.title} cannot save {' and '.join(group)}: {problem}",
            "keep what you need to create them, and create them in the step that uses them",
        )

    def _add_problem(self, group: List[str], problem: ValueProblem) -> None:
        """Record an error, or a notice if no later step reads the values."""
        needed = [name for name in group if name in self._step.read_later]
        if needed:
            problem.name = needed[0]
            self._problems.append(problem)
        else:
            self._report.notices.append(f"{problem.message}; no later step reads it")

    # Deleted names ------------------------------------------------------------------------------

    def _add_tombstones(self, pointers: Dict[str, Pointer]) -> None:
        """Add a tombstone for each name that the step deleted or could not save."""
        for name, pointer in self._loaded.pointers.items():
            if name in pointers or pointer.object is None:
                continue
            deleted = name in self._loaded.bound and name not in self._namespace
            if deleted or name in self._wanted:
                pointers[name] = DELETED

    def _check_promises(self, pointers: Dict[str, Pointer]) -> None:
        for name in self._step.writes:
            if name in self._namespace or name in pointers or name in self._loaded.pointers:
                continue
            if name in self._step.read_later:
                raise ValueProblem(
                    "ITH511",
                    f"{self._step.title} ended without binding {name}, which a later step reads",
                    f"bind {name} on every path through the step's cells",
                    name,
                )
            self._report.notices.append(f"{name} was not bound; no later step reads it")
