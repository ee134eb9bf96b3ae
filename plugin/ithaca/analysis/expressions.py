"""From expressions to events: which names of the notebook they read, call, bind and may change."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING, Any

from ithaca.analysis.events import (
    Bind,
    Branch,
    Definition,
    Delete,
    Event,
    Finding,
    How,
    Read,
    Sources,
    Touch,
)
from ithaca.analysis.scopes import LocalScope, comprehension_scope, mangle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.stars import StarNames


class Expressions(ast.NodeVisitor):
    """Visits expressions and collects events in `out`.

    Args:
        cell: The cell that holds the code.
        stars: Which names `from module import *` binds.
        annotations: Whether annotations are evaluated where they stand.
    """

    def __init__(
        self,
        cell: ParsedCell,
        stars: Callable[[str, int], StarNames],
        *,
        annotations: bool = True,
    ) -> None:
        self.cell = cell
        self.stars = stars
        self.annotations = annotations
        self.out: list[Event] = []
        self.findings: list[Finding] = []
        self.scope: LocalScope | None = None
        self.sources = Sources()
        self.inner: list[Definition] = []
        self.how = How.VALUE
        self.guard = 0  # inside code whose NameError is caught
        self.scalar = 0  # inside code whose result holds none of its names
        self.flat = False  # in a function's body, whose order does not count
        self.statement: ast.AST | None = None

    # -- walking

    def visit_Constant(self, node: ast.Constant) -> None:
        """A constant has no events."""

    def captured(self, run: Callable[[], None]) -> list[Event]:
        """The events that `run` emits, collected separately; in a function they stay inline."""
        if self.flat:
            run()
            return []
        kept, self.out = self.out, []
        try:
            run()
            return self.out
        finally:
            self.out = kept

    def each(self, nodes: Iterable[ast.AST]) -> None:
        """Visit nodes in order."""
        for node in nodes:
            self.visit(node)

    def scalars(self, *nodes: ast.AST) -> None:
        """Visit nodes whose names the result does not hold."""
        self.scalar += 1
        self.each(nodes)
        self.scalar -= 1

    def as_how(self, how: How, nodes: Iterable[ast.AST]) -> None:
        """Visit nodes and record how their names are used."""
        before, self.how = self.how, how
        self.each(nodes)
        self.how = before

    def begin(self) -> None:
        """Start to collect the sources of a statement; a function's body counts as one."""
        if not self.flat:
            self.sources = Sources()

    # -- names

    @property
    def owner(self) -> str:
        """The class whose name mangles private names here."""
        return self.scope.owner if self.scope else ""

    def visit_Name(self, node: ast.Name) -> None:
        """A name in an expression."""
        if isinstance(node.ctx, ast.Load):
            self.read(mangle(self.owner, node.id), node)
        elif isinstance(node.ctx, ast.Store):
            self.bind(mangle(self.owner, node.id), node)
        else:
            self.delete(mangle(self.owner, node.id), node)

    def read(self, name: str, node: ast.AST) -> None:
        """A name is read here."""
        if self.scope is not None and self.scope.is_local(name):
            return
        self.out.append(Read(name, node, self.how, self.guard > 0))
        if not self.scalar:
            (self.sources.calls if self.how == How.CALLED else self.sources.values).add(name)

    def is_shared(self, name: str) -> bool:
        """Whether binding a name here binds the notebook's."""
        scope = self.scope
        while scope is not None and scope.kind == "comprehension":
            scope = scope.parent
        return scope is None or name in scope.shared

    def bind(self, name: str, node: ast.AST, **how: Any) -> None:
        """A name is bound here to what the current sources hold."""
        if self.is_shared(name):
            self.out.append(Bind(name, node, self.sources, **how))
        elif self.scope is not None and self.scope.kind == "class":
            self.scope.bound.add(name)

    def delete(self, name: str, node: ast.AST) -> None:
        """A name is deleted here."""
        if self.is_shared(name):
            self.out.append(Read(name, node, How.VALUE, self.guard > 0))
            self.out.append(Delete(name, node))
        elif self.scope is not None and self.scope.kind == "class":
            self.scope.bound.discard(name)

    def roots(self, node: ast.AST | None, *, joined: bool = True) -> tuple[str, ...]:
        """Names of the notebook whose object may be, or be in, an expression's value.

        Args:
            node: The expression.
            joined: Whether results of operators count: `a + b` holds the elements of both lists.
        """
        if isinstance(node, ast.Name):
            name = mangle(self.owner, node.id)
            local = self.scope is not None and self.scope.is_local(name)
            return () if local else (name,)
        found: list[str] = []
        for part in _parts(node, joined):
            found.extend(self.roots(part, joined=joined))
        return tuple(found)

    def touch(
        self, node: ast.AST | None, place: ast.AST, *, sure: bool = False, called: bool = False
    ) -> None:
        """Record that the values of an expression may change."""
        for name in self.roots(node, joined=sure):
            self.out.append(Touch(name, place, self.sources, sure, called))

    # -- special expressions

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """`:=`."""
        self.visit(node.value)
        self.sources.aliases += self.roots(node.value)
        self.bind(mangle(self.owner, node.target.id), node.target)

    def visit_Compare(self, node: ast.Compare) -> None:
        """A comparison: `in` may advance an iterator; `"x" in globals()` tests for a name."""
        if self.asks_for_name(node):
            return
        self.scalars(node.left, *node.comparators)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                self.touch(right, node)

    def asks_for_name(self, node: ast.Compare) -> bool:
        """Read x in `"x" in globals()`; returns whether the comparison has this form."""
        match node:
            case ast.Compare(
                left=ast.Constant(value=str(name)),
                ops=[ast.In() | ast.NotIn()],
                comparators=[ast.Call(func=ast.Name(id=called), args=[])],
            ) if called == "globals" or (not self.scope and called in {"locals", "vars", "dir"}):
                self.out.append(Read(name, node, How.VALUE, guarded=True))
                return True
        return False

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """An f-string does not hold the values that it formats."""
        self.scalars(*node.values)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """`not` does not hold its operand."""
        if isinstance(node.op, ast.Not):
            self.scalars(node.operand)
        else:
            self.visit(node.operand)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`and`, `or`: all operands but the first may be skipped."""
        self.visit(node.values[0])
        for value in node.values[1:]:
            self.maybe(partial(self.visit, value))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """`a if test else b`."""
        self.scalars(node.test)
        self.maybe(partial(self.visit, node.body), partial(self.visit, node.orelse))

    def maybe(self, *runs: Callable[[], None]) -> None:
        """The events of paths of which at most one is taken."""
        paths = [self.captured(run) for run in runs]
        if any(isinstance(event, Bind | Branch) for path in paths for event in path):
            self.out.append(Branch(paths if len(paths) > 1 else [*paths, []]))
        else:
            for path in paths:
                self.out.extend(path)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """`x[i]` holds a part of x, not of i; `globals()["x"]` is the name x."""
        name = self.spelled_global(node)
        if name is None:
            self.visit(node.value)
            self.scalars(node.slice)
        elif isinstance(node.ctx, ast.Load):
            self.out.append(Read(name, node, self.how, self.guard > 0))
            self.sources.values.add(name)

    def spelled_global(self, node: ast.AST) -> str | None:
        """The name in `globals()["name"]`."""
        if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call)):
            return None
        called, key = node.value.func, node.slice
        names = {"globals"} if self.scope else {"globals", "locals", "vars"}
        if not (isinstance(called, ast.Name) and called.id in names and not node.value.args):
            return None
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None

    def advance(self, node: ast.AST, place: ast.AST) -> None:
        """Visit an expression whose value may change here: it is advanced or passed on."""
        self.visit(node)
        self.touch(node, place)

    def visit_Yield(self, node: ast.Yield | ast.YieldFrom | ast.Await) -> None:
        """`yield` passes a value to the caller, who may change it; the others advance it."""
        if node.value is not None:
            self.advance(node.value, node)

    visit_YieldFrom = visit_Await = visit_Yield

    # -- comprehensions

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> None:
        """A comprehension runs immediately, in a separate scope."""
        self.advance(node.generators[0].iter, node)
        self.in_comprehension(node)

    visit_SetComp = visit_DictComp = visit_ListComp

    def in_comprehension(self, node: Any) -> None:
        """A comprehension without its first iterable, which may be empty."""
        self.maybe(partial(self.repeated, node))

    def repeated(self, node: Any) -> None:
        """The events of a comprehension for each item."""
        before = self.scope
        self.scope = comprehension_scope(node.generators, before, self.owner)
        for index, generator in enumerate(node.generators):
            if index:
                self.advance(generator.iter, node)
            self.scalars(*generator.ifs)
        if isinstance(node, ast.DictComp):
            self.scalars(node.key)
            self.visit(node.value)
        else:
            self.visit(node.elt)
        self.scope = before


def _parts(node: ast.AST | None, joined: bool) -> Iterable[ast.AST | None]:
    """The parts of an expression whose objects its value may be or contain."""
    match node:
        case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await() | ast.NamedExpr():
            return (node.value,)
        case ast.BoolOp():
            return node.values
        case ast.IfExp():
            return (node.body, node.orelse)
        case ast.Tuple() | ast.List() | ast.Set():
            return node.elts
        case ast.Dict():
            return node.values
        case ast.BinOp(op=ast.Add() | ast.Mult() | ast.BitOr()) if joined:
            return (node.left, node.right)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return (node.elt, *(generator.iter for generator in node.generators))
        case ast.DictComp():
            return (node.value, *(generator.iter for generator in node.generators))
        case _:
            return ()
