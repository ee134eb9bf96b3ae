"""Which statements of imports and functions cells a step runs, and the digest of its code."""

from __future__ import annotations

from analysis_notebooks import analysed, codes, sources

TOGETHER = "import functools; import os\n@functools.cache\ndef f():\n    pass\ndef g(): os"


def test_a_step_runs_the_imports_and_definitions_that_it_needs_through_others() -> None:
    found = analysed(
        ("imports", "import numpy as np\nimport os\nimport json"),
        ("functions", "def f(q):\n    return g(q)\n\ndef g(q):\n    return np.sum(q)"),
        ("functions", "def h():\n    json"),
        ("a", "y = f([1])"),
        ("b", "print(os.name)"),
        ("c", "h()"),
    )  # fmt: skip
    assert sources(found, "a", "imports") == ["import numpy as np"]
    assert sources(found, "a", "functions") == [
        "def f(q):\n    return g(q)\n\ndef g(q):\n    return np.sum(q)"
    ]
    assert sources(found, "b") == ["import os", "print(os.name)"]
    assert sources(found, "c", "imports") == ["import json"]


def test_an_unused_import_is_kept_for_its_effects() -> None:
    found = analysed(("imports", "import seaborn\nimport os"), ("a", "x = 1"), ("b", "os"))
    assert sources(found, "a") == ["import seaborn", "x = 1"]


def test_every_other_statement_always_runs_with_what_it_needs() -> None:
    found = analysed(
        ("imports", "import numpy as np\nimport os\nnp.random.seed(0)"), ("a", "x = 1"), ("b", "os")
    )
    assert sources(found, "a", "imports") == ["import numpy as np\nnp.random.seed(0)"]
    assert found.steps["a"].code[0].lines == (1, 3)


def test_a_cell_that_is_kept_whole_has_no_line_map() -> None:
    found = analysed(("imports", "# why\nimport os"), ("a", "os"))
    assert found.steps["a"].code[0].source == "# why\nimport os"
    assert found.steps["a"].code[0].lines == ()


def test_decorators_and_several_statements_on_a_line_stay_together() -> None:
    found = analysed(
        ("functions", TOGETHER),
        ("a", "f()"),
        ("b", "g()"),
    )  # fmt: skip
    assert sources(found, "a", "functions") == [
        "import functools; import os\n@functools.cache\ndef f():\n    pass"
    ]


def test_magic_lines_of_a_shared_cell_are_kept() -> None:
    found = analysed(
        ("imports", "%matplotlib inline\nimport os\n!pip install \\\n  x\nimport json"),
        ("a", "os"),
        ("b", "json"),
    )
    assert sources(found, "a", "imports") == ["%matplotlib inline\nimport os\n!pip install \\\n  x"]


def test_a_step_gets_the_classes_that_its_values_may_be_instances_of() -> None:
    cells = [
        ("functions", "class Net:\n    pass\ndef unused():\n    pass"),
        ("a", "model = Net()"),
        ("b < a", "model.fit()"),
        ("c < b", "print(model)"),
        ("d", "unused()"),
    ]
    found = analysed(*cells)
    assert sources(found, "c", "functions") == ["class Net:\n    pass"]
    changed = analysed(("functions", "class Net:\n    y = 1\ndef unused():\n    pass"), *cells[1:])
    assert changed.steps["c"].code_digest != found.steps["c"].code_digest
    assert changed.steps["d"].code_digest == found.steps["d"].code_digest


def _inherited(functions: str, first: str) -> list[str]:
    """Which definitions the next step gets when it only reads the value that a step left."""
    found = analysed(("functions", functions), ("a", first), ("b < a", "print(x)"))
    return [line for code in sources(found, "b", "functions") for line in code.split("\n")]


def test_a_result_does_not_need_a_function_that_was_only_called() -> None:
    assert _inherited("def f(q):\n    return g(q)\ndef g(q): return q", "x = f(1)") == []
    assert _inherited("def f(q): return q", "x = [f(i) for i in range(3)]\ny = f(f(1))") == []


def test_a_value_needs_a_function_that_it_may_hold() -> None:
    plain = "def f(q): return q"
    for first in (
        "x = {'f': f}",
        "x = list(map(f, [1]))",
        "class C:\n    def g(self, k=f): pass\nx = C()",
        "%time x = partial(f, 1)",
        "x = f.__name__",
    ):
        assert _inherited(plain, first) == [plain], first
    returned = "def f(q): return q\ndef g(): return f"
    assert _inherited(returned, "x = g()")[0] == plain
    for code in (
        "def f():\n    return lambda: 1",
        "def f():\n    def g(): pass\n    return g",
        "def f():\n    yield 1",
        "def f():\n    class C: pass\n    return C()",
        "import functools\n@functools.cache\ndef f(): return 1",
        "class f: pass",
        "def g(q): return q\ndef f(k=g): return k",
    ):
        assert _inherited(code, "x = f()"), code


def test_needed_definitions_need_their_own_definitions() -> None:
    code = (
        "import math\nclass C:\n    def m(self): return g()\ndef g(): return math.pi\ndef h(): pass"
    )
    assert _inherited(code, "x = C()\nh()") == code.split("\n")[:4]


def test_a_shared_name_that_a_step_changes_becomes_a_value() -> None:
    found = analysed(
        ("imports", "seen = set()"), ("a", "seen.add(1)"), ("b < a", "print(seen)"), ("c", "seen")
    )
    assert found.steps["a"].writes == ("seen",)
    assert found.steps["b"].reads == ("seen",)
    assert found.steps["c"].reads == ()


def test_a_shared_function_may_read_a_value_of_a_step() -> None:
    found = analysed(
        ("functions", "def f():\n    return tokenizer"),
        ("a", "tokenizer = []"),
        ("b < a", "f()"),
    )
    assert found.steps["b"].reads == ("tokenizer",)
    assert codes(found) == []


def test_shared_code_that_reads_a_name_of_a_step_is_an_error() -> None:
    found = analysed(("functions", "print(x)"), ("a", "x = 1"))
    (problem,) = found.diagnostics
    assert problem.code == "ITH204"
    assert "only step `a` binds it" in problem.message
    assert (problem.cell, problem.line, problem.column) == (1, 1, 7)


def test_comments_formatting_and_unrelated_code_do_not_change_a_digest() -> None:
    one = analysed(("imports", "import os"), ("a", "x = os.name  # why\ny = 'q'"), ("b", "z = 1"))
    other = analysed(
        ("imports", "import os\n# more"), ("a", 'x = (os.name)\n\ny = "q"'), ("b", "z = 2")
    )
    assert one.steps["a"].code_digest == other.steps["a"].code_digest
    assert one.steps["b"].code_digest != other.steps["b"].code_digest


def test_the_text_of_magics_changes_the_digest() -> None:
    one, other = (analysed(("a", f"%pip install {name}")) for name in ("x", "y"))
    assert one.steps["a"].code_digest != other.steps["a"].code_digest


def test_the_body_of_a_shell_cell_changes_the_digest() -> None:
    one, other = (analysed(("a", f"%%bash\necho {name}")) for name in ("x", "y"))
    assert one.steps["a"].code_digest != other.steps["a"].code_digest
