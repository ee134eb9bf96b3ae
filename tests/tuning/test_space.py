"""The search space as text, and what is wrong with one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_workflows import workflow

from ithaca.errors import UsageError
from ithaca.model.study import Choice, Domain, Float, Int
from ithaca.tuning.space import check_space, parse_domain, parse_space, typed

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
DOMAINS = st.one_of(
    st.builds(Float, FLOATS, FLOATS, st.booleans(), st.none() | FLOATS),
    st.builds(Int, st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.booleans()),
    st.builds(Choice, st.lists(WORDS | st.booleans() | st.integers(-9, 9) | st.none(), max_size=4)),
)


@given(DOMAINS)
def test_a_domain_is_read_back_from_its_text(domain: Domain) -> None:
    assert parse_domain("x", str(domain)) == domain


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("float(1e-4,1e-1,log)", Float(1e-4, 1e-1, log=True)),
        ("float( 0 , 1 , step=0.25 )", Float(0.0, 1.0, step=0.25)),
        ("int(1,64,log)", Int(1, 64, log=True)),
        ("int(16,256,step=16)", Int(16, 256, step=16)),
        ("choice(adam, sgd)", Choice(["adam", "sgd"])),
        ("choice(1,2.5,True,null)", Choice([1, 2.5, True, None])),
        ('choice("a,b",c)', Choice(["a,b", "c"])),
    ],
)
def test_the_forms_of_the_command_line_are_read(text: str, domain: Domain) -> None:
    assert parse_space([f"x={text}"]) == ({"x": domain}, {})


def test_a_plain_value_is_fixed() -> None:
    assert parse_space(["epochs=3", "name=a=b"]) == ({}, {"epochs": "3", "name": "a=b"})


@pytest.mark.parametrize(
    "texts",
    [
        ["lr"],
        ["=float(0,1)"],
        ["lr=float(0)"],
        ["lr=int(0,1.5)"],
        ["a=1", "a=2"],
        ["kind=choise(a,b)"],
        ["kind=choice(a,b"],
        ["lr=float(0,1,stepp=1)"],
    ],
)
def test_a_malformed_parameter_is_refused_with_the_forms(texts: list[str]) -> None:
    with pytest.raises(UsageError) as error:
        parse_space(texts)
    assert error.value.code == "ITH701"
    assert error.value.cure


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (Float(1.0, 0.0), "the range is empty"),
        (Float(0.0, 1.0, log=True), "log needs a range above 0"),
        (Float(0.0, float("inf")), "must be finite"),
        (Float(0.1, 1.0, log=True, step=0.1), "log and step cannot be combined"),
        (Float(0.0, 1.0, step=0.0), "the step must be larger than 0"),
        (Choice([]), "nothing to choose from"),
        (Choice([1.0, 1.0]), "listed twice"),
        (Choice(["fast"]), "must be a number"),
        (Choice([[1], [2]]), "values must be texts, numbers"),  # type: ignore[list-item]
        (Int(1, 2.5), "must be of the type int"),  # type: ignore[arg-type]
    ],
)
def test_a_domain_that_cannot_be_searched_is_named(domain: Domain, words: str) -> None:
    problem, *_ = check_space({"lr": domain}, {}, workflow())
    assert words in problem
    assert "lr" in problem


def test_an_unknown_parameter_gets_a_suggestion() -> None:
    [problem] = check_space({"dept": Int(1, 3)}, {}, workflow())
    assert 'unknown parameter "dept"; did you mean "depth"?' in problem


def test_whole_numbers_become_floats_for_a_float_parameter() -> None:
    found = typed({"lr": Int(1, 3)}, {"lr": 2}, workflow())
    assert (found["lr"], type(found["lr"])) == (2.0, float)
