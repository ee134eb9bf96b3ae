from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.errors import suggest
from ithaca.model.workflow import Secret
from ithaca.notebook.model import dns_label, identifier
from ithaca.notebook.tags import ROLES, VALUED, parse_duration, parse_tag


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_a_tag_without_a_value(role):
    tag, problem = parse_tag(role)
    assert (tag.kind, problem) == (role, None)


@pytest.mark.parametrize("word", ["step", "block"])
def test_step_and_block_are_the_same(word):
    tag, problem = parse_tag(f"{word}:load_data")
    assert (tag.kind, tag.name, problem) == ("step", "load_data", None)


@pytest.mark.parametrize("text", ["step:", "block:"])
def test_an_empty_step_name_is_allowed(text):
    tag, problem = parse_tag(text)
    assert (tag.kind, tag.name, problem) == ("step", "", None)


@pytest.mark.parametrize(
    ("text", "kind", "name", "value"),
    [
        ("limit:nvidia.com/gpu:1", "limit", "nvidia.com/gpu", "1"),
        ("limit:nvidia.com/mig-1g.5gb:2", "limit", "nvidia.com/mig-1g.5gb", "2"),
        ("request:cpu:500m", "request", "cpu", "500m"),
        ("limit:memory:1.5Gi", "limit", "memory", "1.5Gi"),
        ("annotation:a.io/b:http://x:80/y", "annotation", "a.io/b", "http://x:80/y"),
        ("annotation:empty:", "annotation", "empty", ""),
        ("label:access-ml-pipeline:true", "label", "access-ml-pipeline", "true"),
        ("image:registry:5000/a/b:1.2@sha256:0f", "image", "", "registry:5000/a/b:1.2@sha256:0f"),
        ("env:URL:postgres://db:5432", "env", "URL", "postgres://db:5432"),
        ("env:EMPTY:", "env", "EMPTY", ""),
        ("node:kubernetes.io/arch:arm64", "node", "kubernetes.io/arch", "arm64"),
        ("retry:3", "retry", "", 3),
        ("timeout:90", "timeout", "", 90.0),
        ("timeout:1h30m", "timeout", "", 5400.0),
        ("cache:off", "cache", "", False),
        ("cache:enabled", "cache", "", True),
        ("report:disabled", "report", "", False),
        ("approval", "approval", "", ""),
        ("approval:Deploy: now?", "approval", "", "Deploy: now?"),
        ("secret:db:password:DB", "secret", "DB", Secret(secret="db", key="password", env="DB")),
    ],
)
def test_a_setting_keeps_its_key_and_value(text, kind, name, value):
    tag, problem = parse_tag(text)
    assert problem is None
    assert (tag.kind, tag.name, tag.value) == (kind, name, value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bock:load", "block:load"),
        ("setp:load", "step:load"),
        ("Step:load", "step:load"),
        ("step :load", "step:load"),
        ("pre:load", "prev:load"),
        ("limits:cpu:1", "limit:cpu:1"),
        ("anotation:a:b", "annotation:a:b"),
        ("notebok:a", "notebook:a"),
        ("retries:2", "retry:2"),
        ("retry_count:2", "retry:2"),
        ("timeouts:5m", "timeout:5m"),
        ("steps:load", "step:load"),
        ("memory:4Gi", "limit:memory:4Gi"),
        ("gpu:1", "limit:nvidia.com/gpu:1"),
        ("import", "imports"),
        ("function", "functions"),
        ("pipeline_parameters", "pipeline-parameters"),
        ("pipeline-metric", "pipeline-metrics"),
        ("skip:", "skip"),
        ("aproval", "approval"),
    ],
)
def test_a_misspelt_tag_gets_a_suggestion(text, meant):
    _, problem = parse_tag(text)
    assert (problem.code, problem.severity) == ("ITH110", "error")
    assert f'did you mean "{meant}"?' in problem.message
    assert problem.cure.startswith(f"write `{meant}`")


@pytest.mark.parametrize(
    "text",
    ["remove-output", "parameters", "injected-parameters", "raises-exception", "hide-input",
     "nbval-skip", "my:own:tag", "exercise:3", "solution", "", ":", "slideshow", "remove_cell",
     "export", "solution2", "tags:x", "env", "skip-execution", "hide_output", "full-width",
     "keep_output", "nbdev:export", "region:eu", "status:done", "memo", "fragment", "notes",
     "tags", "param", "remove-input", "nbmake:skip", "author:me", "title:x", "output:x"],
)  # fmt: skip
def test_tags_of_other_tools_are_left_alone(text):
    assert parse_tag(text) == (None, None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("step:LoadData", "step:load_data"),
        ("step:1st", "step:_1st"),
        ("step:a b", "step:a_b"),
        ("step: a", "step:a"),
        ("prev:", "the name is missing"),
        ("prev:A", "prev:a"),
        ("notebook:", "the name is missing"),
        ("limit:cpu", "limit:RESOURCE:AMOUNT"),
        ("limit:cpu:lots", "'lots' is not an amount"),
        ("limit:cpu:-1", "'-1' is not an amount"),
        ("limit:cpu:\N{ARABIC-INDIC DIGIT TWO}", "is not an amount"),
        ("label:x", "label:KEY:VALUE"),
        ("label::x", "label:KEY:VALUE"),
        ("annotation:a b:x", "is not a valid key"),
        ("image:", "is not an image"),
        ("env:X", "env:NAME:VALUE"),
        ("env:1X:y", "is not a valid environment variable"),
        ("secret:a:b", "secret:SECRET:KEY:ENV"),
        ("secret:A:b:C", "is not a valid secret name"),
        ("retry:often", "is not a number of retries"),
        ("retry:-1", "is not a number of retries"),
        ("timeout:soon", "is not a duration"),
        ("timeout:30m1h", "is not a duration"),
        ("timeout:0s", "the timeout must be longer than 0"),
        ("cache:maybe", "neither on nor off"),
        ("approval:", "the question is empty"),
        ("approval:  ", "the question is empty"),
        ("step", "has no value"),
    ],
)
def test_an_invalid_value_is_an_error_with_a_cure(text, complaint):
    _, problem = parse_tag(text)
    assert (problem.code, problem.severity) == ("ITH111", "error")
    assert complaint in f"{problem.message} {problem.cure}"


def test_a_bare_word_of_another_tool_is_only_a_warning():
    tag, problem = parse_tag("image")
    assert tag is None
    assert problem.severity == "warning"


def test_the_caret_points_at_the_value():
    _, problem = parse_tag("timeout:soon")
    assert (problem.source, problem.column, problem.end_column) == ("timeout:soon", 9, 13)


def test_a_misspelt_step_still_groups_its_cell():
    tag, problem = parse_tag("bock:load")
    assert problem is not None
    assert (tag.kind, tag.name) == ("step", "load")


@given(st.text(max_size=30))
def test_no_tag_makes_the_parser_raise(text):
    tag, problem = parse_tag(text)
    assert tag is None or tag.kind in {*ROLES, *VALUED}
    assert problem is None or problem.cure


@given(st.sampled_from(sorted(VALUED)), st.text(max_size=30))
def test_no_value_makes_the_parser_raise(word, value):
    tag, problem = parse_tag(f"{word}:{value}")
    assert tag is not None or problem is not None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400),
     ("45", 45), ("", None), ("h", None), ("1h1h", None), ("5 m", None), ("-5s", None)],
)  # fmt: skip
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@given(st.text(max_size=80))
def test_any_text_becomes_a_valid_dns_label(text):
    label = dns_label(text)
    assert dns_label(label) == label
    assert len(label) <= 63
    assert label == "" or (label[0] != "-" and label[-1] != "-")


def test_the_most_similar_name_is_suggested():
    assert suggest("trian", ["load", "train", "trains"]) == '; did you mean "train"?'


def test_a_name_unlike_all_others_gets_no_suggestion():
    assert suggest("evaluate", ["load", "train"]) == ""


def test_an_identifier_is_made_from_any_text():
    assert [identifier(text) for text in ("LoadData", "load data", "2nd", "é")] == [
        "load_data", "load_data", "_2nd", "",
    ]  # fmt: skip
