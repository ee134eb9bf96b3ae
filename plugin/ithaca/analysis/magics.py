"""The effects of IPython magics and shell lines on the notebook's names.

IPython turns them into calls such as `get_ipython().run_line_magic("time", "f(x)")`. This module
finds which Python code such a call runs, which names it expands and binds, and whether its effects
are known at all.
"""

from __future__ import annotations

import ast
import re
import string
from dataclasses import dataclass


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Run a statement in the notebook's namespace, or in a separate function.
_STATEMENT = frozenset({"time", "prun", "lprun", "mprun", "debug"})
_ISOLATED = frozenset({"timeit", "memit"})

# Do not change the notebook's names (they may read names that they expand).
_HARMLESS = words(
    """
    pip conda mamba micromamba uv matplotlib load_ext reload_ext unload_ext autoreload config
    precision env set_env cd pwd ls ll lf lk lx ldir cat mkdir rmdir mv cp rm less more man
    pinfo pinfo2 pdoc pdef psource pfile psearch pycat who who_ls whos history hist quickref
    lsmagic magic alias unalias alias_magic sx system pdb xmode colors tensorboard watermark
    dirs dhist pushd popd bookmark pprint doctest_mode notebook gui automagic autosave
    autoawait tb page profile killbgscripts code_wrap rehashx subplots logon logoff logstart
    logstop logstate save pastebin writefile connect_info qtconsole autopx clear cls
    """
)

PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "debug"})
"""Cell magics whose body is Python code that runs in the notebook."""

_OPAQUE_CELLS = words(
    """
    bash sh script html HTML javascript js latex markdown svg SVG writefile file cmd perl ruby
    python python2 python3 pypy system sx ! mermaid css
    """
)

AUTOMAGIC = words("pip conda mamba uv cd ls ll cat mkdir rmdir mv cp rm")
"""Magics that work without `%` when they are the only line of a cell."""

_OPTION_WITH_VALUE = re.compile(r"-[a-zA-Z]$")
_DOLLAR = re.compile(r"(?<!\$)\$([A-Za-z_]\w*)")
_OUTPUT = re.compile(r"--(?:out|err|proc)[ =](\w+)")


@dataclass(frozen=True, slots=True)
class MagicCode:
    """The effects of a magic.

    Attributes:
        statements: The Python code that it runs.
        isolated: Whether that code runs in a separate function (`%timeit`).
        expands: Expressions that IPython inserts into its text if they are bound.
        binds: Names that it binds.
        unknown: Its name for messages, when it has unknown effects.
    """

    statements: tuple[ast.stmt, ...] = ()
    isolated: bool = False
    expands: tuple[ast.expr, ...] = ()
    binds: tuple[str, ...] = ()
    unknown: str = ""


def interpret(call: ast.Call) -> MagicCode | None:
    """The effects of a call of `get_ipython().…`; None for any other call.

    Args:
        call: Any call.

    Example:
        >>> tree = ast.parse("get_ipython().run_line_magic('time', 'x = f()')")
        >>> ast.unparse(interpret(tree.body[0].value).statements[0])
        'x = f()'
    """
    function = call.func
    if not (is_magic(call) and isinstance(function, ast.Attribute)):
        return None
    texts = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if len(texts) != len(call.args) or not all(isinstance(text, str) for text in texts):
        return MagicCode(unknown=f"get_ipython().{function.attr}")
    return _interpret(function.attr, [str(text) for text in texts])


def is_magic(call: ast.Call) -> bool:
    """Whether a call has the form `get_ipython().…`."""
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"))):
            return True
    return False


def _interpret(method: str, texts: list[str]) -> MagicCode | None:
    if method in {"system", "getoutput", "getoutput_pty", "system_raw"} and len(texts) == 1:
        return MagicCode(expands=expansions(texts[0]))
    if method == "run_line_magic" and len(texts) >= 2:
        return line_magic(texts[0], texts[1])
    if method == "run_cell_magic" and len(texts) == 3:
        return cell_magic(texts[0], texts[1])
    if method in {"run_cell", "ex", "ev", "push", "reset", "magic", "run_cell_async"}:
        return MagicCode(unknown=f"get_ipython().{method}")
    return None


def line_magic(name: str, line: str) -> MagicCode:
    """The effects of `%name line`."""
    if name in _STATEMENT or name in _ISOLATED:
        statements = _statement(line)
        if statements is None:
            return MagicCode(unknown=f"%{name}")
        return MagicCode(statements=statements, isolated=name in _ISOLATED)
    unknown = "" if name in _HARMLESS else f"%{name}"
    return MagicCode(expands=expansions(line), unknown=unknown)


def cell_magic(name: str, line: str) -> MagicCode:
    """The effects of `%%name line`, without a body that is Python (see `PYTHON_CELLS`).

    IPython expands names in the line only, never in the body.
    """
    if name in PYTHON_CELLS:
        binds: tuple[str, ...] = ()
        if name == "capture":
            binds = tuple(word for word in line.split() if word.isidentifier())[:1]
        setup = _statement(line) or () if name == "timeit" else ()
        return MagicCode(statements=setup, isolated=name in _ISOLATED, binds=binds)
    unknown = "" if name in _OPAQUE_CELLS else f"%%{name}"
    binds = tuple(_OUTPUT.findall(line)) if name in _OPAQUE_CELLS else ()
    return MagicCode(expands=expansions(line), binds=binds, unknown=unknown)


def expansions(text: str) -> tuple[ast.expr, ...]:
    """The expressions that IPython inserts into a shell line: `{expression}` and `$name`.

    IPython leaves the text unchanged when one of them fails, so these reads are optional.
    """
    found: list[ast.expr] = [ast.Name(name, ast.Load()) for name in _DOLLAR.findall(text)]
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field]
    except ValueError:
        fields = []
    for field in fields:
        try:
            found.append(ast.parse(field.strip(), mode="eval").body)
        except (SyntaxError, ValueError):
            return ()
    return tuple(found)


def _statement(line: str) -> tuple[ast.stmt, ...] | None:
    """The Python code after a magic's options; None when it is not Python."""
    rest = line.strip()
    while rest.startswith("-"):
        option, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        if _OPTION_WITH_VALUE.match(option) and re.match(r"[\w./]+(\s|$)", rest):
            if option in {"-q", "-o", "-c", "-t", "-v"}:
                continue
            rest = rest.partition(" ")[2].lstrip()
    try:
        return tuple(ast.parse(rest).body)
    except (SyntaxError, ValueError):
        return None
