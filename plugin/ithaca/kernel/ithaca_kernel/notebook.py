"""The notebook's namespace, and what belongs to the kernel instead of the notebook."""

from __future__ import annotations

import os
import re
import sys
import types
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

from .groups import is_immutable
from .pickler import Reference, held, singletons
from .rebuild import by_reference

_SHELLS = ("sh", "bash", "dash", "ksh", "zsh")
_HISTORY = re.compile(r"_+|_[0-9]+|_i+|_i[0-9]+|_ih|_oh|_dh|__.*__")
_ATOMS = (bool, int, float, complex, str, bytes, type(None), types.ModuleType)


def shell() -> Any:
    """IPython's shell; None in a plain interpreter."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def find_namespace() -> Dict[str, Any]:
    """The namespace in which the notebook's cells run."""
    running = shell()
    namespace: Dict[str, Any] = running.user_ns if running else vars(sys.modules["__main__"])
    return namespace


def belongs_to_kernel(name: str, namespace: Dict[str, Any]) -> bool:
    """Whether the kernel binds a name: history, `get_ipython`, `__name__`."""
    if _HISTORY.fullmatch(name) or name == "ithaca_kernel":
        return True
    hidden = getattr(shell(), "user_ns_hidden", {})
    return name in hidden and hidden[name] is namespace.get(name)


def process_references(namespace: Dict[str, Any]) -> Dict[int, Reference]:
    """References to objects of which each kernel has its own, by id."""
    known = singletons()
    known[held(namespace)] = ("namespace",)
    running = shell()
    if running is not None:
        known[held(running)] = ("shell",)
    return known


def resolve_process(reference: Reference, namespace: Dict[str, Any]) -> Any:
    """The object of this kernel for a reference to an object of the process."""
    if reference[0] == "namespace":
        return namespace
    if reference[0] == "shell":
        return shell()
    __import__(reference[1])
    return getattr(sys.modules[reference[1]], reference[2])


def definition_references(name: str, thing: Any) -> Dict[int, Reference]:
    """References to a definition and to the functions in a class, by id.

    Args:
        name: The definition's name.
        thing: Its value from the `functions` cell.
    """
    if isinstance(thing, _ATOMS) or (not _is_code(thing) and is_immutable(thing)):
        return {}
    if _is_code(thing) and by_reference(thing):
        return {}
    known: Dict[int, Reference] = {held(thing): ("definition", name)}
    if isinstance(thing, type):
        for part, inner in list(vars(thing).items()):
            nested = isinstance(inner, type) and inner.__qualname__.startswith(thing.__qualname__)
            if isinstance(inner, types.FunctionType) or nested:
                known[held(inner)] = ("definition", name, part)
    return known


def resolve_definition(thing: Any, rest: Tuple[str, ...]) -> Any:
    """The part of a definition for a reference."""
    for part in rest:
        thing = vars(thing)[part]
    return thing


def _is_code(thing: Any) -> bool:
    return isinstance(thing, (type, types.FunctionType))


def empty_standard_input() -> None:
    """Give `!command` an empty standard input.

    IPython runs it in a terminal without a user, where a prompt (`!pip uninstall x`) would wait
    forever. Does nothing in a plain interpreter.
    """
    ipykernel: Any = sys.modules.get("ipykernel.zmqshell")
    run = getattr(ipykernel, "system", None)
    # IPython uses the shell in SHELL; only these are known to accept the line.
    if run is None or Path(os.environ.get("SHELL", "sh")).name not in _SHELLS:
        return
    ipykernel.system = _with_empty_input(run)


def _with_empty_input(run: Callable[[str], Any]) -> Callable[[str], Any]:
    def system(command: str) -> Any:
        return run(f"exec </dev/null\n{command}")

    return system
