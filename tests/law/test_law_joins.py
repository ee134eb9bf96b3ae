"""The law where branches part and meet."""

from __future__ import annotations

import pytest
from law_notebooks import Bench, Cells, difference

NOTEBOOKS: dict[str, Cells] = {
    "both branches read, the later one changes": [
        ("a", "x = [1]\ny = x"),
        ("b < a", "z = len(x)"),
        ("c < a", "x.append(2)"),
        ("d < b, c", "print(x, y, x is y, z)"),
    ],
    "branches that change unrelated names": [
        ("a", "x = [1]\ny = [1]"),
        ("b < a", "x.append(2)"),
        ("c < a", "y.append(3)"),
        ("d < b, c", "print(x, y)\nx.append(y)"),
        ("e < d", "print(x[-1] is y)"),
    ],
    "branches that make new values of a shared one": [
        ("imports", "import numpy as np"),
        ("load", "data = np.arange(6.)\nlabels = ['a'] * 6"),
        ("left < load", "l = data * 2\nlv = data[:2]"),
        ("right < load", "r = data + 1\nrl = labels"),
        (
            "join < left, right",
            "print(l + r, lv, rl is labels, np.shares_memory(lv, data))\nlv[0] = 50",
        ),
        ("end < join", "print(data, lv)"),
    ],
    "isinstance after a join": [
        ("functions", "class M:\n    def __init__(self, n):\n        self.n = n"),
        ("a", "k = 1"),
        ("b < a", "m1 = M(1)"),
        ("c < a", "m2 = M(2)"),
        ("d < b, c", "print(isinstance(m1, M), type(m1) is type(m2), [m.n for m in (m1, m2)])"),
    ],
    "isinstance after a join, of a class that a step defines": [
        ("a", "class M:\n    def __init__(self, n):\n        self.n = n + k\nk = 1"),
        ("b < a", "m1 = M(1)"),
        ("c < a", "m2 = M(2)"),
        ("d < b, c", "print(isinstance(m1, M), type(m1) is type(m2), [m.n for m in (m1, m2)])"),
    ],
    "a function of a step used in both branches": [
        ("a", "scale = 3\ndef f(x):\n    return x * scale"),
        ("b < a", "p = f(1)\nfs = [f]"),
        ("c < a", "q = f(2)\ng = f"),
        ("d < b, c", "scale = 5\nprint(p, q, fs[0](1), g(1))"),
    ],
    "values of both branches that share what nobody changes": [
        ("a", "x = [1]\nk = {'x': x}"),
        ("b < a", "p = [x]"),
        ("c < a", "q = {'x': x}"),
        ("d < b, c", "r = [p, q]\nprint(r)"),
        ("e < d", "print(r, p, q)"),
    ],
    "several roots": [
        ("a", "x = [1]\nimport os"),
        ("b", "y = {'k': 2}"),
        ("c < a, b", "y['x'] = x\nprint(os.path.basename('q/r'))"),
        ("d < c", "x.append(3)\nprint(y)"),
    ],
    "long and short ways": [
        ("a", "x = [1]"),
        ("b < a", "x.append(2)"),
        ("c < b", "x.append(3)"),
        ("d < a, c", "print(x)"),
        ("e < d, b", "x.append(5)\nprint(x)"),
        ("f < a, e", "print(x)"),
    ],
    "a branch that deletes what the other leaves alone": [
        ("a", "x = [1]\ny = 2"),
        ("b < a", "del x"),
        ("c < a", "y += 1"),
        ("d < b, c", "print('x' in globals(), y)"),
    ],
    "nested diamonds": [
        ("imports", "import numpy as np"),
        ("s", "base = np.zeros(4)\nlog = []"),
        ("a < s", "u = base + 1"),
        ("b < s", "v = base + 2"),
        ("c < a, b", "w = u + v\nlog.append('c')"),
        ("d < a", "z = u * 10"),
        ("e < c, d", "print(w, z, log)\nu[0] = -1"),
        ("f < e", "print(u, w)"),
    ],
    "files of two branches": [
        ("a", "open('base.txt', 'w').write('base')"),
        (
            "b < a",
            "import os\nos.makedirs('out', exist_ok=True)\nopen('out/b.txt', 'w').write('b')",
        ),
        (
            "c < a",
            "import os\nos.makedirs('out', exist_ok=True)\nopen('out/c.txt', 'w').write('c')",
        ),
        ("d < b, c", "print(sorted(os.listdir('out')), open('base.txt').read())"),
    ],
    "a branch that binds what both read before": [
        ("a", "x = 1"),
        ("b < a", "print(x)\nx = 2"),
        ("c < a", "y = 1"),
        ("d < b, c", "print(x, y)"),
    ],
    "global counters in one branch": [
        ("functions", "n = 0\ndef tick():\n    global n\n    n += 1\n    return n"),
        ("a", "tick()"),
        ("b < a", "tick()\nm = n"),
        ("c < a", "other = 1"),
        ("d < b, c", "tick()\nprint(n, m, other)"),
    ],
    "equal new values in two branches": [
        ("a", "x = 1"),
        ("b < a", "import math\nr = math.sqrt(4)"),
        ("c < a", "import math\nr = math.sqrt(4)"),
        ("d < b, c", "print(r, math.floor(2.5))"),
    ],
    "branches that both define a helper and use it": [
        ("a", "x = [3, 1, 2]"),
        ("b < a", "def order(v):\n    return sorted(v)\np = order(x)"),
        ("c < a", "def reverse(v):\n    return sorted(v, reverse=True)\nq = reverse(x)"),
        ("d < b, c", "print(p, q, order(q), reverse(p))"),
    ],
}

TOLD: dict[str, Cells] = {
    "a branch does not see what the other one changed": [
        ("a", "x = [1]"),
        ("b < a", "x.append(2)"),
        ("c < a", "z = len(x)"),
        ("d < b, c", "print(x, z)"),
    ],
    "a branch does not see what the other one bound": [
        ("a", "x = 1"),
        ("b < a", "x = 2"),
        ("c < a", "z = x"),
        ("d < b, c", "print(x, z)"),
    ],
}

LOUD: dict[str, Cells] = {
    "both branches change one list": [
        ("a", "x = [1]"),
        ("b < a", "x.append(2)"),
        ("c < a", "x.append(3)"),
        ("d < b, c", "print(x)"),
    ],
    "branches change connected values": [
        ("a", "x = [1]\ny = {'x': x}"),
        ("b < a", "x.append(2)"),
        ("c < a", "y['new'] = 1"),
        ("d < b, c", "print(x, y)"),
    ],
    "one deletes what the other changes": [
        ("a", "x = [1]"),
        ("b < a", "del x"),
        ("c < a", "x.append(2)"),
        ("d < b, c", "print(x)"),
    ],
    "one regroups what the other changes": [
        ("a", "x = [1]\ny = [2]"),
        ("b < a", "x.append(y)"),
        ("c < a", "y.append(3)"),
        ("d < b, c", "print(x, y)"),
    ],
    "both change a class of a functions cell": [
        ("functions", "class C:\n    xs = []"),
        ("a", "c = C()"),
        ("b < a", "C.xs.append(1)"),
        ("c < a", "C.xs.append(2)"),
        ("d < b, c", "print(C.xs, c.xs)"),
    ],
    "both call a function that counts": [
        ("functions", "n = 0\ndef tick():\n    global n\n    n += 1"),
        ("a", "tick()"),
        ("b < a", "tick()"),
        ("c < a", "tick()\ntick()"),
        ("d < b, c", "print(n)"),
    ],
    "both redefine a class whose instances meet": [
        ("a", "class C:\n    v = 1\nc = C()"),
        ("b < a", "C.v = 2"),
        ("c < a", "C.v = 3\nd = C()"),
        ("d < b, c", "print(c.v, d.v)"),
    ],
    "both write one file": [
        ("a", "x = 1"),
        ("b < a", "open('f', 'w').write('b')"),
        ("c < a", "open('f', 'w').write('c')"),
        ("d < b, c", "print(open('f').read())"),
    ],
    "a change of what the other branch put into a container": [
        ("a", "x = [1]"),
        ("b < a", "p = [x]"),
        ("c < a", "q = x"),
        ("d < b, c", "q.append(2)\nprint(p)"),
    ],
    "a change of what two branches put into containers, read later": [
        ("a", "x = [1]"),
        ("b < a", "p = [x]"),
        ("c < a", "q = [x]"),
        ("d < b, c", "q[0].append(2)"),
        ("e < d", "print(p)"),
    ],
    "a change of two copies that became one value": [
        ("a", "x = [1]"),
        ("b < a", "p = [x]"),
        ("c < a", "q = [x]"),
        ("d < b, c", "r = [p, q]\nprint(r)"),
        ("e < d", "r[0][0].append(2)\nprint(r)"),
    ],
    "a change of overlapping views of two branches": [
        ("imports", "import numpy as np"),
        ("a", "x = np.zeros(4)"),
        ("b < a", "p = x[:3]"),
        ("c < a", "q = x[1:]"),
        ("d < b, c", "q[:] = 2\nprint(p)"),
    ],
    "an alias of what the other branch changes": [
        ("a", "x = [1]"),
        ("b < a", "x.append(2)"),
        ("c < a", "q = x"),
        ("d < b, c", "print(q)"),
    ],
    "an instance that two branches hold": [
        ("a", "class C:\n    pass\nc = C()"),
        ("b < a", "p = C()\np.c = c"),
        ("c < a", "q = [c]"),
        ("d < b, c", "q[0].v = 2\nprint(vars(p.c))"),
    ],
}


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_joins_keep_the_law(bench: Bench, cells: Cells) -> None:
    assert difference(bench.compare(cells)) == ""


@pytest.mark.parametrize("cells", LOUD.values(), ids=LOUD)
def test_joins_that_cannot_keep_the_law_fail(bench: Bench, cells: Cells) -> None:
    found = bench.compare(cells)
    assert "ITH" in found.error, difference(found)


@pytest.mark.parametrize("cells", TOLD.values(), ids=TOLD)
def test_a_notice_names_the_change_that_a_branch_did_not_see(bench: Bench, cells: Cells) -> None:
    assert "ITH230" in bench.compare(cells).codes
