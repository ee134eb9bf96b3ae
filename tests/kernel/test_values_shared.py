"""Shared objects stay shared, and others stay separate."""

from __future__ import annotations


def test_two_names_of_one_list_stay_one_list(chain):
    chain.step("a = [1]; b = a", writes="a b")
    chain.step("a.append(2); assert b is a and b == [1, 2]", reads="a b", writes="a")
    chain.step("assert b is a and b == [1, 2]", reads="a b")


def test_a_container_keeps_the_named_objects_inside_it(chain):
    chain.step("a = [1]; box = {'a': a, 'again': [a]}", writes="a box")
    chain.step("assert box['a'] is a and box['again'][0] is a", reads="a box")


def test_reading_one_alias_loads_the_other(chain):
    chain.step("a = [1]; b = a", writes="a b")
    chain.step("a.append(2)", reads="a", writes="a")
    chain.step("assert b == [1, 2]", reads="b")


def test_an_object_that_contains_itself_comes_back(chain):
    chain.step("a = [1]; a.append(a); d = {}; d['d'] = d", writes="a d")
    chain.step("assert a[1] is a and d['d'] is d", reads="a d")


def test_names_that_share_only_immutable_things_are_separate_objects(chain):
    chain.step(
        "import datetime, pathlib, re, numpy as np\n"
        "parts = ('x', 1.5, datetime.date(2020, 1, 1), pathlib.Path('p'), re.compile('x'),"
        " np.dtype('f4'), np.float32(1), frozenset([1]), int, len, re.match)\n"
        "a = [*parts]; b = [*parts]",
        writes="a b",
    )
    assert chain.object("a") != chain.object("b") or chain.pointer("a") == chain.pointer("b")
    chain.step("assert a == b and a is not b", reads="a b")


def test_type_hints_tie_no_functions_together(chain):
    chain.step(
        "from typing import Optional\n"
        "def f(x: Optional[int], y: list[int] = None) -> Optional[int]: return 1\n"
        "def g(x: Optional[int], y: list[int] = None) -> Optional[int]: return 2\n",
        writes="f g",
    )
    assert chain.object("f") != chain.object("g")


def test_views_of_an_array_stay_views(chain):
    chain.step(
        "import numpy as np\n"
        "x = np.arange(12.).reshape(3, 4); row = x[1]; t = x.T; part = x[::2, ::-1]",
        writes="x row t part",
    )
    chain.step(
        "row[0] = 100; assert x[1, 0] == 100 and t[0, 1] == 100\n"
        "part[0, 0] = -1; assert x[0, 3] == -1 and part.base is x.base is row.base",
        reads="x row t part",
        writes="x",
    )
    chain.step(
        "t[0, 0] = 7; assert x[0, 0] == 7 and x[1, 0] == 100 and row.base is x.base",
        reads="x row t part",
        writes="x",
    )


def test_views_of_a_bytearray_stay_views(chain):
    chain.step(
        "import numpy as np\nraw = bytearray(16); x = np.frombuffer(raw, np.int64)", writes="raw x"
    )
    chain.step("x[1] = 1; assert raw[8] == 1", reads="raw x")


def test_arrays_of_every_order_dtype_and_size_come_back_equal(chain):
    chain.step(
        "import numpy as np\n"
        "a = np.arange(24.).reshape(2, 3, 4)\n"
        "all_of_them = [a.copy(), np.asfortranarray(a), np.empty_like(a.transpose(1, 2, 0)) * 0,\n"
        "  a[:0], np.array(5), np.array(['a', 'bc']), np.array(['2020-01-01'], 'M8[D]'),\n"
        "  np.array([(1, 2.)], dtype=[('i', int), ('f', float)]), np.array([None, [1]], object),\n"
        "  np.array([1, 2], '>i4'), np.array([True]), np.broadcast_to(np.arange(3), (2, 3)),\n"
        "  np.arange(10)[::-3], np.zeros((0, 3)), np.matrix([[1]]), np.ma.array([1], mask=[1])]\n"
        "locked = np.arange(3); locked.flags.writeable = False\n"
        "text = repr(all_of_them); strides = [x.strides for x in all_of_them[:12]]",
        writes="all_of_them locked text strides",
    )
    chain.step(
        "assert repr(all_of_them) == text\n"
        "assert [x.strides for x in all_of_them[:12]] == strides\n"
        "assert not locked.flags.writeable and all_of_them[0].flags.writeable",
        reads="all_of_them locked text strides",
        prelude="import numpy as np",
    )


def test_an_unshared_small_part_of_an_array_is_saved_alone(chain):
    chain.step("import numpy as np\nx = np.zeros(100_000)[10:20]", writes="x")
    assert chain.document("x")["buffers"]["size"] == 80


def test_two_parts_of_an_array_keep_their_common_memory(chain):
    chain.step("import numpy as np\nx = np.zeros(10)\na = x[:6]; b = x[4:]\ndel x", writes="a b")
    chain.step("a[5] = 1; assert b[1] == 1", reads="a b")


def test_rebinding_one_alias_does_not_move_the_other(chain):
    chain.step("a = [1]; b = a", writes="a b")
    before = chain.pointers()
    chain.step("b = [2]", reads="a b", writes="b")
    assert chain.pointers()["a"] == before["a"]
    assert chain.object("b") != chain.object("a")
    chain.step("assert a == [1] and b == [2]", reads="a b")


def test_a_new_name_of_an_unchanged_value_points_to_it(chain):
    chain.step("a = [1]", writes="a")
    chain.step("c = a", reads="a", writes="c")
    assert chain.pointer("c") == {"object": chain.object("a"), "place": "a"}
    chain.step("assert c is a", reads="a c")


def test_a_value_put_into_a_new_container_is_saved_with_it(chain):
    chain.step("a = [1]", writes="a")
    chain.step("box = [a]", reads="a", writes="box")
    assert chain.object("a") == chain.object("box")
    chain.step("assert box[0] is a", reads="a box")


def test_iterating_dict_views_and_proxies_still_show_their_dict(chain):
    chain.step(
        "import types\nd = {'a': 1}; keys = d.keys(); proxy = types.MappingProxyType(d)",
        writes="d keys proxy",
    )
    chain.step(
        "d['b'] = 2; assert list(keys) == ['a', 'b'] and proxy['b'] == 2", reads="d keys proxy"
    )


def test_objects_of_the_process_are_not_copied(chain):
    chain.step(
        "import os, sys, random, numpy as np\n"
        "env = os.environ; out = [sys.stdout]; rng = np.random.mtrand._rand; draw = random.random",
        writes="env out rng draw",
    )
    chain.step(
        "import os, sys, random, numpy as np\n"
        "assert env is os.environ and out[0] is sys.stdout and rng is np.random.mtrand._rand\n"
        "assert draw.__self__ is random._inst",
        reads="env out rng draw",
    )
