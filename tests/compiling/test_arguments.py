from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.compiling.arguments import complete_arguments, parse_arguments
from ithaca.errors import UsageError
from ithaca.model import Parameter

PARAMETERS = tuple(
    Parameter(name=kind, type=kind, default=default)
    for kind, default in [
        ("int", 1), ("float", 0.5), ("str", "s"), ("bool", False),
        ("list", [1]), ("dict", {"a": 1}), ("none", None),
    ]
)  # fmt: skip


def value(text):
    (found,) = parse_arguments([text], PARAMETERS).values()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int=-3", -3),
        ("int= 4 ", 4),
        ("float=1e-4", 1e-4),
        ("float=2", 2.0),
        ("str=", ""),
        ("str=a=b c", "a=b c"),
        ("str=3", "3"),
        ("bool=true", True),
        ("bool=False", False),
        ("bool=0", False),
        ("bool=ON", True),
        ("list=[1, 2]", [1, 2]),
        ("list=('a', None)", ["a", None]),
        ('dict={"b": [true]}', {"b": [True]}),
        ("dict={'b': 2}", {"b": 2}),
        ("none=3", 3),
        ("none=null", None),
        ("none=None", None),
        ("none=plain text", "plain text"),
    ],
)
def test_a_value_has_the_type_of_its_parameter(text, expected):
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text",
    ["int=1.5", "int=x", "int=", "int=true", "float=x", "float=nan", "float=inf", "bool=2",
     "bool=", "list={}", "list=1", "list=[", "dict=[]", "dict={1: 2}", "dict={1, 2}",
     "list=[{1}]", "list=__import__('os')"],
)  # fmt: skip
def test_a_value_of_the_wrong_type_lists_the_parameters(text):
    with pytest.raises(UsageError) as caught:
        value(text)
    assert caught.value.code == "ITH321"
    assert "int (int, 1), float (float, 0.5), str (str, 's')" in caught.value.cure
    assert caught.value.exit_code == 2


def test_an_unknown_name_gets_a_suggestion_and_the_list():
    with pytest.raises(UsageError) as caught:
        value("flaot=1")
    assert caught.value.code == "ITH320"
    assert 'did you mean "float"?' in caught.value.message
    assert "bool (bool, False)" in caught.value.cure


def test_a_workflow_without_parameters_says_so():
    with pytest.raises(UsageError) as caught:
        parse_arguments(["a=1"], ())
    assert "pipeline-parameters" in caught.value.cure


@pytest.mark.parametrize("texts", [["int"], ["int=1", "int=2"]])
def test_an_argument_needs_a_value_and_comes_once(texts):
    with pytest.raises(UsageError) as caught:
        parse_arguments(texts, PARAMETERS)
    assert caught.value.code == "ITH322"


def test_missing_arguments_get_their_defaults():
    assert complete_arguments({"int": 7}, PARAMETERS) == {
        "int": 7, "float": 0.5, "str": "s", "bool": False, "list": [1], "dict": {"a": 1},
        "none": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "given_",
    [{"int": True}, {"int": "1"}, {"int": 1.0}, {"float": "x"}, {"bool": 1}, {"str": 1},
     {"float": float("nan")}, {"list": [object()]}, {"dict": {1: 2}}, {"none": {1}},
     {"str": "\ud83d"}],
)  # fmt: skip
def test_python_values_are_checked_too(given_):
    with pytest.raises(UsageError) as caught:
        complete_arguments(given_, PARAMETERS)
    assert caught.value.code == "ITH321"


def test_a_python_int_becomes_a_float_for_a_float_parameter():
    assert type(complete_arguments({"float": 2}, PARAMETERS)["float"]) is float


@given(st.text(max_size=20))
def test_no_text_raises_anything_but_a_usage_error(text):
    for parameter in PARAMETERS:
        with contextlib.suppress(UsageError):
            parse_arguments([f"{parameter.name}={text}"], PARAMETERS)


def test_a_missing_value_is_called_nothing():
    with pytest.raises(UsageError, match=r'parameter "float" must be a number \(got nothing\)'):
        value("float=")
