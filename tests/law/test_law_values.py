"""The law for values: aliases, identity, functions and instances across steps."""

# ruff: noqa: E501 - a cell is one string

from __future__ import annotations

import pytest
from law_notebooks import Bench, Cells, difference, in_a_row

NOTEBOOKS: dict[str, Cells] = {
    "aliases over several steps": in_a_row(
        "a = [1]\nb = {'a': a}\nc = (a, b)",
        "d = b['a']\nd.append(2)",
        "c[0].append(3)\nb['new'] = c",
        "print(a, b['new'] is c, c[1] is b, d is a)",
    ),
    "an alias that only a middle step knows": in_a_row(
        "store = {}\nrows = []",
        "store['rows'] = rows",
        "rows.append(1)",
        "print(store)\nstore['rows'].append(2)",
        "print(rows)",
    ),
    "a change through a function that is given the value": in_a_row(
        "def fill(x, v):\n    x['v'] = v\n    return len(x)\nd = {}\ne = d",
        "n = fill(d, 1)",
        "print(d, e, n)\nfill(e, 2)",
        "print(d)",
    ),
    "a change through a method of an instance": in_a_row(
        "class Bag:\n    def __init__(self, items):\n        self.items = items\n    def put(self, x):\n        "
        "self.items.append(x)\n        return self\nitems = []\nbag = Bag(items)",
        "bag.put(1).put(2)",
        "print(items, bag.items is items)",
        "items.clear()\nprint(bag.items)",
    ),
    "a change behind a property, an operator and an iterator": in_a_row(
        "class Log:\n    def __init__(self):\n        self.seen = []\n    def __iadd__(self, x):\n        "
        "self.seen.append(x)\n        return self\n    def __getitem__(self, k):\n        self.seen.append(k)"
        "\n        return k\n    @property\n    def size(self):\n        self.seen.append('size')\n        "
        "return len(self.seen)\nlog = Log()\nit = iter([1, 2, 3, 4])",
        "log += 1\nx = log[5]\nn = log.size\nfirst = next(it)",
        "print(log.seen, x, n, first)\nsecond = next(it)\nf'{log.size}'",
        "print(log.seen, second, list(it))",
    ),
    "a class changed after its instances": in_a_row(
        "class C:\n    def hi(self):\n        return 'old'\nc = C()",
        "def hi(self):\n    return 'new' + suffix\nC.hi = hi\nsuffix = '!'",
        "print(c.hi())\nC.count = 1",
        "print(c.count, C().hi())",
    ),
    "a class of a functions cell changed by a step": in_a_row(
        "c = C()",
        "C.hi = lambda self: 'new'\nC.items.append(1)",
        "print(c.hi(), C.items, c.items is C.items)",
        "print(C().hi(), isinstance(c, C))",
        functions="class C:\n    items = []\n    def hi(self):\n        return 'old'",
    ),
    "a class of functions cells, used two steps later by its instances only": in_a_row(
        "model = Net(2)",
        "n = 1",
        "print(model.forward(3), type(model).__name__, n)",
        "print(model.forward(4))",
        imports="import math\nimport json",
        functions="def activate(x):\n    return math.sqrt(x * GAIN)\nGAIN = 4\nclass Layer:\n    def __init__("
        "self, w):\n        self.w = w\nclass Net:\n    def __init__(self, w):\n        self.layer = Layer(w)\n"
        "    def forward(self, x):\n        return activate(self.layer.w * x)",
    ),
    "a class rebound to a new one": in_a_row(
        "class C:\n    v = 1\nold = C()",
        "class C:\n    v = 2\nnew = C()",
        "print(old.v, new.v, isinstance(old, C), type(old).__name__)",
    ),
    "lambdas in a dict": in_a_row(
        "k = 2\nops = {'mul': lambda x: x * k, 'add': lambda x, y=k: x + y}",
        "k = 10\nops['sub'] = lambda x: x - k",
        "print({n: f(5) for n, f in ops.items()})\nk = 0",
        "print(sorted((n, f(5)) for n, f in ops.items()))",
    ),
    "functions of functions cells in a dict": in_a_row(
        "table = {'f': f, 'g': g}",
        "base = 5",
        "print(table['f'](1), table['g'](1), table['f'] is f)",
        functions="def f(x):\n    return helper(x)\ndef g(x):\n    return -x\ndef helper(x):\n    return x + base"
        "\nbase = 1",
    ),
    "partial, bound methods, operators and sorted keys": in_a_row(
        "def power(x, n):\n    return x ** n + bias\nbias = 0\nsquare = functools.partial(power, n=2)\nxs = [3]\n"
        "push = xs.append\nget = operator.itemgetter(1)\nkey = str.lower",
        "bias = 1\npush(4)\nprint(square(3))",
        "print(xs, get((1, 2)), key('A'), square(2), square.func is power)",
        imports="import functools, operator",
    ),
    "a cache whose content matters": in_a_row(
        "calls = []\n@functools.lru_cache\ndef slow(n):\n    calls.append(n)\n    return n * 2\nslow(1)",
        "slow(2)\nslow(2)",
        "print(len(calls) >= 2, slow(2))",
        imports="import functools",
    ),
    "a hand-written cache": in_a_row(
        "cache = {}\ndef memo(f):\n    def inner(n):\n        if n not in cache:\n            cache[n] = f(n)\n"
        "        return cache[n]\n    return inner\n@memo\ndef fib(n):\n    return n if n < 2 else fib(n-1) + fib(n-2)",
        "fib(5)",
        "print(cache)\nfib(7)",
        "print(len(cache), fib(7))",
    ),
    "instances in cycles": in_a_row(
        "class Node:\n    def __init__(self, parent=None):\n        self.parent, self.children = parent, []\n"
        "        if parent: parent.children.append(self)\nroot = Node()\nleaf = Node(root)",
        "extra = Node(leaf)",
        "print(extra.parent.parent is root, root.children[0] is leaf)",
    ),
    "slots, properties, class methods and static methods": in_a_row(
        "class P:\n    __slots__ = ('x',)\n    made = 0\n    def __init__(self, x):\n        self.x = x\n        "
        "type(self).made += 1\n    @classmethod\n    def zero(cls):\n        return cls(origin)\n    @staticmethod\n"
        "    def unit():\n        return unit\n    @property\n    def double(self):\n        return 2 * self.x\n"
        "origin, unit = 0, 1",
        "p = P.zero()\nq = P(3)",
        "unit = 7\nprint(p.x, q.double, P.made, P.unit(), q.unit())",
        "print(P.zero().x, P.made)",
    ),
    "a context manager class and a generator context": in_a_row(
        "depth = 0\n@contextlib.contextmanager\ndef inside(name):\n    global depth\n    depth += 1\n    "
        "log.append((name, depth))\n    yield depth\n    depth -= 1\nlog = []",
        "with inside('a') as d:\n    with inside('b'):\n        pass",
        "print(log, depth, d)",
        imports="import contextlib",
    ),
    "single dispatch and registries": in_a_row(
        "@functools.singledispatch\ndef show(x):\n    return 'any'\nhandlers = {}\ndef handler(name):\n    def "
        "wrap(f):\n        handlers[name] = f\n        return f\n    return wrap",
        "@handler('a')\ndef on_a():\n    return state\nstate = 1",
        "@handler('b')\ndef on_b():\n    return -state",
        "state = 5\nprint({k: f() for k, f in handlers.items()}, on_a is handlers['a'])",
        imports="import functools",
    ),
    "a registry in functions cells": in_a_row(
        "@handler('a')\ndef on_a():\n    return state\nstate = 1",
        "@handler('b')\ndef on_b():\n    return -state",
        "state = 5\nprint({k: f() for k, f in handlers.items()})",
        functions="handlers = {}\ndef handler(name):\n    def wrap(f):\n        handlers[name] = f\n        return "
        "f\n    return wrap",
    ),
    "metaclasses, abstract classes and protocols": in_a_row(
        "class Meta(type):\n    def __new__(m, name, bases, ns):\n        c = super().__new__(m, name, bases, ns)\n"
        "        made.append(name)\n        return c\nmade = []\nclass A(metaclass=Meta):\n    pass\n"
        "class Shape(abc.ABC):\n    @abc.abstractmethod\n    def area(self): ...\nclass Sq(Shape):\n    def "
        "area(self):\n        return side ** 2\nside = 2",
        "class B(A): pass\ns = Sq()",
        "print(made, s.area(), isinstance(s, Shape), isinstance(B(), A), type(A) is Meta)",
        imports="import abc",
    ),
    "default dicts, deques, counters and chained maps": in_a_row(
        "d = collections.defaultdict(list)\nq = collections.deque([1, 2], maxlen=2)\nc = collections.Counter('ab')\n"
        "nested = collections.defaultdict(lambda: collections.defaultdict(int))\nm = collections.ChainMap({}, c)",
        "d['x'].append(1)\nq.append(3)\nc.update('a')\nnested['a']['b'] += 1",
        "print(dict(d), q, c, nested['a']['b'], m['a'])\nc['z'] = 1\nd['y']",
        "print(m['z'], sorted(d), nested['new']['x'])",
        imports="import collections",
    ),
    "random generators go on": in_a_row(
        "random.seed(1)\nnp.random.seed(2)\nrng = np.random.default_rng(3)\na = random.random()\nr = random.Random(4)",
        "b = random.random(), np.random.rand(), rng.random(), r.random()\nprint(b)",
        "print(random.random(), np.random.rand(), rng.random(), r.random())\nother = rng",
        "print(other.random(), rng.random())",
        imports="import random\nimport numpy as np",
    ),
    "seeds in imports cells": in_a_row(
        "print(np.random.rand())",
        "print(np.random.rand())",
        "print(np.random.rand())",
        imports="import numpy as np\nnp.random.seed(0)",
    ),
    "a function that changes a global it is not given": in_a_row(
        "settings = {'lr': 1}\ndef halve():\n    settings['lr'] /= 2\ndef train():\n    halve()\n    return settings['lr']",
        "x = train()",
        "x += train()\nprint(x)",
        "print(settings)",
    ),
    "a callback given to a class of a functions cell": in_a_row(
        "losses = []\nrunner = Runner(lambda x: losses.append(x))",
        "runner.run(2)",
        "runner.run(1)\nprint(losses)",
        functions="class Runner:\n    def __init__(self, callback):\n        self.callback = callback\n    def "
        "run(self, n):\n        for i in range(n):\n            self.callback(i)",
    ),
    "exceptions of the notebook's own class": in_a_row(
        "class Oops(Exception):\n    pass\ndef risky():\n    raise Oops('x', [1])",
        "try:\n    risky()\nexcept Oops as e:\n    caught = e",
        "print(repr(caught), isinstance(caught, Oops))\ntry:\n    raise caught\nexcept Oops:\n    print('ok')",
    ),
    "identity of None, Ellipsis, small values, types and modules": in_a_row(
        "sentinel = object()\nd = {'s': sentinel, 't': int, 'n': None, 'm': math, 'e': ...}\nMISSING = sentinel",
        "d['again'] = MISSING",
        "print(d['s'] is sentinel, d['again'] is sentinel, MISSING is sentinel, d['t'] is int, d['m'] is math, "
        "d['e'] is ...)",
        imports="import math",
    ),
    "a sentinel default of a functions cell": in_a_row(
        "x = MISSING\ny = [MISSING]",
        "print(f(), f(x), f(None))",
        "print(x is MISSING, y[0] is MISSING, f(y[0]))",
        functions="MISSING = object()\ndef f(v=MISSING):\n    return v is MISSING",
    ),
    "a constant list of an imports cell": in_a_row(
        "COLUMNS.append('c')\nchosen = COLUMNS",
        "print(COLUMNS, chosen is COLUMNS)\nPATHS['x'] = 1",
        "chosen.append('d')\nprint(COLUMNS, PATHS, LIMIT)",
        imports="COLUMNS = ['a', 'b']\nPATHS = {}\nLIMIT = 5",
    ),
    "dict views, slices, ranges, complex and bytes": in_a_row(
        "d = {'a': 1}\nkeys = d.keys()\nr = range(3)\ns = slice(1, 2)\nz = 1j\nb = bytearray(b'x')\nm = memoryview(b)",
        "d['b'] = 2\nb[0] = 65",
        "print(list(keys), r, s, z, b, bytes(m))",
    ),
    "datetimes, decimals, paths and regular expressions": in_a_row(
        "t = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)\nd = decimal.Decimal('1.10')\n"
        "p = pathlib.Path('data') / 'x.csv'\nr = re.compile('a+')",
        "print(t + datetime.timedelta(1), d + 1, p.suffix, r.match('aa').group())",
        "decimal.getcontext().prec\nprint(p.parent, t.isoformat(), r.pattern)",
        imports="import datetime, decimal, pathlib, re",
    ),
    "structured, masked, object and scalar arrays": in_a_row(
        "o = np.array([{'a': 1}, [2]], dtype=object)\ninner = o[1]\ns = np.zeros(2, dtype=[('x', 'f4'), ('y', 'i4')])\n"
        "col = s['x']\nm = np.ma.array([1, 2], mask=[0, 1])\nf = np.float32(2)\nt = np.arange(6).reshape(2, 3).T",
        "inner.append(3)\ncol[0] = 5\nm[0] = 9",
        "print(o, s, m, f, t.flags.f_contiguous, o[1] is inner)\nt[0, 0] = 100",
        "print(t, t.base)",
        imports="import numpy as np",
    ),
    "frames inside objects, groupbys and indexes": in_a_row(
        "df = pd.DataFrame({'k': ['a', 'b', 'a'], 'v': [1, 2, 3]}, index=pd.Index([5, 6, 7], name='i'))\n"
        "class Holder: pass\nh = Holder()\nh.df = df\nby = df.groupby('k')\nser = df['v']",
        "df['w'] = df.v * 2\nh.df.loc[8] = ['b', 4, 8.0]",
        "print(h.df is df, df, by.v.sum(), ser.tolist())\ndf.index.name = 'j'",
        "print(df.index.name, h.df.columns.tolist())",
        imports="import pandas as pd",
    ),
    "a pandas query that reads a name": in_a_row(
        "df = pd.DataFrame({'v': [1, 2, 3]})\nlimit = 1",
        "limit = 2\nbig = df.query('v >= @limit')",
        "print(big.v.tolist(), df.eval('v + @limit').tolist())",
        imports="import pandas as pd",
    ),
}


CLASSES: dict[str, Cells] = {
    "a metaclass that keeps a registry": in_a_row(
        "class Meta(type):\n    made = []\n    def __new__(m, *a, **k):\n        outside.append(a[0])\n        return super().__new__(m, *a)\n    def __init__(cls, *a):\n        super().__init__(*a)\n        Meta.made.append(cls.__name__)\noutside = []\nclass A(metaclass=Meta): pass",
        "class B(A): pass",
        "print(Meta.made, type(B) is Meta, outside)\na = B()",
        "print(isinstance(a, A), Meta.made)",
    ),
    "a parent that keeps a registry": in_a_row(
        "names = []\nclass P:\n    def __init_subclass__(cls, tag='', **k):\n        super().__init_subclass__(**k)\n        cls.tag = tag\n        names.append(cls.__name__)\nclass A(P, tag='x'): pass",
        "class B(A): pass",
        "print(names)",
        "print(names, B.__mro__[1] is A, A.tag, B.tag, [c.__name__ for c in P.__subclasses__()])",
    ),
    "abstract generic classes with a registry": in_a_row(
        "class M(abc.ABC, Generic[T]):\n    subs = []\n    def __init_subclass__(cls, **k):\n        super().__init_subclass__(**k)\n        M.subs.append(cls)\n    @abc.abstractmethod\n    def f(self) -> T: ...\nclass N(M[int]):\n    def f(self): return 1\nn = N()",
        "class O(M[str]):\n    def f(self): return 's'",
        "print(n.f(), O().f(), M.subs == [N, O], isinstance(n, M), N.__orig_bases__)",
        imports="import abc\nfrom typing import Generic, TypeVar\nT = TypeVar('T')",
    ),
    "slots": in_a_row(
        "class E:\n    __slots__ = ('a', '__p')\n    def __init__(self): self.__p = 4\n    def p(self): return self.__p\nclass F(E):\n    __slots__ = ('b',)\n@dataclass(slots=True)\nclass D:\n    x: int = 1\nf, d = F(), D()\nf.a, f.b = 1, 2",
        "f.a = 3",
        "print(f.a, f.b, f.p(), hasattr(f, '__dict__'), F.__slots__, d, hasattr(d, '__dict__'))",
        imports="from dataclasses import dataclass",
    ),
    "a class attribute equal to the parent's": in_a_row(
        "class A:\n    v = 1\nclass B(A):\n    v = 1", "A.v = 2", "print(A.v, B.v)"
    ),
    "keys whose hash reads a name of the notebook": in_a_row(
        "MOD = 7\ndef key(x):\n    return x % MOD\nclass A:\n    def __init__(self, x):\n        self.x = x\n    def __hash__(self):\n        return hash(key(self.x))\n    def __eq__(self, other):\n        return self.x == other.x\nd = {A(1): 2}\ns = {A(3)}",
        "n = 1",
        "print(d[A(1)], A(3) in s, n)",
    ),
    "typed named tuples, flags and typed dicts": in_a_row(
        "class P(NamedTuple):\n    x: int\n    y: int = 2\n    def s(self):\n        return self.x + self.y\nclass F(Flag):\n    A = auto()\n    B = auto()\nclass S(str, Enum):\n    X = 'x'\nclass TD(TypedDict, total=False):\n    a: int\np, f, s, t = P(1), F.A | F.B, S.X, TD(a=1)",
        "q = p._replace(x=3)",
        "print(p, p.s(), q, f, s is S.X, F.A in f, t, TD.__total__)",
        imports="from typing import NamedTuple, TypedDict\nfrom enum import Flag, Enum, auto",
    ),
}


MADE_ANEW: dict[str, Cells] = {
    "a part of a constant of a functions cell": in_a_row(
        "inner = CONFIG['l']",
        "CONFIG['l'].append(1)\nprint(inner)",
        "inner.append(2)\nprint(CONFIG)",
        functions="CONFIG = {'l': []}",
    ),
    "a part of a constant, changed without naming it": in_a_row(
        "inner = CONFIG['l']",
        "inner.append(1)",
        "print(CONFIG)",
        functions="CONFIG = {'l': []}",
    ),
    "a part of a parameter": [
        ("pipeline-parameters", "layers = [[1], [2]]"),
        ("a", "first = layers[0]"),
        ("b < a", "first.append(9)"),
        ("c < b", "print(layers)\nlayers[0].append(7)"),
        ("d < c", "print(first)"),
    ],
    "a part of a class of a functions cell": in_a_row(
        "q = C.xs",
        "C.xs.append(1)\nprint(q)",
        "q.append(2)\nprint(C.xs, C().xs)",
        functions="class C:\n    xs = []",
    ),
    "constants that share a list": in_a_row(
        "A.append(2)",
        "print(B)\nB['a'].append(3)",
        "print(A)",
        functions="A = [1]\nB = {'a': A}",
    ),
    "a constant that cannot be saved": in_a_row(
        "lr = CONFIG['lr']\nlr *= 2",
        "print(lr, CONFIG['lr'])",
        functions="import threading\nCONFIG = {'lr': 1, 'lock': threading.Lock()}",
    ),
    "a constant that one branch looks at and one changes": [
        ("functions", "LOG = []\ndef look(x):\n    return len(x)"),
        ("a", "n = 1"),
        ("b < a", "m = look(LOG)"),
        ("c < a", "LOG.append(1)"),
        ("d < b, c", "print(LOG, m)"),
    ],
    "a parameter that one branch looks at and one changes": [
        ("pipeline-parameters", "layers = [1]"),
        ("functions", "def look(x):\n    return len(x)"),
        ("a", "n = 1"),
        ("b < a", "m = look(layers)"),
        ("c < a", "layers.append(1)"),
        ("d < b, c", "print(layers, m)"),
    ],
}
ALL = {**NOTEBOOKS, **CLASSES, **MADE_ANEW}


@pytest.mark.parametrize("cells", ALL.values(), ids=ALL)
def test_values_keep_the_law(bench: Bench, cells: Cells) -> None:
    assert difference(bench.compare(cells)) == ""
