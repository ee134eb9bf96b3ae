"""Which shared definitions the values of a step may still need once the step is over.

An instance needs its class. A function is needed when it was passed on, stored, returned or
decorated, or when it leaves code of its own behind: nested functions, lambdas, classes, generators.
A function that is only called leaves nothing of itself in its result.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ithaca.analysis.shared import Shared, SharedStatement

_CODE = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.GeneratorExp,
    ast.Yield,
    ast.YieldFrom,
)
_WORD = re.compile(r"[^\W\d]\w*")


def reachable(scope: Shared, statements: Iterable[int], cells: Iterable[ast.stmt]) -> set[int]:
    """The definitions that values may reach.

    Args:
        scope: The shared cells.
        statements: Those of their statements that a step ran.
        cells: The statements of the step's own cells.
    """
    ran = sorted(statements)
    kept = [scope.statements[index] for index in ran]
    passed = frozenset(passed_on(cells)).union(*(statement.passed_on for statement in kept))
    return {
        index
        for index, statement in zip(ran, kept, strict=True)
        if statement.role == "definition" and (lasting(statement) or statement.binds & passed)
    }


def lasting(statement: SharedStatement) -> bool:
    """Whether a definition leaves code of its own behind when it is called, or was passed on."""
    node = statement.node
    if isinstance(node, ast.ClassDef) or getattr(node, "decorator_list", None):
        return True
    return isinstance(node, ast.AsyncFunctionDef) or any(
        isinstance(part, _CODE) for part in ast.walk(node) if part is not node
    )


def passed_on(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that code uses other than by calling them at once; words of magics count."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call):
            if _is_magic(node.func):
                yield from _words(node)
            parts = list(ast.iter_child_nodes(node))
            pending += parts[1:] if isinstance(node.func, ast.Name) else parts
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                yield node.id
        else:
            pending += ast.iter_child_nodes(node)


def _is_magic(function: ast.expr) -> bool:
    owner = function.value if isinstance(function, ast.Attribute) else None
    called = owner.func if isinstance(owner, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "get_ipython"


def _words(call: ast.Call) -> Iterator[str]:
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _WORD.findall(node.value)
