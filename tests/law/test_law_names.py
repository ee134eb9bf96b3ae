"""The law for names: every way to bind, read, change and delete one."""

# ruff: noqa: E501 - a cell is one string

from __future__ import annotations

import pytest
from law_notebooks import Bench, Cells, difference, in_a_row

NOTEBOOKS: dict[str, Cells] = {
    "comprehensions at the top level": in_a_row(
        "xs = [1, 2, 3]\nx = 'kept'\nfs = [lambda: x for x in xs]",
        "ys = [f() * k for f in fs for k in [z for z in xs if z > 1]]\nd = {x: v for x, v in zip(xs, ys)}",
        "print(ys, d, x, [xs.append(i) for i in (7, 8)])",
        "print(xs, fs[0](), {*xs})",
    ),
    "loops, with, try, match and the walrus": in_a_row(
        "for i, (a, *b) in enumerate([(1, 2, 3), (4, 5)]):\n    pass\nelse:\n    done = True\n"
        "with io.StringIO('text') as handle:\n    text = handle.read()\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    kept = error\n    message = str(error)\n"
        "match {'k': [1, 2], 'z': 3}:\n    case {'k': [p, *q], **rest}:\n        pass\n"
        "if (n := len(text)) > 3:\n    long = n",
        "print(i, a, b, done, text, message, p, q, rest, n, long, repr(kept))",
        "while (n := n - 1) > 2:\n    i += n\nprint(i, n)",
        imports="import io",
    ),
    "del": in_a_row(
        "x = [1]\ny = x\nz = 5",
        "del x\ny.append(2)\ndel z",
        "try:\n    x\nexcept NameError as error:\n    print(error)\nprint(y, 'z' in globals())",
        "x = 'again'",
        "print(x, y)",
    ),
    "del of items, attributes and slices": in_a_row(
        "class C: pass\nc = C()\nc.a, c.b = 1, 2\nd = dict(k=1, m=2)\nxs = list(range(6))",
        "del c.a, d['k'], xs[1:4]",
        "print(vars(c), d, xs)",
    ),
    "augmented assignments": in_a_row(
        "xs = [1]\nys = xs\nn = 1\nt = (1,)\nu = t\ns = {1}\nr = s",
        "xs += [2]\nn += 1\nt += (2,)\ns |= {3}",
        "print(xs, ys, xs is ys, n, t, u, s, r is s)",
    ),
    "imports with as, dots and stars": in_a_row(
        "p = osp.join('a', 'b')\nprint(floor(2.5), xml.dom.minidom.__name__)",
        "print(p, osp.basename(p), ceil(1.2))",
        "import collections.abc as cabc\nprint(isinstance([], cabc.Sized))",
        "print(cabc.Sized.__name__, pi)",
        imports="import os.path as osp\nfrom math import *\nimport xml.dom.minidom",
    ),
    "imports within steps": in_a_row(
        "import os.path\nimport json as j\nfrom math import sqrt as root, pi",
        "print(os.path.basename('a/b'), j.dumps([1]), root(4))",
        "def f():\n    return j.loads('[2]'), pi\nprint(f())",
        "print(f(), os.sep)",
    ),
    "an if that defines a function either way": in_a_row(
        "flag = True\nif flag:\n    def f():\n        return yes\nelse:\n    def f():\n        return no",
        "yes, no = 'yes', 'no'",
        "print(f())",
        "flag = False\nif flag:\n    def f():\n        return yes + '!'",
        "print(f())",
    ),
    "bound on one path only": in_a_row(
        "x = [1]\nflag = False",
        "if flag:\n    x = 'other'\n    extra = 1",
        "x.append(2)\nprint(x)",
        "print(x)",
    ),
    "shadowed builtins": in_a_row(
        "print(len([1]))\nlist = [3]\ndef sum(xs):\n    return ('mine', *xs)\nmax = min",
        "print(list, sum([1]), max(1, 2))",
        "del list, max\nprint(list('ab'), sum([2]), max(1, 2))",
        "print(list('c'), sum([3]))",
    ),
    "class bodies that read globals": in_a_row(
        "base = 10\nclass C:\n    x = base + 1\n    ys = [x for x in range(base) if x > 8]\n    def get(self):"
        "\n        return base + self.x",
        "base = 20\nprint(C.x, C.ys, C().get())",
        "C.x = 0\nc = C()",
        "print(c.get(), c.x)",
    ),
    "class bodies in functions cells that read values of steps": [
        ("functions", "class C:\n    def get(self):\n        return base + offset\noffset = 1"),
        ("a", "base = 10\nc = C()"),
        ("b < a", "base = 20\noffset = 5\nprint(c.get())"),
        ("c < b", "print(c.get(), C().get(), offset)"),
    ],
    "default arguments": in_a_row(
        "seen = [1]\ndef f(x, acc=seen, *, n=len(seen)):\n    acc.append(x)\n    return acc, n",
        "f(2)\nseen.append(3)",
        "print(f(4), seen, f.__defaults__[0] is seen)",
    ),
    "mutable defaults in functions cells": in_a_row(
        "print(f(1))",
        "print(f(2))",
        "print(f(3), f.__defaults__)",
        functions="def f(x, acc=[]):\n    acc.append(x)\n    return list(acc)",
    ),
    "names that only f-strings read": in_a_row(
        "name = 'n'\nwidth = 6\nvalue = 3.14159\nd = {'k': 'v'}",
        "print(f'{name!r:>{width}} {value:.2f} {d[\"k\"]} {[q for q in d]}')\nprint(f'{width=}')",
        "def show():\n    return f'{name}-{value:{width}.1f}'\nname = 'm'",
        "print(show())",
    ),
    "annotations": in_a_row(
        "class T: pass\nx: int = 1\ny: 'T'\ndef f(a: T, b: 'U' = 2) -> list[T]:\n    z: Missing = a\n    return z",
        "print(f(1), f.__annotations__['a'] is T)",
        "print(f(x))",
    ),
    "shell and magics": in_a_row(
        "path = 'file.txt'\nlines = ['a', 'b']\nwith open(path, 'w') as f:\n    f.write('\\n'.join(lines))",
        "found = !cat {path}\nprint(found[0], len(found))\n!echo $path {len(lines)}",
        "%%capture out\nprint('hidden')\nhidden = 1",
        "print(out.stdout, hidden)\n%time shown = len(found)\nprint(shown)",
        "timed = %timeit -n1 -r1 -q -o sum(range(shown))\nprint(type(timed).__name__)",
    ),
    "timed code": in_a_row(
        "n = 5",
        "%time total = sum(range(n))",
        "%%time\nmore = total + n",
    ),
    "top-level await": in_a_row(
        "async def work(x):\n    await asyncio.sleep(0)\n    log.append(x)\n    return x * factor\nlog = []",
        "factor = 2\nresult = await work(4)",
        "both = await asyncio.gather(work(1), work(result))\nprint(both, log)",
        "print(log, result)",
        imports="import asyncio",
    ),
    "names of an inner scope do not leak": in_a_row(
        "x = 'outer'\ndef f():\n    x = 'inner'\n    def g():\n        return x\n    return g\ng = f()",
        "x = 'changed'\nprint(g(), [x for x in 'ab'], x)",
        "class K:\n    x = 'class'\n    def m(self):\n        return x\nprint(K().m(), K.x)",
    ),
    "a name that is a function, then a value": in_a_row(
        "def data():\n    return source\nsource = [1]",
        "data = data()",
        "data.append(2)\nprint(source)",
        "print(data, data is source)",
    ),
    "functions that call functions of other cells": [
        ("imports", "import math"),
        ("functions", "def outer(x):\n    return inner(x) + 1"),
        ("functions", "def inner(x):\n    return math.floor(x) * scale()"),
        ("functions", "def scale():\n    return unit\nunit = 10"),
        ("a", "r = outer(2.5)"),
        ("b < a", "unit = 100\nprint(r, outer(2.5))"),
        ("c < b", "def inner(x):\n    return -x\nprint(outer(2.5))"),
        ("d < c", "print(outer(1), unit)"),
    ],
    "a function replaced for functions of the functions cells": [
        ("functions", "def f():\n    return g()\ndef g():\n    return 'g'"),
        ("a", "print(f())\ndef g():\n    return 'new g'"),
        ("b < a", "print(f())"),
        ("c < b", "print(f(), g())"),
    ],
    "globals, locals and vars": in_a_row(
        "x = 1\nglobals()['y'] = 2\nname = 'x'",
        "print(globals()['x'], y, 'z' in globals())\nglobals()['x'] += 1",
        "print(x, vars()['y'])",
    ),
    "names with underscores": in_a_row(
        "_ = 5\n_private = [1]\n__dunder = 2\nfor _ in range(3): pass",
        "print(_, _private, __dunder)",
        "a, _ = 1, 2\n_private.append(_)",
        "print(_private, a)",
    ),
    "Unicode names": in_a_row("π = 3\nβ_x = [π]\nﬁ = 1", "β_x.append(π)\nprint(fi)", "print(β_x)"),
    "nonlocal state behind a method": in_a_row(
        "def make():\n    state = []\n    class C:\n        def add(self, x):\n            state.append(x)\n"
        "            return len(state)\n    return C()\nc = make()\nadd = c.add",
        "add(1)",
        "print(c.add(2), add(3))",
    ),
    "type parameters and aliases of names": in_a_row(
        "T = TypeVar('T')\nclass Box(Generic[T]):\n    def __init__(self, x: T):\n        self.x = x\n"
        "Pair = tuple[int, int]\nNames = Dict[str, Pair]",
        "b = Box[int](1)\nprint(Names, b.x)",
        "print(isinstance(b, Box), b.x, Pair)",
        imports="from typing import TypeVar, Generic, Dict",
    ),
}


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_names_keep_the_law(bench: Bench, cells: Cells) -> None:
    assert difference(bench.compare(cells)) == ""


def test_project_modules_next_to_the_notebook_keep_the_law(bench: Bench) -> None:
    cells = in_a_row(
        "x = double(2)",
        "print(helpers.shared, x, NAME)\nstate = helpers.State([1])",
        "state.items.append(2)\nprint(state.items, pack.part.VALUE)",
        "print(state, isinstance(state, helpers.State), total([1, 2]))",
        imports="import helpers\nfrom helpers import *\nfrom helpers import double\nimport pack.part\n"
        "from pack import total",
    )
    files = {
        "helpers.py": "NAME = 'n'\n_hidden = 1\nshared = []\ndef double(x):\n    return 2 * x\n"
        "class State:\n    def __init__(self, items):\n        self.items = items\n"
        "    def __repr__(self):\n        return f'State({self.items})'\n",
        "pack/__init__.py": "from .tools import total\n",
        "pack/tools.py": "def total(xs):\n    return sum(xs)\n",
        "pack/part.py": "VALUE = 7\n",
    }
    assert difference(bench.compare(cells, files)) == ""
