"""The code digest: the meaning of a step's code, equal on every supported Python.

Ignores comments, formatting and quotes, but not docstrings. Hashes a form of our own, because the
output of `ast.dump` changes between versions: without empty and absent fields, positions, type
comments and the `u` of strings.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LEFT_OUT = frozenset({"ctx", "type_comment", "type_ignores", "kind"})
_FORMAT = b"ithaca-code-1"


def canonical(node: ast.AST | Sequence[ast.AST]) -> bytes:
    """The bytes to hash for a tree (or several statements).

    Example:
        >>> canonical(ast.parse("x = 'a'  # one")) == canonical(ast.parse('x=("a")'))
        True
        >>> canonical(ast.parse("x = 1")) == canonical(ast.parse("x = 1.0"))
        False
    """
    text = _text(node if isinstance(node, ast.AST) else list(node))
    return text.encode("utf-8", "surrogatepass")


def code_digest(pieces: Iterable[tuple[str, bytes]]) -> str:
    """The digest of a step's code.

    Args:
        pieces: Kind and canonical bytes of each piece, in the order in which they run.

    Returns:
        BLAKE3 as 64 hexadecimal characters.
    """
    from blake3 import blake3

    hasher = blake3(_FORMAT)
    for kind, data in pieces:
        # The lengths separate pieces unambiguously.
        hasher.update(f"\n{kind} {len(data)}\n".encode())
        hasher.update(data)
    return hasher.hexdigest()


def _text(value: Any) -> str:
    """A node, a list or a constant as text."""
    if isinstance(value, list):
        return "[" + "".join([_text(item) + "," for item in value]) + "]"
    if not isinstance(value, ast.AST):
        return _constant(value)
    if isinstance(value, ast.Constant):
        return f"({_constant(value.value)})"
    fields = ""
    for name in value._fields:
        part = getattr(value, name, None)
        if part is None or name in _LEFT_OUT or part == []:
            continue
        if name == "values" and isinstance(value, ast.JoinedStr):
            part = _joined(part)
        fields += f"{name}={_text(part)}"
    return f"{type(value).__name__}({fields})"


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string with adjacent texts joined: versions of Python split differently."""
    parts: list[ast.expr] = []
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            before = parts[-1] if parts else None
            if isinstance(before, ast.Constant) and isinstance(before.value, str):
                parts[-1] = ast.Constant(before.value + value.value)
                continue
            if not value.value:
                continue
        parts.append(value)
    return parts


def _constant(value: object) -> str:
    """A constant with its type, so that `1`, `1.0`, `True` and `'1'` differ."""
    if value is None or value is Ellipsis or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return f"int:{value:x}"  # hexadecimal: `str` refuses very long integers
    if isinstance(value, str):
        return f"str:{len(value)}:{value}"
    return f"{type(value).__name__}:{value!r}"
