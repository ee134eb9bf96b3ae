"""Diagnostics of `check`: missing names, hidden effects, surprising order."""

from __future__ import annotations

from pathlib import Path

import pytest
from analysis_notebooks import analysed, codes, notebook

from ithaca.analysis import analyse
from ithaca.diagnostics import Diagnostic


def only(*cells: tuple[str, str]) -> Diagnostic:
    """The one diagnostic of a notebook."""
    (found,) = analysed(*cells).diagnostics
    return found


def test_a_name_that_an_unrelated_step_binds_suggests_prev() -> None:
    found = only(("a", "x = 1"), ("b", "y = 2\nprint(y, x)"))
    assert (found.code, found.severity) == ("ITH202", "error")
    assert (found.cell, found.line, found.column, found.end_column) == (2, 2, 10, 11)
    assert found.source == "print(y, x)"
    assert "step `a` binds it in cell 1, line 1" in found.message
    assert found.cure == "add the tag `prev:a` to step `b`"


def test_the_closest_earlier_step_is_named() -> None:
    found = only(("a", "x = 1"), ("b", "x = 2"), ("c", "print(x)"), ("d", "x = 3"))
    assert "`prev:b`" in found.cure


def test_a_name_that_the_step_binds_later_is_an_error() -> None:
    found = only(("a", "print(x)"), ("a", "x = 1"))
    assert "bound later, in cell 2, line 1" in found.message


def test_a_name_that_only_a_later_step_binds_is_an_error() -> None:
    found = only(("a", "print(x)"), ("b < a", "x = 1"))
    assert "which needs this step" in found.message
    assert "prev" not in found.cure


def test_a_name_in_a_cell_that_does_not_run_is_explained() -> None:
    assert "is tagged `skip`" in only(("skipped", "x = 1"), ("a", "print(x)")).message
    assert "is above the first tag" in only(("untagged", "x = 1"), ("a", "print(x)")).message


def test_a_misspelled_name_gets_a_suggestion() -> None:
    found = only(("a", "accuracy = 1\nprint(acuracy)"))
    assert found.message.endswith('; did you mean "accuracy"?')


def test_a_name_missing_in_many_functions_is_reported_with_the_first_of_them() -> None:
    functions = "\n".join(f"def f{number}():\n    return missing" for number in range(16))
    called = "for f in [" + ", ".join(f"f{number}" for number in range(16)) + "]:\n    f()"
    found = only(("functions", functions), ("a", called))
    assert "through `f0` (cell 1, line 1)" in found.message


def test_a_name_missing_in_a_function_names_both_places() -> None:
    found = only(("functions", "def f():\n    return missing"), ("a", "f()"))
    assert (found.cell, found.line) == (2, 1)
    assert "through `f` (cell 1, line 1)" in found.message


def test_names_in_an_unused_function_are_not_checked() -> None:
    assert codes(analysed(("functions", "def f():\n    missing"), ("a", "x = 1"))) == []


def test_a_missing_name_in_a_stored_function_is_only_a_warning() -> None:
    found = only(("a", "def f():\n    return missing\nhooks = [f]"))
    assert found.severity == "warning"


def test_a_caught_name_error_is_not_reported() -> None:
    source = "try:\n    ready\nexcept NameError:\n    ready = 1\nif 'q' in globals():\n    print(q)"
    assert codes(analysed(("a", source))) == []


def test_a_read_after_a_deletion_names_the_deletion() -> None:
    found = only(("a", "x = 1"), ("b < a", "del x"), ("c < b", "print(x)"))
    assert found.code == "ITH203"
    assert "step `b` deletes it in cell 2, line 1" in found.message


def test_the_name_of_a_caught_exception_is_gone_afterwards() -> None:
    found = only(("a", "try:\n    raise ValueError\nexcept ValueError as e:\n    pass\nprint(e)"))
    assert (found.code, found.line) == ("ITH203", 5)


def test_names_in_an_invalid_cell_are_not_reported_as_missing() -> None:
    assert codes(analysed(("a", "x = ("), ("b < a", "print(x)"))) == ["ITH201"]


@pytest.mark.parametrize(
    "source", ["exec('x = 1')", "eval(input())", "globals()[str(1)] = 2", "globals().update(a=1)"]
)
def test_unknown_effects_are_a_warning(source: str) -> None:
    found = only(("a", "y = 1\n" + source))
    assert (found.code, found.severity, found.line) == ("ITH210", "warning", 2)


@pytest.mark.parametrize(
    "source",
    [
        "pd.set_option('x', 1)",
        "pd.options.display.max_rows = 3",
        "plt.style.use('ggplot')",
        "plt.rcParams['figure.dpi'] = 3",
        "torch.set_default_dtype(torch.float64)",
        "torch.backends.cudnn.deterministic = True",
        "warnings.filterwarnings('ignore')",
    ],
)
def test_a_changed_library_setting_is_a_warning(source: str) -> None:
    imports = ("imports", "import pandas as pd, torch, warnings\nimport matplotlib.pyplot as plt")
    users = ("u", "pd, torch, warnings, plt")
    found = only(imports, users, ("a", source))
    assert (found.code, found.cell) == ("ITH221", 3)
    assert codes(analysed(imports, users, ("imports", source), ("a", "x = 1"))) == []


@pytest.mark.parametrize(
    "source", ["np.random.seed(0)", "os.environ['A'] = 'b'", "sys.path.insert(0, '.')", "np.seterr"]
)
def test_state_that_later_steps_see_is_not_a_warning(source: str) -> None:
    assert codes(analysed(("imports", "import os, sys\nimport numpy as np"), ("a", source))) == []


def test_a_name_that_a_shared_cell_computes_is_a_notice() -> None:
    found = only(("functions", "def load():\n    pass\ntable = load()"), ("a", "print(table)"))
    assert (found.code, found.severity, found.line) == ("ITH220", "notice", 3)


def test_a_step_that_rebinds_a_shared_name_is_a_notice() -> None:
    found = only(("functions", "def f():\n    pass"), ("a", "f()\nf = 1"))
    assert (found.code, found.severity, found.cell) == ("ITH223", "notice", 2)


def test_a_change_that_a_step_does_not_see_is_a_notice() -> None:
    found = only(
        ("a", "x = [1]"), ("b < a", "x.append(2)"), ("c < a", "print(x)"), ("d < b", "print(x)")
    )
    assert (found.code, found.severity, found.cell) == ("ITH230", "notice", 3)
    assert "step `c` does not see how step `b` changes `x`" in found.message


def test_a_value_from_further_down_is_a_notice() -> None:
    found = only(("imports", "x = 0"), ("a", "y = 1"), ("b < a", "print(x)"), ("a", "x = 2"))
    assert (found.code, found.cell) == ("ITH231", 3)


def test_two_branches_that_bind_a_name_of_their_join_are_a_warning() -> None:
    found = only(("a", "z = 1"), ("b < a", "x = 1"), ("c < a", "x = 2"), ("d < b, c", "print(x)"))
    assert (found.code, found.severity) == ("ITH232", "warning")
    assert "`b` and `c`" in found.message


def test_the_history_of_ipython_is_a_warning() -> None:
    assert only(("a", "1 + 1"), ("b < a", "print(_)")).code == "ITH213"


def test_star_imports_are_read_without_importing(tmp_path: Path) -> None:
    listed = "raise SystemExit\n__all__ = ['x']\n__all__ += ['y']\nz = 1"
    (tmp_path / "listed.py").write_text(listed)
    public = "import os\ndef f(): pass\n_hidden = 1\nfrom listed import *"
    (tmp_path / "public.py").write_text(public)
    tagged = notebook(
        ("imports", "from listed import *\nfrom public import *\nfrom math import *"),
        ("a", "print(x, y, f, os, sqrt, z)"),
    )
    (found,) = analyse(tagged, root=tmp_path).diagnostics
    assert found.message.startswith("step `a` reads `z`")


@pytest.mark.parametrize("module", ["nowhere_to_be_found", "winreg"])
def test_an_unreadable_star_import_may_bind_any_name(module: str) -> None:
    found = only(("imports", f"from {module} import *"), ("a", "print(anything)"))
    assert (found.code, found.severity) == ("ITH212", "warning")
