"""Names that Tekton accepts, and arguments on their way to the runner."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from tekton_workflows import member, of, with_parameters

from ithaca_tekton import names

IDENTIFIERS = st.text(min_size=1, max_size=12).filter(str.isidentifier)


@given(st.lists(IDENTIFIERS, unique=True, max_size=6))
def test_parameters_have_distinct_names_that_tekton_accepts(some: list[str]) -> None:
    found = names.parameters(some)
    assert list(found) == some
    assert len({name.lower() for name in found.values()}) == len(some)
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) for name in found.values())


def test_a_pipelines_parameters_are_json_and_reach_the_runner_under_their_own_names() -> None:
    wanted = with_parameters(lr=0.5, größe='a "b" $(HOME)', LR=1)
    declared = {each["name"]: each["default"] for each in of("Pipeline", wanted)[0]["params"][1:]}
    assert declared == {
        "lr": "0.5",
        "gr-u00f6--u00df-e": r'"a \"b\" \u0024(HOME)"',
        "LR-2": "1",
    }
    assert member("train", wanted)["params"]["arguments"] == [
        "lr=$(params.lr)",
        "größe=$(params.gr-u00f6--u00df-e)",
        "LR=$(params.LR-2)",
    ]
    assert of("PipelineRun", wanted)[0]["params"][0] == {"name": "lr", "value": "0.5"}


def test_the_names_of_tasks_of_a_long_notebook_fit_into_labels() -> None:
    assert len(names.task("n" * 63, "step")) <= 63
    assert len(names.gate("s" * 63)) <= 63
