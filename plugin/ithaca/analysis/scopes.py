"""Python's scoping rules: which names in a scope are local and which belong to the notebook."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class LocalScope:
    """A scope inside the notebook's namespace.

    Attributes:
        kind: `function` (lambdas and type parameters too), `comprehension` or `class`.
        parent: The scope around it, None for the notebook's namespace.
        own: Names that are local to it.
        shared: Names declared `global` in it.
        outer: Names declared `nonlocal` in it.
        owner: The innermost class around it, whose name mangles `__private` names.
        bound: In a class: names that its body has bound so far.
        yields: In a function: whether it is a generator.
    """

    kind: str
    parent: LocalScope | None
    own: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)
    owner: str = ""
    bound: set[str] = field(default_factory=set)
    yields: bool = False

    def is_local(self, name: str) -> bool:
        """Whether a name that is read here is not the notebook's.

        A class body reads its own name from the notebook until it binds it.
        """
        if name in self.shared:
            return False
        if self.kind == "class":
            if name in self.bound or name in _CLASS_NAMES:
                return True
        elif name in self.own:
            return True
        scope = self.parent
        while scope is not None:
            # Scopes inside a class do not see the class's names.
            if scope.kind != "class":
                if name in scope.shared:
                    return False
                if name in scope.own:
                    return True
            scope = scope.parent
        return False


_CLASS_NAMES = frozenset({"__module__", "__qualname__", "__firstlineno__", "__classdict__"})


def mangle(owner: str, name: str) -> str:
    """The name that Python uses for `__private` inside a class.

    Example:
        >>> mangle("_Model", "__state"), mangle("Model", "__init__"), mangle("", "__state")
        ('_Model__state', '__init__', '__state')
    """
    stripped = owner.lstrip("_")
    if not stripped or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    return f"_{stripped}{name}"


def arguments_of(node: Function) -> list[ast.arg]:
    """The arguments of a function or lambda."""
    found = node.args
    extra = [argument for argument in (found.vararg, found.kwarg) if argument is not None]
    return [*found.posonlyargs, *found.args, *found.kwonlyargs, *extra]


def defaults_of(node: Function) -> list[ast.expr]:
    """The defaults of its arguments."""
    return [*node.args.defaults, *(value for value in node.args.kw_defaults if value)]


def function_scope(node: Function, parent: LocalScope | None, owner: str) -> LocalScope:
    """The scope of a function's or lambda's body."""
    scope = LocalScope("function", parent, owner=owner)
    scope.own.update(mangle(owner, argument.arg) for argument in arguments_of(node))
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    _collect(body, scope)
    if owner:
        scope.own.add("__class__")  # the cell behind `super()`
    return scope


def class_scope(node: ast.ClassDef, parent: LocalScope | None) -> LocalScope:
    """The scope of a class body."""
    scope = LocalScope("class", parent, owner=node.name)
    _collect(node.body, scope)
    return scope


def comprehension_scope(
    generators: Iterable[ast.comprehension], parent: LocalScope | None, owner: str
) -> LocalScope:
    """The scope of a comprehension: its targets, nothing else (`:=` binds outside)."""
    scope = LocalScope("comprehension", parent, owner=owner)
    for generator in generators:
        for target in ast.walk(generator.target):
            if isinstance(target, ast.Name):
                scope.own.add(mangle(owner, target.id))
    return scope


def type_parameter_scope(node: Any, parent: LocalScope | None, owner: str) -> LocalScope | None:
    """The scope around a generic function, class or type alias (PEP 695), None without one."""
    parameters = getattr(node, "type_params", None)
    if not parameters:
        return parent
    names = {mangle(owner, parameter.name) for parameter in parameters}
    return LocalScope("function", parent, own=names, owner=owner)


def _collect(body: Iterable[ast.AST], scope: LocalScope) -> None:
    """Add the names that a body binds, without those of inner scopes."""
    pending = list(body)
    found: set[str] = set()
    while pending:
        node = pending.pop()
        pending.extend(_inside(node, found, scope))
    names = {mangle(scope.owner, name) for name in found}
    scope.own |= names - scope.shared - scope.outer


def _inside(node: ast.AST, found: set[str], scope: LocalScope) -> Iterable[ast.AST]:
    """Record what one node binds; return the nodes to visit next."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        return ()
    if isinstance(node, ast.ClassDef):
        found.add(node.name)
        keywords = (keyword.value for keyword in node.keywords)
        return (*node.bases, *keywords, *node.decorator_list)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        found.add(node.name)
        return (*defaults_of(node), *node.decorator_list)
    if isinstance(node, ast.Lambda):
        return defaults_of(node)
    if isinstance(node, _COMPREHENSIONS):
        # `:=` in a comprehension binds in the scope around it.
        walrus = [part.target for part in ast.walk(node) if isinstance(part, ast.NamedExpr)]
        return (node.generators[0].iter, *walrus)
    if isinstance(node, ast.Global):
        scope.shared.update(mangle(scope.owner, name) for name in node.names)
    elif isinstance(node, ast.Nonlocal):
        scope.outer.update(mangle(scope.owner, name) for name in node.names)
    elif isinstance(node, ast.Yield | ast.YieldFrom):
        scope.yields = True
    else:
        found.update(_named(node))
    return ast.iter_child_nodes(node)


def _named(node: ast.AST) -> Iterable[str]:
    """Names that a node holds as a plain string."""
    if isinstance(node, ast.alias):
        return (node.asname or node.name.split(".")[0],)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return (node.name,) if node.name else ()
    if isinstance(node, ast.MatchMapping):
        return (node.rest,) if node.rest else ()
    return ()
