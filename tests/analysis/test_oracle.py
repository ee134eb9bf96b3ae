"""The law: a step with only the values that it reads sees what it would see in one process.

Programs are generated, cut into steps, and run twice: all of a step's ancestors and itself in one
namespace; and each step in a fresh namespace with its `reads` only, leaving its `writes` only.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import marshal
import os
import pickle
import types
from textwrap import indent
from typing import Any

import pytest
from analysis_notebooks import notebook
from hypothesis import HealthCheck, assume, currently_in_test_context, given, settings
from hypothesis import strategies as st

from ithaca.analysis import analyse

LISTS = ["a", "b", "c", "d"]
FUNCTIONS = ["f", "g", "h"]

_MATCH = "match {}:\n    case [_]:\n{}\n    case [*{}]:\n{}"
_INNER = "def {0}():\n    def inner():\n        {1}.append({2})\n    return inner"


# -- programs: every name in LISTS is a list, every name in FUNCTIONS a function without arguments


def statements(depth: int, shift: str = "") -> st.SearchStrategy[str]:
    """One statement."""
    x, y, z = (st.sampled_from(LISTS) for _ in range(3))
    f, g = (st.sampled_from(FUNCTIONS) for _ in range(2))
    n = st.integers(0, 9)
    simple = [
        st.builds("{} = [{}]".format, x, n),
        st.builds("{} = {}".format, x, y),
        st.builds("{} = [{}, {}]".format, x, y, n),
        st.builds("{}.append({})".format, x, n),
        st.builds("{} += [{}]".format, x, n),
        st.builds("{} = {} + [{}]".format, x, y, n),
        st.builds("{}[:] = {}[:1]".format, x, y),
        st.builds("{}, {} = {}, [{}]".format, x, y, z, n),
        st.builds("{} = [q for q in {}]".format, x, y),
        st.builds("({0} := {1} + [{2}])".format, x, y, n),
        st.builds("print({})".format, x),
        st.builds("print(len({}), {})".format, x, y),
        st.builds("{}()".format, f),
        st.builds("{} = {}".format, f, g),
        st.builds("{}.append({})".format, x, f),
        st.builds("[q() for q in {}[:] if callable(q)]".format, x),
        st.builds("for q in {}[:]:\n    if callable(q): q()".format, x),
        st.builds("{} = lambda: {}.append({})".format, f, x, n),
        st.builds("{} = lambda: help() or {}()".format, f, g),
        st.builds("list(map(lambda q: {}.append(q), [{}]))".format, x, n),
        st.builds("del {}".format, x),
        st.builds("def {}(q={}):\n    q.append({})\n    print(q)".format, f, x, n),
        st.builds("{}.state = {}".format, f, x),
        st.builds("print(getattr({}, 'state', None))".format, f),
    ]
    if not depth:
        return st.one_of(simple)
    block = st.lists(statements(depth - 1), min_size=1, max_size=3).map(
        lambda found: indent("\n".join(found), "    ")
    )
    nested = [
        st.builds("if len({}) % 2:\n{}\nelse:\n{}".format, x, block, block),
        st.builds("if len({}) % 2:\n{}".format, x, block),
        st.builds("for _ in range({}):\n{}".format, st.integers(0, 2), block),
        st.builds("for q in {}[:2]:\n{}\n    break".format, x, block),
        st.builds("while True:\n{}\n    break".format, block),
        st.builds("try:\n{}\nexcept NameError:\n{}".format, block, block),
        st.builds("try:\n{}\n    raise ValueError\nexcept ValueError:\n{}".format, block, block),
        st.builds("try:\n{}\nfinally:\n{}".format, block, block),
        st.builds("with suppress(ValueError):\n{}\n    raise ValueError".format, block),
        st.builds(_MATCH.format, x, _in(block), y, _in(block)),
        st.builds("def {}():\n    help()\n{}".format, f, block),
        st.builds("def {}():\n    global {}\n    help()\n{}".format, f, x, block),
        st.builds(
            "def {}():\n    global {}\n    {} = {} + [{}]\n    print({})".format,
            *(f, st.shared(x, key="g"), st.shared(x, key="g"), y, n, y),
        ),
        st.builds(_INNER.format, f, x, n),
        st.builds("{} = {}() or {}".format, f, f, f),
    ]  # fmt: skip
    return st.one_of(*simple, *nested)


def _in(block: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return block.map(lambda text: indent(text, "    "))


def steps(depth: int = 2) -> st.SearchStrategy[str]:
    return st.lists(statements(depth), min_size=1, max_size=5).map("\n".join)


SETUP = "\n".join(
    [f"{name} = [{index}]" for index, name in enumerate(LISTS)]
    + [f"def {name}(): print({LISTS[index]})" for index, name in enumerate(FUNCTIONS)]
)


# -- running: one namespace, or one a step


class Copier(pickle.Pickler):
    """Copies values with everything that connects them; functions get the new globals."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType) and value.__module__ is None:
            parts = (marshal.dumps(value.__code__), value.__name__)
            state = (value.__defaults__, value.__dict__, value.__closure__)
            return _function, parts, state, None, None, _fill
        if isinstance(value, types.CellType):
            return types.CellType, (), value.cell_contents, None, None, _fill_cell
        return NotImplemented


def _fill_cell(cell: Any, contents: Any) -> None:
    cell.cell_contents = contents


CURRENT: dict[str, Any] = {}


def _function(code: bytes, name: str) -> types.FunctionType:
    loaded = marshal.loads(code)
    closure = tuple(types.CellType() for _ in loaded.co_freevars)
    return types.FunctionType(loaded, CURRENT["namespace"], name, None, closure)


def _fill(function: types.FunctionType, state: tuple[Any, Any, Any]) -> None:
    function.__defaults__ = state[0]
    function.__dict__.update(state[1])
    for cell, old in zip(function.__closure__ or (), state[2] or (), strict=True):
        cell.cell_contents = old.cell_contents


def copied(values: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    buffer = io.BytesIO()
    Copier(buffer, 5).dump(values)
    CURRENT["namespace"] = namespace
    return pickle.loads(buffer.getvalue())  # type: ignore[no-any-return]


def fresh(shown: list[str]) -> dict[str, Any]:
    calls = iter(range(300))

    def tick() -> None:
        """Ends programs that would call themselves for ever; a builtin, so no name of theirs."""
        if next(calls, None) is None:
            raise RecursionError

    names = vars(builtins) | {
        "help": tick,
        "print": lambda *found: shown.append(str([shape(value) for value in found])),
        "suppress": contextlib.suppress,
    }
    return {"__builtins__": names}


def shape(value: Any, depth: int = 4) -> Any:
    if isinstance(value, list):
        return [shape(item, depth - 1) for item in value] if depth else "…"
    if isinstance(value, tuple):
        return [shape(item, depth) for item in value]
    if callable(value) and not depth:
        return "…"
    if callable(value):
        return f"{value.__name__} {shape(value.__defaults__, depth - 1)}"
    return str(value)


def leave_out(condition: bool) -> None:
    if currently_in_test_context():
        assume(condition)
    else:
        assert condition


def run(source: str, namespace: dict[str, Any], shown: list[str]) -> None:
    exec(compile(source, "<step>", "exec"), namespace)
    leave_out(len(shown) < 200)


def values(namespace: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in namespace.items() if not name.startswith("__")}


def reachable(value: Any) -> set[int]:
    """Identities of the mutable objects behind a value."""
    found: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str | int | type(None)) or id(item) in found:
            continue
        if isinstance(item, tuple):
            pending.extend(item)
            continue
        found.add(id(item))
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, types.FunctionType):
            pending.extend([item.__defaults__, *item.__dict__.values()])
            pending.extend(cell.cell_contents for cell in item.__closure__ or ())
    return found


def in_one_process(sources: list[str]) -> list[str]:
    """What the last of some steps shows when all run in one namespace."""
    shown: list[str] = []
    namespace = fresh(shown)
    for source in sources:
        shown.clear()
        try:
            run(source, namespace, shown)
        except (NameError, RecursionError, TypeError, AttributeError, MemoryError):
            leave_out(False)
    return list(shown)


def leaves(
    store: dict[str, Any], source: str, reads: tuple[str, ...], writes: tuple[str, ...]
) -> tuple[dict[str, Any], list[str], set[str]]:
    """Runs a step on a store; what it leaves there, what it shows, and which names changed."""
    shown: list[str] = []
    namespace = fresh(shown)
    old = copied(store, namespace)
    namespace.update({name: old[name] for name in reads if name in old})
    run(source, namespace, shown)
    new = {name: namespace[name] for name in writes if name in namespace}
    written: set[int] = set().union(*(reachable(value) for value in new.values()), set())
    after = {}
    # What shares an object with something written goes with it; all else stays as it was.
    untouched = copied(store, namespace)
    for name, value in old.items():
        if name in new or (name in writes and name not in namespace):
            continue
        after[name] = value if reachable(value) & written else untouched[name]
    return after | new, shown, {*new, *(name for name in old if name not in after | new)}


def check(parts: list[str], needs: dict[int, list[int]]) -> None:
    cells = [
        (f"s{index} < {','.join(f's{need}' for need in needs[index])}", source)
        for index, source in enumerate(parts)
    ]
    ancestors: dict[int, set[int]] = {}
    for index in range(len(parts)):
        ancestors[index] = set(needs[index]).union(*(ancestors[need] for need in needs[index]), ())
    expected = [
        in_one_process([parts[before] for before in sorted(ancestors[index])] + [source])
        for index, source in enumerate(parts)
    ]
    found = analyse(notebook(*cells))
    codes = {problem.code for problem in found.diagnostics}
    leave_out("ITH230" not in codes)  # it says what a branch does not see of the other one
    leave_out(not any(problem.severity == "error" for problem in found.diagnostics))
    if len(parts) == 4 and needs[3] == [1, 2]:
        # The same for what the left branch only possibly changes: at run time one knows.
        every = ("s3 < s1", f"print({', '.join(LISTS + FUNCTIONS)})")
        seen = analyse(notebook(*cells[:2], every)).steps["s1"].writes
        leave_out(not set(seen) & set(found.steps["s2"].reads))
    stores: dict[int, dict[str, Any]] = {}
    changed: dict[int, set[str]] = {}
    for index, source in enumerate(parts):
        own_needs = needs[index]
        before = _merged([stores[n] for n in own_needs], [changed[n] for n in own_needs])
        step = found.steps[f"s{index}"]
        stores[index], shown, own = leaves(before, source, step.reads, step.writes)
        changed[index] = own
        assert shown == expected[index], (f"step s{index}", step.reads, step.writes)


def _merged(stores: list[dict[str, Any]], changed: list[set[str]]) -> dict[str, Any]:
    """The values at a join; programs whose branches change connected values are left out."""
    if len(stores) < 2:
        return stores[0] if stores else {}
    first, second = stores
    leave_out(not changed[0] & changed[1])
    for store, own in ((first, changed[0]), (second, changed[1])):
        mine = set().union(*(reachable(store[name]) for name in own if name in store), set())
        leave_out(
            not any(reachable(value) & mine for name, value in store.items() if name not in own)
        )
    merged = {name: value for name, value in first.items() if name not in changed[1]}
    return merged | {name: second[name] for name in changed[1] if name in second}


SETTINGS = settings(
    max_examples=int(os.environ.get("ITHACA_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@SETTINGS
@given(st.lists(steps(), min_size=1, max_size=3))
def test_steps_in_a_row_see_what_one_process_would_have_shown_them(parts: list[str]) -> None:
    every = [SETUP, *parts]
    check(every, {index: [index - 1] if index else [] for index in range(len(every))})


@SETTINGS
@given(steps(1), steps(1), steps(1))
def test_steps_of_a_diamond_see_what_one_process_would_have_shown_them(
    left: str, right: str, join: str
) -> None:
    check([SETUP, left, right, join], {0: [], 1: [0], 2: [0], 3: [1, 2]})


@pytest.mark.parametrize(
    "parts",
    [
        ["c = a\nc.append(1)", "print(a)"],
        ["def f():\n    global a\n    a = a + [7]", "f()", "print(a)"],
        ["h = lambda: b.append(2)\na.append(h)", "[q() for q in a if callable(q)]", "print(b)"],
        ["def f(q=a):\n    q.append(0)\nf()", "f()", "print(a)"],
        ["del a", "a = b", "a.append(1)", "print(a, b)"],
    ],
)
def test_known_programs_keep_the_law(parts: list[str]) -> None:
    every = [SETUP, *parts]
    check(every, {index: [index - 1] if index else [] for index in range(len(every))})
