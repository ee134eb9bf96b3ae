"""The canonical form of code: equal for equal code, on every Python."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ithaca.analysis import digest
from ithaca.analysis.digest import canonical, code_digest

SAMPLE = '''
@d(1, *a, k=2)
async def f(x, /, y: int = -1, *z, w=None, **kw) -> "s":
    """Doc."""
    async with a as b, c: await g()
    return f"a{x!r:>{y}}b{z=}" f"{{}}" "t" 'u' f"{x:%Y-%m}", b"q", 1e300, 1j, ..., u"v", 10 ** 20
class C(B, metaclass=M):
    x: int
    y: list[int] = [*a, {**b, "k": {1}}]
def g():
    try: pass
    except* E as e: raise X from e
    finally: nonlocal_ = lambda *, k: (yield)
match q:
    case {"a": [1, *r], **kw} | P(x=None) if q: pass
print(x[1:2, ::3], not x, x if y else z, [i async for i in y if i], 0xFFFFFFFFFFFFFFFFFFFFFFFF)
'''


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x=1", "x = 1  # why"),
        ("x = 'a'", 'x = "a"'),
        ("x = u'a'", "x = 'a'"),
        ("x = (1)", "x = 1"),
        ("f'a' 'b'", "f'ab'"),
        ("if a:\n  b", "if a:\n    b\n\n"),
    ],
)
def test_equal_code_has_the_same_form(one: str, other: str) -> None:
    assert canonical(ast.parse(one)) == canonical(ast.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = '1'", "x = 1"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = ..."),
        ("return_ = None", "return_ = 'None'"),
        ('def f():\n    "a"', 'def f():\n    "b"'),
        ("{**a}", "{a: a}"),
        ("f(a, b=c)", "f(a, c)"),
        ("def f(*, a, b=1): pass", "def f(*, a=1, b): pass"),
        ("x = 'a', 'b'", "x = 'a,b'"),
    ],
)
def test_different_code_has_another_form(one: str, other: str) -> None:
    assert canonical(ast.parse(one)) != canonical(ast.parse(other))


def test_pieces_are_kept_apart() -> None:
    assert code_digest([("user", b"ab")]) != code_digest([("user", b"a"), ("user", b"b")])
    assert code_digest([("user", b"a")]) != code_digest([("imports", b"a")])


def test_the_form_is_pinned() -> None:
    # A change here changes every key: raise the format's version with it.
    assert code_digest([("user", canonical(ast.parse("x = f(1, 'a')")))]) == PINNED


PINNED = "95e9904731d3e4b7e1aeac306c9c09487f06473d2d1154656051fee6eacc3a87"


@pytest.mark.parametrize("minor", [12, 13, 14])
def test_every_python_writes_the_same_form(minor: int) -> None:
    python = shutil.which(f"python3.{minor}")
    program = (
        "import ast, runpy, sys; m = runpy.run_path(sys.argv[1]);"
        "sys.stdout.write(m['canonical'](ast.parse(sys.stdin.read())).decode())"
    )
    arguments = [str(python), "-c", program, str(Path(digest.__file__))]
    if python is None or subprocess.run([python, "-V"], capture_output=True).returncode:
        pytest.skip(f"no Python 3.{minor} here")
    answer = subprocess.run(arguments, input=SAMPLE, capture_output=True, text=True, check=True)
    assert answer.stdout == canonical(ast.parse(SAMPLE)).decode(), sys.version
