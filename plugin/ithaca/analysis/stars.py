"""The names that `from module import *` binds: read from the module's source, never imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PRINT_PATH = "import json, sys; print(json.dumps(sys.path))"
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class StarNames:
    """The names, and whether the list is certainly complete."""

    names: tuple[str, ...]
    exact: bool


@dataclass(slots=True)
class Stars:
    """Finds modules as a kernel does.

    Args:
        folders: Folders with modules of the project, the notebook's folder first.
        interpreter: The kernel's interpreter; None for the running one.
    """

    folders: Sequence[Path] = ()
    interpreter: Path | None = None
    _path: list[Path] | None = None
    _known: dict[str, StarNames] = field(default_factory=dict)

    def __call__(self, module: str, level: int) -> StarNames:
        """The names that `from module import *` binds in a notebook.

        Args:
            module: Dotted name.
            level: Leading dots; any are an error at run time, because a notebook has no package.
        """
        if level:
            return StarNames((), exact=False)
        if module not in self._known:
            self._known[module] = self._names(module, 0)
        return self._known[module]

    def _names(self, module: str, depth: int) -> StarNames:
        source = self._find(module) if depth < _DEPTH else None
        if source is None:
            return _compiled(module)
        try:
            tree = ast.parse(source.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return StarNames((), exact=False)
        package = module if source.name == "__init__.py" else module.rpartition(".")[0]
        return self._public(tree.body, package, depth)

    def _public(self, body: Sequence[ast.stmt], package: str, depth: int) -> StarNames:
        listed, literal = _listed(body)
        if listed is not None and literal:
            return StarNames(tuple(sorted(listed)), exact=True)
        names, exact = set(listed or ()), literal
        for statement in _flattened(body):
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                inner = self._names(_absolute(statement, package), depth + 1)
                names.update(inner.names)
                exact = exact and inner.exact
            else:
                names.update(name for name in _bound(statement) if not name.startswith("_"))
        return StarNames(tuple(sorted(names)), exact=exact)

    def _find(self, module: str) -> Path | None:
        """The source file of a module; None when it has none."""
        parts = module.split(".")
        for folder in self._search():
            base = folder.joinpath(*parts)
            for found in (base / "__init__.py", base.with_name(base.name + ".py")):
                if found.is_file():
                    return found
        return None

    def _search(self) -> list[Path]:
        if self._path is None:
            found = sys.path if self.interpreter is None else _module_path(self.interpreter)
            self._path = [*self.folders, *(Path(entry) for entry in found if entry)]
        return self._path


def _module_path(interpreter: Path) -> list[str]:
    """The module search path of another interpreter."""
    try:
        answer = subprocess.run(
            [str(interpreter), "-c", _PRINT_PATH], capture_output=True, check=True, timeout=60
        )
        return [str(entry) for entry in json.loads(answer.stdout)]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _compiled(module: str) -> StarNames:
    """The names of a module of the standard library that has no source (`math`)."""
    if "." in module or module not in sys.stdlib_module_names:
        return StarNames((), exact=False)
    try:
        loaded = __import__(module)
    except ImportError:  # a module of another operating system
        return StarNames((), exact=False)
    return StarNames(tuple(name for name in dir(loaded) if not name.startswith("_")), exact=True)


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    module = statement.module or ""
    if not statement.level:
        return module
    parents = package.split(".")
    kept = parents[: len(parents) - statement.level + 1]
    return ".".join([*kept, module] if module else kept)


def _listed(body: Iterable[ast.stmt]) -> tuple[set[str] | None, bool]:
    """The names in `__all__`, None without one; and whether all of it is literal."""
    names: set[str] | None = None
    literal = True
    for statement in _flattened(body):
        target: ast.expr | None = None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
        elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
            target = statement.target
        if not (isinstance(target, ast.Name) and target.id == "__all__"):
            continue
        value = getattr(statement, "value", None)
        try:
            names = (names or set()) | {str(name) for name in ast.literal_eval(value or "None")}
        except (ValueError, TypeError, SyntaxError):
            names, literal = names or set(), False
    return names, literal


def _flattened(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    """The statements of a module, also those in `if`, `try` and `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for block in ("body", "orelse", "finalbody"):
            yield from _flattened(getattr(statement, block, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from _flattened(handler.body)


def _bound(statement: ast.stmt) -> Iterable[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in statement.names]
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.For | ast.With):
        return [
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
    return []
