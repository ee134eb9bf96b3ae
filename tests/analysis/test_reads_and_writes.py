"""Which values a step reads from its ancestors, and which it writes for others."""

from __future__ import annotations

import pytest
from analysis_notebooks import analysed, codes


def reads(first: str, second: str) -> tuple[str, ...]:
    """What the second of two steps reads."""
    return analysed(("a", first), ("b < a", second)).steps["b"].reads


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("print(x)", ("x",)),
        ("x = 1\nprint(x)", ()),
        ("if y:\n    x = 1\nprint(x)", ("x", "y")),
        ("if y:\n    x = 1\nelse:\n    x = 2\nprint(x)", ("y",)),
        ("for x in y:\n    pass\nprint(x)", ("x", "y")),
        ("while True:\n    x = 1\n    break\nprint(x)", ("x",)),
        ("try:\n    x = 1\nexcept ValueError:\n    pass\nprint(x)", ("x",)),
        ("try:\n    z = 1\nexcept ValueError as x:\n    pass", ()),
        ("with open('f') as x:\n    z = x.read()\nprint(x, z)", ()),
        ("with y:\n    x = 1\nprint(x)", ("x", "y")),
        ("x += 1", ("x",)),
        ("x.append(1)", ("x",)),
        ("x[0] = 1", ("x",)),
        ("del x", ("x",)),
        ("del x[0]", ("x",)),
        ("print(f'{x:{y}}')", ("x", "y")),
        ("z = [x for x in y]", ("y",)),
        ("z = [x for q in y]", ("x", "y")),
        ("z = [(x := q) for q in y]\nprint(x)", ("x", "y")),
        ("z = {q: x for q in y}", ("x", "y")),
        ("print((x := 1), x)", ()),
        ("y and (x := 1)\nprint(x)", ("x", "y")),
        ("def f():\n    return x", ()),
        ("def f():\n    return x\nf()", ("x",)),
        ("def f():\n    return x\nx = 1\nf()", ()),
        ("def f(q=x):\n    pass", ("x",)),
        ("def f(q: x):\n    pass", ("x",)),
        ("@x\ndef f():\n    pass", ("x",)),
        ("def f():\n    def g():\n        return x\n    return g\nf()()", ("x",)),
        ("def f():\n    x = 1\n    def g():\n        return x\n    return g\nf()()", ()),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    g()\nf()", ()),
        ("def f():\n    global x\n    x = 1\nf()\nprint(x)", ("x",)),
        ("f = lambda: x", ()),
        ("f = lambda: x\nf()", ("x",)),
        ("sorted(y, key=lambda q: x)", ("x", "y")),
        ("hooks = [lambda: x]\nfor hook in hooks:\n    hook()", ("x",)),
        ("class C(x):\n    pass", ("x",)),
        ("class C:\n    z = x", ("x",)),
        ("class C:\n    x = x", ("x",)),
        ("class C:\n    x = 1\n    z = x", ()),
        ("class C:\n    x = 1\n    def f(self):\n        return x\nC().f()", ("x",)),
        ("class C:\n    x = 1\n    z = [x for _ in range(2)]", ("x",)),
        ("class C:\n    def f(self):\n        return x", ()),
        ("match y:\n    case [x]:\n        pass\n    case _:\n        x = 1\nprint(x)", ("y",)),
        ("match y:\n    case {'k': x}:\n        print(x)", ("y",)),
        ("match y:\n    case x.VALUE:\n        pass", ("x", "y")),
        ("import x\nprint(x)", ()),
        ("import x.y as z\nprint(z)", ()),
        ("async def f():\n    return x\nawait f()", ("x",)),
        ("await x", ("x",)),
        ("try:\n    x\nexcept NameError:\n    x = 1", ("x",)),
        ("print(globals()['x'])", ("x",)),
        ("y.query('a > @x')", ("x", "y")),
        ("if __name__ == '__main__':\n    x = 1\nprint(x)", ()),
    ],
)
def test_a_step_reads_names_that_it_does_not_bind(second: str, expected: tuple[str, ...]) -> None:
    assert reads("x = [1]\ny = [2]", second) == expected


def test_private_names_are_mangled_inside_classes() -> None:
    source = "class C:\n    def f(self):\n        return __x\nC().f()"
    assert reads("_C__x = 1", source) == ("_C__x",)


def test_a_function_value_needs_the_names_that_it_reads() -> None:
    found = analysed(
        ("a", "scale = 2\ndef f(q):\n    return g(q)\ndef g(q):\n    return q * scale"),
        ("b < a", "print(f(1))"),
    )
    assert found.steps["b"].reads == ("f", "g", "scale")
    assert found.steps["a"].writes == ("f", "g", "scale")


def test_the_calling_step_may_bind_names_that_a_function_reads() -> None:
    found = analysed(
        ("a", "def f():\n    return threshold\nhooks = [f]"),
        ("b < a", "threshold = 1\nhooks[0]()"),
    )
    assert found.steps["b"].reads == ("hooks",)
    assert codes(found) == []


def test_code_is_followed_through_containers_instances_and_partials() -> None:
    found = analysed(
        ("imports", "from functools import partial"),
        ("a", "scale = 2\nclass C:\n    def f(self):\n        return scale\nc = C()"),
        ("b < a", "d = {'k': partial(c.f)}"),
        ("c < b", "print(d['k']())"),
    )
    assert found.steps["c"].reads == ("d", "scale")


def test_the_result_of_a_plain_function_does_not_need_its_names() -> None:
    found = analysed(
        ("a", "tokenizer = make = 1\ndef process(q):\n    return tokenizer + q"),
        ("b < a", "features = process(1)"),
        ("c < b", "print(features)"),
    )
    assert found.steps["c"].reads == ("features",)


def test_a_returned_closure_needs_the_names_that_it_reads() -> None:
    found = analysed(
        ("a", "x = 1\ndef make():\n    return lambda: x"),
        ("b < a", "f = make()"),
        ("c < b", "f()"),
    )
    assert found.steps["c"].reads == ("f", "x")


def test_a_global_statement_in_a_called_function_is_a_write() -> None:
    found = analysed(
        ("a", "n = 0\ndef count():\n    global n\n    n += 1"),
        ("b < a", "count()"),
        ("c < b", "print(n)"),
    )
    assert found.steps["b"].reads == ("count", "n")
    assert found.steps["b"].writes == ("n",)


def test_only_what_a_later_step_reads_is_written() -> None:
    found = analysed(("a", "x = 1\ny = 2"), ("b < a", "print(x)\nz = 3"))
    assert found.steps["a"].writes == ("x",)
    assert found.steps["b"].writes == ()


def test_a_value_that_is_always_replaced_before_a_read_is_not_written() -> None:
    found = analysed(("a", "f = open('x')"), ("b < a", "f = 1"), ("c < b", "print(f)"))
    assert found.steps["a"].writes == ()
    assert found.steps["b"].writes == ("f",)


def test_a_value_that_may_be_replaced_is_read_and_written_by_both() -> None:
    found = analysed(
        ("a", "x = 1\nflag = 0"), ("b < a", "if flag:\n    x = 2"), ("c < b", "print(x)")
    )
    assert found.steps["a"].writes == ("flag", "x")
    assert found.steps["b"].reads == ("flag", "x")
    assert found.steps["b"].writes == ("x",)


@pytest.mark.parametrize(
    "change",
    [
        "x.append(1)",
        "x[0] = 1",
        "x.attribute = 1",
        "x += [1]",
        "del x[0]",
        "fit(x)",
        "for item in x:\n    pass",
        "first, second = x",
        "y = x\ny.append(1)",
        "(x if True else 1).append(1)",
    ],
)
def test_a_change_in_place_is_a_write(change: str) -> None:
    found = analysed(
        ("imports", "from somewhere import fit"),
        ("a", "x = [1]"),
        ("b < a", change),
        ("c < b", "print(x)"),
    )
    assert "x" in found.steps["b"].writes


@pytest.mark.parametrize("use", ["print(x)", "y = len(x)", "y = x + [1]", "y = f'{x}'"])
def test_a_use_without_a_change_is_not_a_write(use: str) -> None:
    found = analysed(("a", "x = [1]"), ("b < a", use), ("c < b", "print(x)"))
    assert found.steps["b"].writes == ()


def test_a_number_cannot_be_changed_in_place() -> None:
    found = analysed(("a", "x = 1"), ("b < a", "fit = print\nfit(x)"), ("c < b", "print(x)"))
    assert found.steps["b"].writes == ()


def test_a_changed_value_that_shares_an_object_with_one_read_later_is_written() -> None:
    found = analysed(("a", "x = []\ny = x"), ("b < a", "y.append(1)"), ("c < b", "print(x)"))
    assert found.steps["b"].writes == ("y",)


def test_later_steps_see_a_deletion() -> None:
    found = analysed(
        ("a", "x = 1\nflag = 1"),
        ("b < a", "if flag:\n    del x"),
        ("c < b", "try:\n    print(x)\nexcept NameError:\n    pass"),
    )
    assert "x" in found.steps["b"].writes


def test_an_imported_module_is_a_value_that_uses_do_not_change() -> None:
    found = analysed(("a", "import numpy as np"), ("b < a", "np.zeros(3)"), ("c < b", "np.ones(3)"))
    assert found.steps["a"].writes == ("np",)
    assert found.steps["b"].writes == ()


def test_branches_do_not_see_each_other() -> None:
    found = analysed(
        ("a", "x = 1"),
        ("left < a", "y = x"),
        ("right < a", "z = x"),
        ("join < left, right", "print(y, z)"),
    )
    assert found.steps["join"].reads == ("y", "z")
    assert found.steps["right"].reads == ("x",)
    assert codes(found) == []


def test_a_step_may_have_several_cells() -> None:
    found = analysed(("a", "x = 1"), ("a", "print(x)\ny = x"), ("b < a", "print(y)"))
    assert found.steps["a"].reads == ()
    assert found.steps["a"].writes == ("y",)
