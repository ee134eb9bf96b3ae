"""The law on typical notebooks: pipelines, helpers, classes, frames."""

# ruff: noqa: E501 - a cell is one string

from __future__ import annotations

import pytest
from law_notebooks import Bench, Cells, difference, in_a_row

NOTEBOOKS: dict[str, Cells] = {
    "a pandas and scikit-learn pipeline": [
        (
            "imports",
            "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import "
            "LogisticRegression\nfrom sklearn.model_selection import train_test_split",
        ),
        ("pipeline-parameters", "n = 60\nfraction = 0.25\nseed = 3"),
        (
            "functions",
            "def scale(frame, columns):\n    for column in columns:\n        frame[column]"
            " = (frame[column] - frame[column].mean()) / frame[column].std()\n",
        ),
        (
            "load",
            "rng = np.random.default_rng(seed)\ndf = pd.DataFrame({'a': rng.normal(size=n), "
            "'b': rng.normal(size=n), 'c': ['x', 'y'] * (n // 2)})\n"
            "df['y'] = (df.a + df.b > 0).astype(int)\ndf.head()",
        ),
        (
            "clean < load",
            "df.loc[::7, 'a'] = np.nan\ndf['a'] = df['a'].fillna(df['a'].mean())\n"
            "df['c'] = df['c'].astype('category')\nscale(df, ['a', 'b'])\nprint(df.dtypes)",
        ),
        (
            "split < clean",
            "train, test = train_test_split(df, test_size=fraction, random_state=seed)"
            "\nX, y = train[['a', 'b']], train['y']",
        ),
        ("fit < split", "model = LogisticRegression().fit(X, y)\nmodel.coef_.round(3)"),
        (
            "score < fit",
            "acc = model.score(test[['a', 'b']], test['y'])\nprint(f'{acc:.3f}')\n"
            "test.groupby('c', observed=True).y.sum()",
        ),
        ("pipeline-metrics", "print(acc)"),
    ],
    "frames that share their data": in_a_row(
        "df = pd.DataFrame({'a': [1, 2, 3], 'b': [4., 5., 6.]})\nsame = df\ncopy = df.copy()\n"
        "values = df['b'].to_numpy()",
        "df['d'] = df.a * 2\ndf.drop(columns='a', inplace=True)\ncopy.iloc[0, 0] = 99",
        "same.loc[1, 'd'] = -1\nprint(df, same is df, copy, values)",
        "print(same, df.equals(same))",
        imports="import pandas as pd",
    ),
    "arrays and their views": in_a_row(
        "base = np.arange(12).reshape(3, 4)\nrow = base[1]\nflat = base.ravel()\nlist_of = [row, base]",
        "row[:] = 0\nbase[0, 0] = 100",
        "flat[5] = 7\nprint(base, row, flat, list_of)\nlist_of[0][3] = 5",
        "print(base, row.base is not None, np.shares_memory(row, base))",
        imports="import numpy as np",
    ),
    "a helper that reads names of several cells": in_a_row(
        "vocabulary = {'a': 1}\ndef encode(text):\n    return [vocabulary.get(c, unknown) for c in text]",
        "unknown = -1\nprint(encode('ab'))",
        "vocabulary['b'] = 2\nunknown = 0",
        "print(encode('abc'))",
    ),
    "a tokenizer class and a function that uses its object": [
        (
            "functions",
            "class Tokenizer:\n    special = ['<pad>']\n    def __init__(self):\n        "
            "self.index = {}\n    def fit(self, texts):\n        for text in texts:\n"
            "            for c in text:\n                self.index.setdefault(c, "
            "len(self.index) + OFFSET)\n        return self\n\ndef process(texts):\n    return "
            "[[tokenizer.index[c] for c in text] for text in texts]",
        ),
        ("functions", "OFFSET = 1"),
        ("tok", "tokenizer = Tokenizer().fit(['hello'])"),
        ("use < tok", "data = process(['hell'])"),
        (
            "later < use",
            "Tokenizer.special.append('<eos>')\nprint(data, process(['oh']), tokenizer.special)",
        ),
        (
            "last < later",
            "print(tokenizer.special, isinstance(tokenizer, Tokenizer), Tokenizer.special)",
        ),
    ],
    "dataclasses, enums and named tuples": in_a_row(
        "@dataclass\nclass Config:\n    lr: float = 0.1\n    layers: list = field(default_factory=list)\n"
        "class Kind(Enum):\n    A = 1\n    B = 2\nPoint = namedtuple('Point', 'x y')\n"
        "config = Config(layers=[1])\nkind = Kind.A\npoint = Point(1, 2)",
        "config.layers.append(2)\nconfig.lr *= 2\nprint(kind is Kind.A, point.x)",
        "print(config, config == Config(0.2, [1, 2]), kind, point, isinstance(point, Point))\n"
        "match kind:\n    case Kind.A:\n        print('a')\n    case _:\n        print('?')",
        imports="from dataclasses import dataclass, field\nfrom enum import Enum\n"
        "from collections import namedtuple",
    ),
    "dataclasses and enums in functions cells": in_a_row(
        "config = Config(layers=[1])\nkind = Kind.A",
        "config.layers.append(2)\nprint(kind is Kind.A)",
        "print(config, config == Config(0.1, [1, 2]), kind, {Kind.A: 1}[kind])",
        imports="from dataclasses import dataclass, field\nfrom enum import Enum",
        functions="@dataclass\nclass Config:\n    lr: float = 0.1\n    layers: list = "
        "field(default_factory=list)\nclass Kind(Enum):\n    A = 1\n    B = 2",
    ),
    "inheritance over cells": [
        (
            "functions",
            "class Base:\n    registry = []\n    def __init_subclass__(cls, **kw):\n        "
            "Base.registry.append(cls.__name__)\n    def name(self):\n        return 'base'",
        ),
        (
            "a",
            "class Child(Base):\n    def name(self):\n        return 'child of ' + super().name()\n"
            "class Grand(Child):\n    pass\nthing = Grand()",
        ),
        ("b < a", "print(thing.name(), Base.registry, isinstance(thing, Base))"),
        ("c < b", "class Other(Base):\n    pass\nprint(Base.registry, Grand.__mro__[1] is Child)"),
        ("d < c", "print(Base.registry, type(thing) is Grand, Child().name())"),
    ],
    "decorators": in_a_row(
        "calls = []\ndef logged(f):\n    @functools.wraps(f)\n    def inner(*args):\n        "
        "calls.append(f.__name__)\n        return f(*args)\n    return inner\n\n@logged\ndef add(a, b):"
        "\n    return a + b\n\n@functools.lru_cache(maxsize=None)\ndef fib(n):\n    return n if n < 2 "
        "else fib(n - 1) + fib(n - 2)",
        "print(add(1, 2), fib(10))",
        "print(calls, add(2, 2), add.__name__, fib(12))",
        "print(calls)",
        imports="import functools",
    ),
    "decorated functions in functions cells": in_a_row(
        "print(add(1, 2))",
        "print(counts, add(2, 2))",
        "print(counts, add.__name__)",
        functions="import functools\ncounts = {}\ndef counted(f):\n    @functools.wraps(f)\n    def "
        "inner(*args):\n        counts[f.__name__] = counts.get(f.__name__, 0) + 1\n        return "
        "f(*args)\n    return inner\n@counted\ndef add(a, b):\n    return a + b",
    ),
    "closures": in_a_row(
        "def counter():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n"
        "    def get():\n        return n\n    return up, get\nup, get = counter()\nup()",
        "up()\nprint(get())",
        "print(up(), get())",
    ),
    "recursion and mutual recursion": in_a_row(
        "def even(n):\n    return n == 0 or odd(n - 1)\ndef odd(n):\n    return n != 0 and even(n - 1)",
        "print(even(10))",
        "def odd(n):\n    return 'replaced'",
        "print(even(3))",
    ),
    "a global counter": in_a_row(
        "count = 0\ndef tick():\n    global count\n    count += 1",
        "tick()\ntick()",
        "tick()\nprint(count)",
        "count = 100",
        "tick()\nprint(count)",
    ),
    "a global counter in functions cells": in_a_row(
        "tick()",
        "tick()\nprint(count)",
        "tick()\nprint(count)",
        functions="count = 0\ndef tick():\n    global count\n    count += 1",
    ),
    "generators consumed within a step": in_a_row(
        "def squares(n):\n    for i in range(n):\n        yield i * factor\nfactor = 2",
        "total = sum(squares(4))\nfirst = next(squares(9), None)\nprint([x for x in squares(3)])",
        "factor = 3\nprint(total, first, list(squares(3)))",
    ),
    "history lists filled by a training loop": in_a_row(
        "history = {'loss': []}\nbest = None\nweights = np.zeros(3)",
        "for epoch in range(3):\n    weights += epoch\n    loss = 1 / (1 + epoch)\n    "
        "history['loss'].append(loss)\n    if best is None or loss < best:\n        best = loss",
        "print(history, best, weights, epoch)",
        imports="import numpy as np",
    ),
    "a plot": in_a_row(
        "x = np.linspace(0, 1, 5)",
        "fig, ax = plt.subplots()\nax.plot(x, x ** 2)\nax.set_title('t')\nprint(len(ax.lines))",
        "print(x.sum())",
        imports="%matplotlib inline\nimport numpy as np\nimport matplotlib.pyplot as plt",
    ),
    "a figure that goes on in the next step": in_a_row(
        "fig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])",
        "ax.set_title('t')\nprint(len(ax.lines), fig.axes[0] is ax)",
        "print(ax.get_title(), fig.axes[0].get_title())",
        imports="import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt",
    ),
    "Kale's own notebook": [
        ("imports", "import json\nimport os"),
        ("pipeline-parameters", "size = 3\nname: str = 'kale'\nrate = -0.5"),
        ("functions", "def build(n):\n    return list(range(n))"),
        ("block:load", "data = build(size)"),
        ("", "data.append(rate)"),
        ("block:train prev:load limit:cpu:1", "model = {'w': sum(data), 'name': name}"),
        ("block:", "model['done'] = True"),
        ("skip", "print('never')\nmodel = None"),
        ("block:test prev:train", "acc = model['w'] / size\nprint(json.dumps(model), acc)"),
        ("pipeline-metrics", "print(acc)"),
    ],
    "a step that is continued later": [
        ("a", "x = [1]"),
        ("b < a", "y = x + [2]"),
        ("a", "x.append(3)"),
        ("b", "y.append(x)\nprint(y)"),
        ("c < b", "print(x, y, y[-1] is x)"),
    ],
    "a parameter that a step changes": [
        ("pipeline-parameters", "lr = 0.1\nlayers = [1, 2]"),
        ("a", "lr = lr / 2\nlayers.append(3)"),
        ("b < a", "print(lr, layers)\nlr *= 2"),
        ("c < b", "print(lr, layers)"),
    ],
    "an estimator made of the notebook's own class": in_a_row(
        "class Shift(BaseEstimator):\n    def __init__(self, by=1):\n        self.by = by\n    def fit("
        "self, X, y=None):\n        self.seen_ = len(X)\n        return self\n    def predict(self, X):"
        "\n        return helper(X) + self.by\ndef helper(X):\n    return np.asarray(X) * gain\ngain = 2",
        "model = Shift(3).fit([1, 2])",
        "print(model.predict([1]), model.get_params(), model.seen_)\ngain = 5",
        "print(model.predict([1]), clone(model).by)",
        imports="import numpy as np\nfrom sklearn.base import BaseEstimator, clone",
    ),
}


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_everyday_notebooks_keep_the_law(bench: Bench, cells: Cells) -> None:
    assert difference(bench.compare(cells)) == ""
