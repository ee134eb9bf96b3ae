"""Parameters come from literals; metrics from names."""

from __future__ import annotations

from typing import Any

import pytest
from analysis_notebooks import analysed, codes


@pytest.mark.parametrize(
    ("source", "kind", "default"),
    [
        ("p = 1", "int", 1),
        ("p = -1.5", "float", -1.5),
        ("p = 1e-3", "float", 0.001),
        ("p: float = 1", "float", 1.0),
        ("p: int = -3", "int", -3),
        ("p = 'it\\'s'", "str", "it's"),
        ("p = True", "bool", True),
        ("p = None", "none", None),
        ("p = [1, [2, 'a'], None]", "list", [1, [2, "a"], None]),
        ("p = (1, 2)", "list", [1, 2]),
        ("p = {'a': [1], 'b': {'c': -1}}", "dict", {"a": [1], "b": {"c": -1}}),
        ("# why\nq = p = 2  # twice", "int", 2),
        ("q, p = 1, 'b'", "str", "b"),
    ],
)
def test_a_parameter_has_its_literals_type(source: str, kind: str, default: Any) -> None:
    found = analysed(("parameters", source), ("a", "print(p)"))
    (parameter,) = (one for one in found.parameters if one.name == "p")
    assert (parameter.type, parameter.default) == (kind, default)
    assert type(parameter.default) is type(default)
    assert found.steps["a"].parameters == ("p",)
    assert found.steps["a"].reads == ()


@pytest.mark.parametrize(
    "source",
    ["p = f()", "p = 1 + x", "p = {1: 2}", "p = {1}", "p = b'x'", "p = 1e999", "p = 2**70"],
)
def test_a_default_that_is_not_a_json_literal_is_an_error(source: str) -> None:
    found = analysed(("parameters", "q = 1\n" + source))
    (problem,) = found.diagnostics
    assert (problem.code, problem.line, problem.column) == ("ITH301", 2, 5)


def test_anything_but_assignments_is_an_error() -> None:
    assert codes(analysed(("parameters", "import os"))) == ["ITH302"]


def test_a_parameter_that_a_step_assigns_becomes_a_value() -> None:
    found = analysed(
        ("parameters", "lr = 1"),
        ("a", "print(lr)"),
        ("b < a", "lr = lr * 2"),
        ("c < b", "print(lr)"),
        ("d < a", "print(lr)"),
    )
    assert found.steps["b"].parameters == ("lr",)
    assert found.steps["b"].writes == ("lr",)
    assert (found.steps["c"].parameters, found.steps["c"].reads) == ((), ("lr",))
    assert found.steps["d"].parameters == ("lr",)
    assert codes(found) == ["ITH222", "ITH230"]


def test_a_list_parameter_that_a_step_changes_becomes_a_value() -> None:
    found = analysed(
        ("parameters", "layers = [1]\nn = 1"),
        ("a", "layers.append(n)\nf = print\nf(n)"),
        ("b < a", "print(layers, n)"),
    )
    assert found.steps["b"].reads == ("layers",)
    # Where no writer did change it after all, the parameter is what the step sees.
    assert found.steps["b"].parameters == ("layers", "n")


def test_shared_settings_consume_parameters_in_every_step() -> None:
    found = analysed(
        ("imports", "import numpy\nnumpy.random.seed(seed)"),
        ("parameters", "seed = 1"),
        ("a", "x = 1"),
    )
    assert found.steps["a"].parameters == ("seed",)


def test_a_function_that_reads_a_parameter_makes_its_caller_consume_it() -> None:
    found = analysed(
        ("parameters", "lr = 1"),
        ("functions", "def f():\n    return lr"),
        ("a", "f()"),
        ("b", "x = 1"),
    )
    assert found.steps["a"].parameters == ("lr",)
    assert found.steps["b"].parameters == ()


@pytest.mark.parametrize(
    "source", ["print(val_loss)", "val_loss", "print(f'{val_loss}')", "val_loss,"]
)
def test_a_metric_belongs_to_the_last_step_that_binds_it(source: str) -> None:
    found = analysed(
        ("a", "val_loss = 1"), ("b < a", "val_loss = 2"), ("c < b", "x = 1"), ("metrics", source)
    )
    (metric,) = found.metrics
    assert (metric.name, metric.variable, metric.step) == ("val_loss", "val_loss", "b")


def test_a_metric_that_no_step_binds_is_an_error() -> None:
    found = analysed(("a", "x = 1"), ("metrics", "print(x)\nprint(loss)"))
    (problem,) = found.diagnostics
    assert (problem.code, problem.cell, problem.line) == ("ITH310", 2, 2)


def test_a_metric_that_is_a_parameter_belongs_to_the_last_step_that_consumes_it() -> None:
    found = analysed(
        ("parameters", "lr = 0.1"),
        ("a", "print(lr)"),
        ("b < a", "print(lr)"),
        ("c < b", "x = 1"),
        ("metrics", "print(lr)"),
    )
    assert [(metric.name, metric.step) for metric in found.metrics] == [("lr", "b")]
    assert [found.steps[name].parameters for name in "abc"] == [("lr",), ("lr",), ()]
    assert codes(found) == []


@pytest.mark.parametrize("default", ["1", "0.1", "True"])
def test_a_metric_that_is_a_parameter_of_no_step_is_consumed_by_the_last_one(default: str) -> None:
    found = analysed(
        ("parameters", f"lr = {default}"), ("a", "x = 1"), ("b < a", "y = 1"), ("metrics", "lr")
    )
    assert [(metric.name, metric.step) for metric in found.metrics] == [("lr", "b")]
    assert [found.steps[name].parameters for name in "ab"] == [(), ("lr",)]
    assert codes(found, "error") == []


def test_a_metric_belongs_to_the_step_that_replaces_the_parameter() -> None:
    found = analysed(
        ("parameters", "lr = 1"), ("a", "lr = 2"), ("b < a", "print(lr)"), ("metrics", "lr")
    )
    assert [metric.step for metric in found.metrics] == ["a"]


def test_a_step_that_deletes_a_parameter_does_not_publish_it() -> None:
    found = analysed(
        ("parameters", "lr = 1"), ("a", "x = lr"), ("b", "print(lr)\ndel lr"), ("metrics", "lr")
    )
    assert [metric.step for metric in found.metrics] == ["a"]
    found = analysed(("parameters", "lr = 1"), ("a", "print(lr)\ndel lr"), ("metrics", "lr"))
    assert codes(found, "error") == ["ITH310"]


@pytest.mark.parametrize("default", ["'much'", "None", "[1]"])
def test_a_metric_that_is_not_a_number_is_an_error(default: str) -> None:
    found = analysed(
        ("parameters", f"lr = {default}"), ("a", "print(lr)"), ("metrics", "'why'\nprint(lr)")
    )
    (problem,) = found.diagnostics
    assert (problem.code, problem.cell, problem.line) == ("ITH310", 3, 2)
    assert "parameter" in problem.message


def test_a_metrics_cell_holds_names_only() -> None:
    found = analysed(("a", "x = 1"), ("metrics", "'why'\nprint(x + 1)"))
    assert codes(found) == ["ITH311"]
