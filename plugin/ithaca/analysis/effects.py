"""From statements to events: resolves every effect of Python code on names."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING, Any

from ithaca.analysis import magics
from ithaca.analysis.calls import FROZEN, isolated_scope
from ithaca.analysis.definitions import Definitions
from ithaca.analysis.events import (
    Bind,
    Branch,
    Delete,
    Event,
    Finding,
    Loop,
    Stop,
    Touch,
    Try,
)
from ithaca.analysis.scopes import mangle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.stars import StarNames

_CATCH_NAME_ERRORS = frozenset({"NameError", "Exception", "BaseException"})


def effects(
    parsed: ParsedCell, stars: Callable[[str, int], StarNames], *, annotations: bool = True
) -> tuple[list[tuple[ast.stmt, list[Event]]], list[Finding]]:
    """The events of each statement of a cell, and findings for `check`.

    Args:
        parsed: The cell.
        stars: Which names `from module import *` binds.
        annotations: Whether annotations are evaluated where they stand; `from __future__ import
            annotations` anywhere in the notebook switches that off.
    """
    walker = Statements(parsed, stars, annotations=annotations)
    found: list[tuple[ast.stmt, list[Event]]] = []
    codes = [magics.cell_magic(name, line) for name, line in parsed.magics]
    top: ast.AST = parsed.statements[0] if parsed.statements else ast.Pass(lineno=1, col_offset=0)
    for code in codes:
        walker.magic(code, top)
    if any(code.isolated for code in codes):
        walker.scope = isolated_scope(parsed.statements, None)
    for statement in parsed.statements:
        walker.visit(statement)
        found.append((statement, walker.out))
        walker.out = []
    if codes:
        # The events of a cell magic itself belong to the first statement, if there is one.
        return [(ast.Pass(lineno=1, col_offset=0), walker.out), *found], walker.findings
    return found, walker.findings


class Statements(Definitions):
    """Walks statements."""

    def body(self, statements: Sequence[ast.stmt]) -> list[Event]:
        """The events of a block, collected separately."""
        return self.captured(partial(self.each, statements))

    # -- simple statements

    def visit_Expr(self, node: ast.Expr) -> None:
        """An expression on its own line."""
        self.begin()
        self.statement = node.value
        self.visit(node.value)
        self.statement = None

    def visit_Assign(self, node: ast.Assign) -> None:
        """`a = b = value`."""
        self.begin()
        self.visit(node.value)
        self.hold(node.value)
        for target in node.targets:
            self.assign(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """`a: int = value`."""
        self.begin()
        simple = isinstance(node.target, ast.Name)
        if not (simple and self.scope is not None and self.scope.kind != "class"):
            self.annotation(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.hold(node.value)
            self.assign(node.target, node.value)

    def hold(self, value: ast.expr) -> None:
        """Bind the targets to what the value holds; local targets may change it unnoticed."""
        self.sources.aliases = (*self.sources.aliases, *self.roots(value))
        if self.scope is not None:
            self.touch(value, value)

    def assign(self, target: ast.expr, value: ast.expr | None) -> None:
        """One target of an assignment, a loop or a `with`."""
        if isinstance(target, ast.Name):
            name = mangle(self.owner, target.id)
            by_call = isinstance(value, ast.Call) and not is_frozen(value)
            self.bind(name, target, frozen=is_frozen(value), by_call=by_call)
        elif isinstance(target, ast.Tuple | ast.List):
            self.unpack(target, value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, None)
        else:
            self.store(target)

    def unpack(self, target: ast.Tuple | ast.List, value: ast.expr | None) -> None:
        """`a, b = value`: from a display of the same length pairwise, else by iteration."""
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        plain = not any(isinstance(item, ast.Starred) for item in (*target.elts, *parts))
        if plain and len(parts) == len(target.elts):
            for item, part in zip(target.elts, parts, strict=True):
                self.assign(item, part)
            return
        self.touch(value, target)
        for item in target.elts:
            self.assign(item, None)

    def store(self, target: ast.expr) -> None:
        """`x.a = …`, `x[i] = …`, or their deletion: changes x in place."""
        name = self.spelled_global(target)
        if name is not None:
            self.out.append(Bind(name, target, self.sources))
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self.scalars(target.value)
            if isinstance(target, ast.Subscript):
                self.scalars(target.slice)
            self.touch(target.value, target, sure=True)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """`x += value` changes x in place where it can, and binds it."""
        self.begin()
        if not isinstance(node.target, ast.Name):
            self.visit(node.value)
            self.store(node.target)
            return
        name = mangle(self.owner, node.target.id)
        self.read(name, node.target)
        self.visit(node.value)
        if self.is_shared(name):
            self.sources.aliases = (*self.sources.aliases, name)
            self.out.append(Touch(name, node.target, self.sources, sure=True))
        self.bind(name, node.target)

    def visit_Delete(self, node: ast.Delete) -> None:
        """`del x`, `del x[i]`."""
        self.begin()
        for target in node.targets:
            name = self.spelled_global(target)
            if name is not None:
                self.out.append(Delete(name, target))
            elif isinstance(target, ast.Attribute | ast.Subscript):
                self.store(target)
            else:
                self.visit(target)

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b`, `import a.b as c`."""
        self.begin()
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            self.bind(mangle(self.owner, name), node, imported=True)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from a import b`, `from a import *`."""
        self.begin()
        for alias in node.names:
            if alias.name != "*":
                name = mangle(self.owner, alias.asname or alias.name)
                self.bind(name, node, imported=True)
                continue
            found = self.stars(node.module or "", node.level)
            for name in found.names:
                self.bind(name, node, imported=True)
            if not found.exact:
                self.findings.append(Finding("star", node, node.module or "."))

    def visit_Return(self, node: ast.Return) -> None:
        """`return`: the caller may change the value."""
        if self.scope is None:
            self.findings.append(Finding("syntax", node, "'return' outside function"))
        if node.value is not None:
            self.advance(node.value, node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """`raise` ends the path."""
        self.generic_visit(node)
        self.stop()

    def visit_Break(self, node: ast.Break | ast.Continue) -> None:  # noqa: ARG002
        """`break` ends the path."""
        self.stop()

    visit_Continue = visit_Break

    def stop(self) -> None:
        """End the path: the code after it is not reached."""
        if not self.flat:
            self.out.append(Stop())

    def visit_Global(self, node: ast.AST) -> None:
        """`global` and `nonlocal`, which the scope has handled."""

    visit_Nonlocal = visit_Global

    # -- compound statements

    def visit_If(self, node: ast.If) -> None:
        """`if`: a test such as `"x" in globals()` guards the names in it."""
        self.begin()
        self.scalars(node.test)
        guarded = _asks_for_names(node.test)
        self.guard += guarded
        if _is_main(node.test):
            self.each(node.body)
        else:
            self.out.append(Branch([self.body(node.body), self.body(node.orelse)]))
        self.guard -= guarded

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """`for`: advances an iterator, and its target holds the elements."""
        self.begin()
        self.advance(node.iter, node.iter)
        self.sources.aliases = (*self.sources.aliases, *self.roots(node.iter))

        def once() -> None:
            self.assign(node.target, None)
            self.each(node.body)

        self.out.append(Loop(self.captured(once), self.body(node.orelse)))

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        """`while`."""
        self.begin()
        self.scalars(node.test)
        self.out.append(Loop(self.body(node.body), self.body(node.orelse)))

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """`with`: a context manager other than `open` may suppress an exception."""
        for item in node.items:
            self.begin()
            self.advance(item.context_expr, item.context_expr)
            self.sources.aliases = (*self.sources.aliases, *self.roots(item.context_expr))
            if item.optional_vars is not None:
                self.assign(item.optional_vars, None)
        if all(_is_open(item.context_expr) for item in node.items):
            self.each(node.body)
        else:
            self.out.append(Branch([self.body(node.body), []]))

    visit_AsyncWith = visit_With

    def visit_Try(self, node: Any) -> None:
        """`try`."""
        guarded = any(_catches_name_errors(handler.type) for handler in node.handlers)
        self.guard += guarded
        body = self.body(node.body)
        self.guard -= guarded
        handlers = [self.handler(handler) for handler in node.handlers]
        self.out.append(Try(body, handlers, self.body(node.orelse), self.body(node.finalbody)))

    visit_TryStar = visit_Try

    def handler(self, node: ast.ExceptHandler) -> list[Event]:
        """`except E as name`: the name is deleted at the end."""

        def run() -> None:
            self.begin()
            if node.type is not None:
                self.scalars(node.type)
            if node.name:
                self.bind(mangle(self.owner, node.name), node)
            self.each(node.body)
            if node.name and self.is_shared(node.name) and not self.flat:
                self.out.append(Delete(node.name, node, implied=True))

        return self.captured(run)

    def visit_Match(self, node: ast.Match) -> None:
        """`match`."""
        self.begin()
        self.advance(node.subject, node.subject)
        held = self.roots(node.subject)
        paths = [self.captured(partial(self.case, case, held)) for case in node.cases]
        last = node.cases[-1]
        always = last.guard is None and isinstance(last.pattern, ast.MatchAs)
        if not (always and getattr(last.pattern, "pattern", None) is None):
            paths.append([])
        self.out.append(Branch(paths))

    def case(self, node: ast.match_case, held: tuple[str, ...]) -> None:
        """One `case`: what its pattern binds, its guard and its body."""
        self.sources.aliases = (*self.sources.aliases, *held)
        self.visit(node.pattern)
        if node.guard is not None:
            self.scalars(node.guard)
        self.each(node.body)

    def visit_MatchAs(self, node: Any) -> None:
        """A pattern that binds a name."""
        self.generic_visit(node)
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self.bind(mangle(self.owner, name), node)

    visit_MatchStar = visit_MatchMapping = visit_MatchAs


def is_frozen(value: ast.AST | None) -> bool:
    """Whether an expression's value can never change: numbers, strings, comparisons."""
    match value:
        case ast.Constant() | ast.JoinedStr() | ast.Compare():
            return True
        case ast.UnaryOp(op=op, operand=operand):
            return isinstance(op, ast.Not) or is_frozen(operand)
        case ast.BinOp(left=left, right=right):
            return is_frozen(left) and is_frozen(right)
        case ast.Tuple(elts=items):
            return all(is_frozen(item) for item in items)
        case ast.Call(func=ast.Name(id=name)):
            return name in FROZEN
        case _:
            return False


def _catches_name_errors(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = {node.id for node in ast.walk(caught) if isinstance(node, ast.Name)}
    return bool(names & _CATCH_NAME_ERRORS)


def _asks_for_names(test: ast.expr) -> bool:
    """Whether a test asks which names exist: `"x" in globals()`."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"globals", "locals", "dir", "vars"}
        for node in ast.walk(test)
    )


def _is_main(test: ast.expr) -> bool:
    """`__name__ == "__main__"`, which holds in every notebook."""
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]
        ):
            return True
    return False


def _is_open(context: ast.expr) -> bool:
    function = context.func if isinstance(context, ast.Call) else None
    name = getattr(function, "id", None) or getattr(function, "attr", None)
    return name == "open"
