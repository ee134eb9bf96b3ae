"""Cells as IPython runs them: magics, shell lines and line numbers."""

from __future__ import annotations

import subprocess
import sys

import pytest
from analysis_notebooks import analysed, codes
from IPython.core.inputtransformer2 import TransformerManager

from ithaca.analysis.cells import _simple_magics, parse
from ithaca.notebook.model import Cell


def cell(source: str) -> Cell:
    return Cell(number=1, kind="code", source=source)


def taken(source: str) -> tuple[str, ...]:
    """What a step of that source reads of x, y and f, and warnings about it."""
    found = analysed(("a", "x = [1]\ny = [2]\nf = print"), ("b < a", source))
    assert not codes(found, "error")
    return (*found.steps["b"].reads, *codes(found, "warning"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%time z = f(x)\nprint(z)", ("f", "x")),
        ("%timeit -n 10 -r3 f(x)", ("f", "x")),
        ("%%time\nz = f(x)\nprint(z)", ("f", "x")),
        ("%%timeit y = 1\nf(x)", ("f", "x")),
        ("%%capture out\nf(x)\n", ("f", "x")),
        ("%%capture\n%time f(x)", ("f", "x")),
        ("%%prun\nf(x)", ("f", "x")),
        ("!echo {x[0]} $y", ("x", "y")),
        ("!echo $HOME {unbound}", ()),
        ("z = !echo $y\nprint(z)", ("y",)),
        ("%pip install numpy", ()),
        ("%env A=$x", ("x",)),
        ("%matplotlib inline\nf(x)", ("f", "x")),
        ("%%bash\necho $x {y}", ()),
        ("%%bash --out z\necho", ()),
        ("%%writefile $x\nf(y)", ("x",)),
        ("%%html\n<b>", ()),
        ("%load_ext autoreload\n%autoreload 2", ()),
        ("x?", ()),
        ("pip install numpy", ()),
        ("if x:\n    !ls {y}\n    %time f(x)", ("f", "x", "y")),
        ("%run other.py", ("ITH211",)),
        ("%store x", ("ITH211",)),
        ("%%sql\nselect", ("ITH211",)),
        ("%unheard_of", ("ITH211",)),
        ("get_ipython().run_line_magic('time', 'f(x)')", ("f", "x")),
    ],
)
def test_magics_read_the_names_that_ipython_expands(source: str, expected: tuple[str, ...]) -> None:
    assert taken(source) == expected


def test_names_that_a_magic_binds_are_bound() -> None:
    found = analysed(
        ("a", "%%capture out\n%time x = 1"),
        ("a", "files = !ls"),
        ("a", "%timeit y = 1"),
        ("a", "%%timeit\nz = 1"),
        ("b < a", "print(out, x, files)"),
        ("c < a", "print(y)\nprint(z)"),
    )
    assert found.steps["b"].reads == ("files", "out", "x")
    assert codes(found, "error") == ["ITH202", "ITH202"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("%pip install x\n!ls \\\n  -l\nmissing", 4),
        ("\n\n%time y = 1\n\nmissing", 5),
        ("%%time\n\n%pip install \\\n  x\nmissing", 5),
        ("%%capture\n%%time\nmissing", 3),
        ("z = !ls\n  \nmissing", 3),
        ("print(1)\nprint?\nmissing", 3),
    ],
)
def test_lines_are_counted_in_the_cell(source: str, line: int) -> None:
    found = analysed(("a", source))
    (problem,) = (found for found in found.diagnostics if found.severity == "error")
    assert (problem.line, problem.source, problem.column) == (line, "missing", 1)


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("x = 1\ny = (", 2, 5),
        ("%pip install x\ny = )", 2, 5),
        ("!ls \\\n x\ny = )", 3, 5),
        ("%%time\nx = 1\ny = )", 3, 5),
        ("if 1:\ny", 2, 1),
        ("é = 1; y = )", 1, 12),
    ],
)
def test_a_syntax_error_has_its_place(source: str, line: int, column: int | None) -> None:
    found = analysed(("a", source), ("b < a", "print(y)"))
    (problem,) = found.diagnostics
    assert (problem.code, problem.cell, problem.line) == ("ITH201", 1, line)
    assert column is None or problem.column == column


@pytest.mark.parametrize("source", ["x = 1\0", "(" * 500 + ")" * 500, "return 1", "def f(:"])
def test_every_broken_cell_is_one_error(source: str) -> None:
    assert codes(analysed(("a", source)), "error") == ["ITH201"]


@pytest.mark.parametrize(
    "source",
    ["%time f(x)", "!ls -l  ", "%pip install 'a b'", "x = 1\n%matplotlib inline", '!echo "it\'s"'],
)
def test_simple_magics_are_parsed_as_ipython_parses_them(source: str) -> None:
    changed = _simple_magics(source)
    assert changed is not None
    assert changed[0] + "\n" == TransformerManager().transform_cell(source)


def test_ipython_is_not_imported_for_usual_cells() -> None:
    program = (
        "import sys; from ithaca.analysis.cells import parse;"
        "from ithaca.notebook.model import Cell;"
        "[parse(Cell(number=1, kind='code', source=s)) for s in ('x = 1', '%pip install x', '!ls',"
        " '%%time\\nx = 1', 'await f()')]; sys.exit('IPython' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_top_level_await_is_python() -> None:
    assert parse(cell("x = await f()\nasync for y in z: pass")).problem is None
