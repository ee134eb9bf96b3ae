"""From functions, classes, lambdas and generators to events: what runs now and what runs later."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING, Any

from ithaca.analysis.calls import Calls
from ithaca.analysis.events import (
    Bind,
    Branch,
    Deferred,
    Definition,
    Delete,
    Event,
    How,
    Loop,
    Read,
    Touch,
    Try,
    Use,
)
from ithaca.analysis.scopes import (
    LocalScope,
    arguments_of,
    class_scope,
    defaults_of,
    function_scope,
    mangle,
    type_parameter_scope,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Definitions(Calls):
    """Walks definitions."""

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function: its body runs later, everything else now."""
        self.begin()
        self.each(node.decorator_list)
        for decorator in node.decorator_list:
            self.touch(decorator, decorator)
        defaults = defaults_of(node)
        self.each(defaults)
        outer = self.scope
        self.scope = type_parameter_scope(node, outer, self.owner)
        for annotation in (*(argument.annotation for argument in arguments_of(node)), node.returns):
            self.annotation(annotation)
        scope = function_scope(node, self.scope, self.owner)
        lazy = isinstance(node, ast.AsyncFunctionDef) or scope.yields
        definition = self.deferred(
            mangle(self.owner, node.name),
            "lazy" if lazy else "function",
            node,
            scope,
            partial(self.each, node.body),
        )
        self.scope = outer
        definition.stateful = not all(isinstance(value, ast.Constant) for value in defaults)
        for value in defaults:
            self.sources.aliases = (*self.sources.aliases, *self.roots(value))
        self.define(definition, node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def annotation(self, node: ast.expr | None) -> None:
        """An annotation, unless a future import makes it a string."""
        if node is not None and self.annotations:
            self.scalars(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class: its body runs now in a separate scope, its methods later."""
        self.begin()
        self.each(node.decorator_list)
        outer, statement_sources, inner = self.scope, self.sources, self.inner
        self.scope = type_parameter_scope(node, outer, self.owner)
        self.each([*node.bases, *(keyword.value for keyword in node.keywords)])
        definition = Definition(mangle(self.owner, node.name), "class", self.cell, node)
        self.inner = definition.inner
        # The class holds everything that its body mentions.
        self.scope = class_scope(node, self.scope)
        flat, self.flat = self.flat, True
        self.each(node.body)
        self.flat = flat
        self.scope, self.sources, self.inner = outer, statement_sources, inner
        self.define(definition, node)

    def define(self, definition: Definition, node: Any) -> None:
        """Bind a definition to its name."""
        self.inner.append(definition)
        self.sources.definitions.append(definition)
        plain = None if node.decorator_list else definition
        self.bind(definition.name, node, plain=plain)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A lambda runs later."""
        self.each(defaults_of(node))
        scope = function_scope(node, self.scope, self.owner)
        run = partial(self.advance, node.body, node)
        self.use(self.deferred("<lambda>", "lazy", node, scope, run), node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """A generator expression runs later, except for its first iterable."""
        self.advance(node.generators[0].iter, node)
        run = partial(self.in_comprehension, node)
        self.use(self.deferred("<generator>", "generator", node, self.scope, run), node)

    def visit_TypeAlias(self, node: Any) -> None:
        """`type X = …`: Python computes the value on first access."""
        self.begin()
        scope = type_parameter_scope(node, self.scope, self.owner)
        name = mangle(self.owner, node.name.id)
        definition = self.deferred(name, "lazy", node, scope, partial(self.visit, node.value))
        self.inner.append(definition)
        self.sources.definitions.append(definition)
        self.bind(name, node)

    def deferred(
        self,
        name: str,
        kind: str,
        node: ast.AST,
        scope: LocalScope | None,
        run: Callable[[], None],
    ) -> Definition:
        """The definition whose body `run` visits."""
        definition = Definition(name, kind, self.cell, node)
        kept = (self.out, self.scope, self.sources, self.inner, self.how)
        modes = (self.guard, self.scalar, self.flat, self.statement)
        self.out, self.scope, self.sources = [], scope, definition.sources
        self.inner, self.how = definition.inner, How.VALUE
        self.guard, self.scalar, self.flat, self.statement = 0, 0, True, None
        run()
        _summarise(definition, self.out)
        self.out, self.scope, self.sources, self.inner, self.how = kept
        self.guard, self.scalar, self.flat, self.statement = modes
        return definition


def _summarise(definition: Definition, events: Sequence[Event]) -> None:
    """Add the events of a body to its definition; their order does not matter."""
    for event in events:
        if isinstance(event, Read):
            known = definition.reads.get(event.name)
            if known is None:
                definition.reads[event.name] = Deferred(event.node, event.how, event.guarded)
            else:
                known.guarded = known.guarded and event.guarded
                if event.how == How.CALLED:
                    known.how = How.CALLED
        elif isinstance(event, Bind):
            definition.binds.setdefault(event.name, event.node)
        elif isinstance(event, Delete):
            definition.deletes.setdefault(event.name, event.node)
        elif isinstance(event, Touch):
            definition.touches[event.name] = definition.touches.get(event.name, False) or event.sure
        else:
            assert isinstance(event, Use | Branch | Loop | Try)  # their parts are inline
