"""Functions, closures and classes of the notebook survive a round trip."""

from __future__ import annotations

import pytest

MODEL = "class Model:\n    made = 0\n    def fit(self): return self\n"


def test_a_function_lives_in_the_namespace_of_the_kernel(chain):
    chain.step("n = 1\ndef f(): return n", writes="f n")
    chain.step("n = 5; assert f() == 5 and f.__globals__ is globals()", reads="f")


def test_names_that_a_function_reads_are_saved_with_it(chain):
    chain.step(
        "rate = 2\ndef inner(x): return x * rate\ndef outer(x): return inner(x) + 1", writes="outer"
    )
    chain.step("assert outer(2) == 5", reads="outer")


def test_a_global_statement_keeps_counting(chain):
    chain.step("n = 0\ndef count():\n    global n\n    n += 1\ncount()", writes="count n")
    chain.step("count(); assert n == 2", reads="count n", writes="n")
    chain.step("count(); assert n == 3", reads="count n")


def test_functions_that_share_a_cell_still_share_it(chain):
    chain.step(
        "def make():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n"
        "    def read(): return n\n    return up, read\nup, read = make(); up()",
        writes="up read",
    )
    chain.step("up(); assert read() == 2", reads="up read", writes="up read")
    chain.step("assert read() == 2; up(); assert read() == 3", reads="read up")


def test_recursive_functions_and_empty_cells_come_back(chain):
    chain.step(
        "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\n"
        "def make():\n    def g(n): return n and g(n - 1)\n"
        "    def h(): return later\n    if False: later = 1\n    return g, h\ng, h = make()",
        writes="fib g h",
    )
    chain.step(
        "assert fib(10) == 55 and g(3) == 0 and g.__closure__[0].cell_contents is g",
        reads="fib g h",
    )


def test_defaults_attributes_annotations_and_names_are_kept(chain):
    chain.step(
        "def f(a: int, b=[1], *, c=2) -> str:\n    'doc'\nf.tag = 3\ng = lambda x: x + 1",
        writes="f g",
    )
    chain.step(
        "assert f.__defaults__ == ([1],) and f.__kwdefaults__ == {'c': 2} and f.tag == 3\n"
        "assert f.__annotations__ == {'a': int, 'return': str} and f.__doc__ == 'doc'\n"
        "assert g(1) == 2 and f.__qualname__ == 'f' and f.__module__ == '__main__'",
        reads="f g",
    )


def test_a_default_shared_with_a_name_stays_shared(chain):
    chain.step("seen = []\ndef f(x, seen=seen): seen.append(x)", writes="seen f")
    chain.step("f(1); assert seen == [1]", reads="seen f")


def test_an_instance_and_its_class_come_back_as_one(chain):
    chain.step(MODEL + "m = Model()", writes="Model m")
    chain.step("assert type(m) is Model and isinstance(m.fit(), Model)", reads="Model m")


def test_an_instance_of_a_class_of_an_earlier_step_is_not_copied_with_it(chain):
    chain.step(MODEL + "m = Model()", writes="Model m")
    before = chain.pointers()
    chain.step("two = Model()", reads="Model", writes="two")
    assert {name: chain.pointers()[name] for name in before} == before
    chain.step("assert type(two) is type(m) is Model", reads="two m Model")


def test_branches_that_make_instances_of_one_class_do_not_conflict(chain):
    chain.step(MODEL, writes="Model")
    left, right = chain.branch("left"), chain.branch("right")
    left.step("a = Model()", reads="Model", writes="a")
    right.step("b = Model()", reads="Model", writes="b")
    assert left.pointers()["Model"] == right.pointers()["Model"]
    chain.join(left, right)
    chain.step("assert type(a) is type(b) is Model", reads="a b Model")


def test_changing_a_class_in_place_saves_its_instances_again(chain):
    chain.step(MODEL, writes="Model")
    chain.step("m = Model()", reads="Model", writes="m")
    chain.step("Model.made = 7", reads="Model", writes="Model")
    chain.step("assert type(m) is Model and m.made == 7", reads="Model m")


def test_an_instance_made_beside_a_change_of_its_class_is_refused(chain):
    chain.step(MODEL, writes="Model")
    left, right = chain.branch("left"), chain.branch("right")
    left.step("Model.made = 7", reads="Model", writes="Model")
    right.step("m = Model()", reads="Model", writes="m")
    right.join(left)
    error = right.refused("print(m.made)", reads="m Model")
    assert error["code"] == "ITH513"
    assert "Model" in error["message"]


def test_dataclasses_enums_named_tuples_and_nested_classes_work_on(chain):
    chain.step(
        "import dataclasses, enum, collections, abc\n"
        "@dataclasses.dataclass\nclass P:\n    x: int\n"
        "    y: list = dataclasses.field(default_factory=list)\n"
        "class C(enum.Enum):\n    A = 1\n    B = 2\n"
        "T = collections.namedtuple('T', 'u v')\n"
        "class Base(abc.ABC):\n    @abc.abstractmethod\n    def go(self): ...\n"
        "class Child(Base):\n    z = 1\n    a = 2\n"
        "    def go(self): return super().__init__() or 1\n    class Inner: pass\n"
        "p, c, t, k, i = P(1), C.A, T(1, 2), Child(), Child.Inner()",
        writes="P C T Base Child p c t k i",
    )
    chain.step(
        "import dataclasses\n"
        "assert p == P(1) and c is C.A and t == T(1, 2) and k.go() == 1 and isinstance(k, Base)\n"
        "assert type(i) is Child.Inner and Child.Inner.__qualname__ == 'Child.Inner'\n"
        "assert [n for n in vars(Child) if n in 'za'] == ['z', 'a']\n"
        "assert dataclasses.fields(P)[0].default is dataclasses.MISSING\n"
        "@dataclasses.dataclass\nclass Q(P):\n    w: int = 3\n"
        "assert Q(1).w == 3 and dataclasses.replace(p, x=2).x == 2",
        reads="P C T Base Child p c t k i",
    )


def test_bound_methods_keep_their_object(chain):
    chain.step(
        "class K:\n    n = 0\n    def up(self): self.n += 1\nk = K(); up = k.up; add = [].append",
        writes="k up",
    )
    chain.step("up(); assert k.n == 1 and up.__self__ is k", reads="k up")


def test_a_cached_function_comes_back(chain):
    chain.step(
        "import functools\n@functools.lru_cache(maxsize=3)\ndef f(x): return x + 1\nf(1)",
        writes="f",
    )
    chain.step("assert f(1) == 2 and f.cache_info().maxsize == 3", reads="f")


# Definitions of `functions` cells ---------------------------------------------------------------


def test_an_instance_of_a_definition_is_one_in_the_next_step(chain):
    chain.step("m = Model()", writes="m", functions=MODEL, definitions="Model")
    assert "refers_to" in chain.document("m")
    report = chain.step(
        "assert type(m) is Model and m.fit.__func__ is Model.fit",
        reads="m",
        functions=MODEL,
        definitions="Model",
    )
    assert "Model" not in chain.pointers(), report


def test_a_value_refers_to_functions_and_containers_of_definitions(chain):
    code = "LABELS = ['a']\ndef f(): return 1\n"
    names = "LABELS f"
    chain.step("v = [LABELS, f]", writes="v", functions=code, definitions=names)
    chain.step("assert v[0] is LABELS and v[1] is f", reads="v", functions=code, definitions=names)


def test_a_definition_changed_in_place_becomes_a_value(chain):
    chain.step("m = Model()", writes="m", functions=MODEL, definitions="Model")
    chain.step("Model.made += 1", functions=MODEL, definitions="Model")
    chain.step("Model.made += 1", reads="Model", functions=MODEL, definitions="Model")
    chain.step(
        "assert Model.made == 2 and type(m) is Model and m.made == 2",
        reads="m Model",
        functions=MODEL,
        definitions="Model",
    )


def test_an_instance_finds_its_changed_definition_also_when_only_it_is_read(chain):
    chain.step("m = Model()", writes="m", functions=MODEL, definitions="Model")
    chain.step("Model.made += 1", functions=MODEL, definitions="Model")
    chain.step("assert m.made == 1", reads="m", functions=MODEL, definitions="Model")


def test_a_definition_that_is_missing_is_named(chain):
    chain.step("m = Model()", writes="m", functions=MODEL, definitions="Model")
    error = chain.refused("", reads="m")
    assert error["code"] == "ITH514"
    assert error["name"] == "Model"


def test_values_that_a_definition_reads_are_saved_with_its_users(chain):
    code = "def use(): return table['x']\n"
    chain.step("table = {'x': 1}; v = [use]", writes="v", functions=code, definitions="use")
    chain.step("assert v[0]() == 1", reads="v", functions=code, definitions="use")


def test_a_decorated_and_cached_definition_is_a_reference(chain):
    code = "import functools\n@functools.lru_cache\ndef f(): return 1\n"
    chain.step("v = [f]", writes="v", functions=code, definitions="f")
    chain.step("assert v[0] is f", reads="v", functions=code, definitions="f")


@pytest.mark.parametrize("parameter", ["rate = 0.5", "layers = [1, 2]"])
def test_an_unchanged_parameter_is_not_a_value(chain, parameter):
    name = parameter.split()[0]
    chain.step(f"def f(): return {name}\nf()", writes="f", prelude=parameter, parameters=[name])
    assert name not in chain.pointers()


def test_a_changed_parameter_becomes_a_value(chain):
    prelude = {"prelude": "rate = 0.5", "parameters": ["rate"]}
    chain.step("rate = 2\ndef f(): return rate", writes="f rate", **prelude)
    chain.step("assert rate == 2 and f() == 2", reads="f rate", **prelude)
