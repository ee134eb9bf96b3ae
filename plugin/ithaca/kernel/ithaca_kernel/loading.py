"""The start of a step: loads the values that the step reads, and binds them."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from . import notebook
from .names import Pointer, read_pointers
from .objects import Stored, fingerprint, python_version, rivals
from .pickler import Reference, ValueUnpickler, without
from .step import Step, ValueProblem


@dataclass
class LoadedObject:
    """An object whose values are in the namespace.

    Attributes:
        stored: The object in the volume.
        places: Its values by place, kept alive even if the step rebinds their names.
        print: Its fingerprint right after loading.
        visits: Things that were visited later, kept alive so that no id is used twice.
    """

    stored: Stored
    places: Dict[str, Any]
    print: Optional[Tuple[Any, ...]] = None
    visits: List[Any] = field(default_factory=list)


@dataclass
class Loaded:
    """The values with which a step starts.

    Attributes:
        namespace: The notebook's namespace.
        pointers: All pointers of the volume.
        objects: The loaded objects by id.
        bound: Names that were bound from pointers.
        definitions: What `functions` cells bound, by name.
        prints: Fingerprints of definitions and parameters right after loading.
        parameters: The parameters' values, by name.
        known: References to use instead of copies.
        notices: Notices for the user.
        documents: The objects of the volume whose documents were read, by id.
    """

    namespace: Dict[str, Any]
    pointers: Dict[str, Pointer]
    objects: Dict[str, LoadedObject] = field(default_factory=dict)
    bound: Dict[str, Pointer] = field(default_factory=dict)
    definitions: Dict[str, Any] = field(default_factory=dict)
    prints: Dict[str, Optional[Tuple[Any, ...]]] = field(default_factory=dict)
    parameters: Dict[str, Any] = field(default_factory=dict)
    known: Dict[int, Reference] = field(default_factory=dict)
    notices: List[str] = field(default_factory=list)
    documents: Dict[str, Stored] = field(default_factory=dict)


class Loader:
    """Loads values into the notebook's namespace.

    Args:
        step: The step.
        namespace: The notebook's namespace.
    """

    def __init__(self, step: Step, namespace: Dict[str, Any]) -> None:
        self._step = step
        pointers = read_pointers(step.values)
        self.loaded = Loaded(namespace, pointers)
        self._loading: Set[str] = set()
        self.loaded.definitions = {n: namespace[n] for n in step.definitions if n in namespace}
        self.loaded.parameters = {n: namespace[n] for n in step.parameters if n in namespace}

    def load(self) -> Loaded:
        """Load what the step reads, and what shares objects with it.

        Raises:
            ValueProblem: A value that the step reads is missing or cannot be loaded.
        """
        for name in self._step.reads:
            self._check_promise(name)
        waiting = set(self._step.reads)
        seen: Set[str] = set()
        expanded: Set[str] = set()
        while waiting:
            seen |= waiting
            for name in sorted(waiting):
                self._load_name(name)
            fresh = sorted(set(self.loaded.objects) - expanded)
            expanded.update(fresh)
            waiting = {name for found in fresh for name in self._companions(found)} - seen
        for name, pointer in self.loaded.bound.items():
            self.loaded.namespace[name] = self._value(name, pointer)
        self._take_fingerprints()
        return self.loaded

    def _check_promise(self, name: str) -> None:
        pointer = self.loaded.pointers.get(name)
        if pointer is None:
            if name not in self.loaded.namespace:
                raise ValueProblem(
                    "ITH512",
                    f"{self._step.title} reads {name}, but no earlier step saved such a value",
                    f"bind {name} in a step that this one needs (`prev:`)",
                    name,
                )
        elif pointer.conflict:
            steps = " and ".join(pointer.conflict)
            raise ValueProblem(
                "ITH513",
                f"{self._step.title} reads {name}, for which {steps} saved different values",
                f"let one step need the other (`prev:`), or bind {name} in only one of them",
                name,
            )
        elif pointer.object is None and name not in self.loaded.namespace:
            raise ValueProblem(
                "ITH512",
                f"{self._step.title} reads {name}, but an earlier step deleted it",
                f"do not delete {name}, or bind it again before you read it",
                name,
            )

    def _load_name(self, name: str) -> None:
        pointer = self.loaded.pointers.get(name)
        if pointer is None:
            return
        if pointer.object is not None:
            self.loaded.bound[name] = pointer
            self._object(pointer.object, name)
        elif pointer.conflict:
            steps = " and ".join(pointer.conflict)
            self.loaded.notices.append(f"{name} is not bound: {steps} saved different values")

    def _companions(self, identity: str) -> Set[str]:
        """Names in the same object, names tied to it by a class, and names its functions read."""
        stored = self._stored(identity)
        wanted: Set[str] = set(stored.document.get("globals", ()))
        for name, pointer in self.loaded.pointers.items():
            if pointer.object is None:
                continue
            other = self._stored(pointer.object)
            tied = identity in (other.identity, *other.refers_to)
            if tied or other.identity in stored.refers_to:
                wanted.add(name)
            elif set(other.document.get("replaces", ())) & set(stored.refers_to):
                raise ValueProblem(
                    "ITH513",
                    f"{self._step.title} needs values that use {pointer.place} as it was before "
                    "a parallel step changed it in place",
                    f"let one step need the other (`prev:`), or do not change {pointer.place} in "
                    "place",
                    name,
                )
            elif rivals(stored, other):
                mine = self._names_of(identity)
                raise ValueProblem(
                    "ITH513",
                    f"{self._step.title} needs {mine}, which shares its value with {name}; one "
                    f"step changed that value in place, and a parallel step took {mine} from the "
                    "unchanged value",
                    "let one step need the other (`prev:`), or change a copy",
                    mine,
                )
        return wanted

    def _names_of(self, identity: str) -> str:
        """The names of an object, for messages."""
        names = [n for n, at in self.loaded.pointers.items() if at.object == identity]
        return ", ".join(names) or "a value"

    def _stored(self, identity: str) -> Stored:
        stored = self.loaded.documents.get(identity)
        if stored is None:
            try:
                stored = Stored(self._step.values, identity)
            except FileNotFoundError:
                raise ValueProblem(
                    "ITH520",
                    f"object {identity[:12]} is missing in the volume of {self._step.title}",
                    "run `ithaca snapshots verify`, then `ithaca runs retry`",
                ) from None
            self.loaded.documents[identity] = stored
        return stored

    def _object(self, identity: str, name: str) -> LoadedObject:
        found = self.loaded.objects.get(identity)
        if found is not None:
            return found
        stored = self._stored(identity)
        if stored.document["format"] != 1 or stored.document["python"] != python_version():
            raise ValueProblem(
                "ITH519",
                f"Python {stored.document['python']} saved {name} (format "
                f"{stored.document['format']}), but this kernel is Python {python_version()}",
                "run all steps with the same version of Python",
                name,
            )
        for other in stored.refers_to:
            self._object(other, name)
        self._bind_globals(stored)
        unpickler = ValueUnpickler(
            io.BytesIO(stored.pickle()), stored.map(private=True), self._resolve, self._find_main
        )
        places = _guard(unpickler.load, name, stored.document)
        self._loading.discard(identity)
        found = self.loaded.objects[identity] = LoadedObject(stored, places)
        return found

    def _value(self, name: str, pointer: Pointer) -> Any:
        """The value of a pointer that is not a tombstone."""
        assert pointer.object is not None
        return self._object(pointer.object, name).places[pointer.place]

    def _bind_globals(self, stored: Stored) -> None:
        """Bind the names that the object's functions read: `__hash__` may run during loading."""
        self._loading.add(stored.identity)
        for name in stored.document.get("globals", ()):
            pointer = self.loaded.pointers.get(name)
            if pointer is None or pointer.object is None or pointer.object in self._loading:
                continue
            self._load_name(name)
            self.loaded.namespace[name] = self._value(name, pointer)

    def _resolve(self, reference: Reference) -> Any:
        if reference[0] == "object":
            thing = self._object(reference[1], reference[2]).places[reference[2]]
            return notebook.resolve_definition(thing, reference[3:])
        if reference[0] == "definition":
            return notebook.resolve_definition(self._definition(reference[1]), reference[2:])
        return notebook.resolve_process(reference, self.loaded.namespace)

    def _definition(self, name: str) -> Any:
        """A definition: as a step changed it, else as the cells made it."""
        pointer = self.loaded.pointers.get(name)
        if pointer is not None and pointer.object is not None:
            changed = self._stored(pointer.object).document.get("definitions", ())
            if pointer.place in changed:
                self.loaded.bound.setdefault(name, pointer)
                return self._value(name, pointer)
        if name not in self.loaded.definitions:
            raise ValueProblem(
                "ITH514",
                f"a value of {self._step.title} needs {name}, but no `functions` or `imports` cell "
                "defines it in this step",
                f"define {name} at the top level of a `functions` cell",
                name,
            )
        return self.loaded.definitions[name]

    def _find_main(self, name: str) -> Any:
        namespace = self.loaded.namespace
        first, *rest = name.split(".")
        pointer = self.loaded.pointers.get(first)
        if pointer is not None and pointer.object is not None:
            self.loaded.bound.setdefault(first, pointer)
            thing = self._value(first, pointer)
        elif first in namespace:
            thing = namespace[first]
        else:
            return self._definition(first)
        for part in rest:
            thing = getattr(thing, part)
        return thing

    def _take_fingerprints(self) -> None:
        loaded = self.loaded
        known = loaded.known
        known.update(notebook.process_references(loaded.namespace))
        for name, thing in loaded.definitions.items():
            if name not in loaded.bound:
                known.update(notebook.definition_references(name, thing))
        for found in loaded.objects.values():
            known.update(place_references(found))
        for found in loaded.objects.values():
            found.print = fingerprint(
                found.places, loaded.namespace, known, found.stored, trusted=True
            )
        loose = {**loaded.parameters, **loaded.definitions}
        loaded.prints = {
            name: loose_print(name, thing, loaded)
            for name, thing in sorted(loose.items())
            if name not in loaded.bound
        }


def loose_print(name: str, thing: Any, loaded: Loaded) -> Optional[Tuple[Any, ...]]:
    """The fingerprint of a definition or parameter by value; None when it has none.

    Args:
        name: Its name.
        thing: The name's value when the step began.
        loaded: The values with which the step started.
    """
    known = without(loaded.known, "definition", [name])
    try:
        return fingerprint({name: thing}, loaded.namespace, known)
    except Exception:  # a definition that cannot be pickled (a lock) is never a value
        return None


def place_references(found: LoadedObject) -> Dict[int, Reference]:
    """The references of new objects to the classes and functions of a loaded object."""
    known: Dict[int, Reference] = {}
    for place, thing in sorted(found.places.items()):
        parts = notebook.definition_references(place, thing) if isinstance(thing, type) else {}
        for key, reference in parts.items():
            known[key] = ("object", found.stored.identity, place, *reference[2:])
    return known


def _guard(load: Callable[[], Any], name: str, document: Dict[str, Any]) -> Dict[str, Any]:
    """Load a pickle, and explain a failure."""
    try:
        places: Dict[str, Any] = load()
    except ValueProblem:
        raise
    except ModuleNotFoundError as problem:
        raise ValueProblem(
            "ITH521",
            f"{name} needs module {problem.name}, which this step cannot import",
            f"install {problem.name} in the environment, or in the step that saves {name}",
            name,
        ) from None
    except (Exception, pickle.UnpicklingError) as problem:
        kinds = ", ".join(f"{n}: {one['type']}" for n, one in document["names"].items())
        raise ValueProblem(
            "ITH515",
            f"cannot load {name} ({kinds}): {type(problem).__name__}: {problem}",
            "keep its parts as plain values, or create it in this step",
            name,
        ) from problem
    return places
