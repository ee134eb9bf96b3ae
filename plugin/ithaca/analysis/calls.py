"""From calls to events: what they may change, IPython magics, and calls with hidden effects."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ithaca.analysis import magics
from ithaca.analysis.events import Definition, Finding, How, Use
from ithaca.analysis.expressions import Expressions
from ithaca.analysis.magics import words
from ithaca.analysis.scopes import LocalScope

if TYPE_CHECKING:
    from collections.abc import Iterable

# Builtins that neither change their arguments nor return them.
PURE = words(
    """
    print len isinstance issubclass type id hash callable repr str int float complex bool abs
    round range format hasattr ord chr bin hex oct ascii help display divmod pow
    """
)
FROZEN = PURE - {"type", "help", "display", "divmod", "pow", "abs", "round"}

_UNKNOWN_CALLS = frozenset({"exec", "eval", "globals", "locals", "vars", "execfile"})

# Calls that change a library's settings, by the last names of the dotted function.
_SETTINGS = words(
    """
    set_option reset_option style.use set_default_dtype set_default_device filterwarnings
    simplefilter set_theme set_style set_palette set_context set_printoptions seterr
    set_float32_matmul_precision set_num_threads use_deterministic_algorithms basicConfig
    rcParams.update rcdefaults config.update set_grad_enabled set_floatx set_global_policy
    set_config set_verbosity setLevel addHandler setlocale setrecursionlimit tqdm.pandas sns.set
    plt.rc set_start_method setdefaulttimeout
    """
)

_QUERY = re.compile(r"@([A-Za-z_]\w*)")


class Calls(Expressions):
    """Walks calls, magics included."""

    def visit_Call(self, node: ast.Call) -> None:
        """A call may change what it is given, what it is called on, and itself."""
        magic = magics.interpret(node) if isinstance(node.func, ast.Attribute) else None
        if magic is not None:
            self.magic(magic, node)
            return
        function = node.func
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(function, ast.Attribute):
            self.as_how(How.CALLED, [function.value])
            self.dotted(function, node)
        elif isinstance(function, ast.Name):
            self.as_how(How.CALLED, [function])
            self.plain_call(function.id, node)
        else:
            self.visit(function)
        pure = isinstance(function, ast.Name) and function.id in PURE
        self.scalar += pure
        self.as_how(How.PASSED, arguments)
        self.scalar -= pure
        if not pure:
            meant = self.statement is node
            receiver = function.value if isinstance(function, ast.Attribute) else function
            self.touch(receiver, node, sure=meant and receiver is not function, called=True)
            for argument in arguments:
                self.touch(argument, node)

    def plain_call(self, name: str, node: ast.Call) -> None:
        """Record calls with unknown effects on names."""
        if name not in _UNKNOWN_CALLS or (name == "vars" and node.args):
            return
        if self.scope is not None and (name in {"locals", "vars"} or self.scope.is_local(name)):
            return
        if self.statement is not node.func:
            self.findings.append(Finding("unknown", node, f"{name}()"))

    def dotted(self, function: ast.Attribute, node: ast.Call) -> None:
        """Record changes of a library's settings, and names in the text of a pandas query."""
        last, base = function.attr, function.value
        two = f"{base.attr}.{last}" if isinstance(base, ast.Attribute) else last
        library = isinstance(base, ast.Name) and base.id in {"rcParams", "tqdm", "sns", "plt"}
        two = f"{ast.unparse(base)}.{last}" if library else two
        if last in _SETTINGS or two in _SETTINGS:
            self.findings.append(Finding("setting", node, ast.unparse(function)))
        if last in {"query", "eval"} and node.args:
            self.guard += 1
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    for name in _QUERY.findall(part.value):
                        self.read(name, node)
            self.guard -= 1

    def magic(self, magic: magics.MagicCode, node: ast.AST) -> None:
        """The events of an IPython magic."""
        self.guard += 1
        for expression in magic.expands:
            placed(expression, node)
            self.scalars(expression)
        self.guard -= 1
        self.magic_statements(magic, node)
        for name in magic.binds:
            self.bind(name, node)
        if magic.unknown:
            kind = "magic" if magic.unknown.startswith("%") else "unknown"
            self.findings.append(Finding(kind, node, magic.unknown))

    def magic_statements(self, magic: magics.MagicCode, node: ast.AST) -> None:
        """The events of the Python code in a magic."""
        before = self.scope
        if magic.isolated:
            self.scope = isolated_scope(magic.statements, before)
        for statement in magic.statements:
            placed(statement, node)
            self.visit(statement)
        self.scope = before

    def use(self, definition: Definition, node: ast.AST) -> None:
        """A lambda or generator expression, which its receiver may run."""
        self.inner.append(definition)
        if not self.scalar:
            self.sources.definitions.append(definition)
        if definition.kind == "generator" or self.how == How.PASSED:
            self.out.append(Use(definition, node, self.how))


def isolated_scope(statements: Iterable[ast.stmt], parent: LocalScope | None) -> LocalScope:
    """The scope of code that runs in a separate function, as in `%timeit`."""
    own = {
        node.id
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return LocalScope("function", parent, own=own)


def placed(node: ast.AST, at: ast.AST) -> None:
    """Give a tree that was parsed from a string the place of that string."""
    for part in ast.walk(node):
        if "lineno" in part._attributes:
            ast.copy_location(part, at)
