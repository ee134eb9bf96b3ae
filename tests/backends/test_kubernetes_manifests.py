"""Manifests as YAML: kubectl reads every text as the text that it was."""

from __future__ import annotations

import pytest

from ithaca.backends.kubernetes import manifests

WORDS = [
    "n",
    "Y",
    "no",
    "on",
    "1e-05",
    "1E5",
    "5e3",
    "0o17",
    "0x1F",
    "12",
    "1.5",
    ".5",
    "~",
    "null",
]


@pytest.mark.parametrize("word", WORDS)
def test_a_text_that_a_yaml_parser_could_misread_is_quoted(word: str) -> None:
    assert manifests.to_yaml({"name": word}) == f"---\nname: '{word}'\n"


@pytest.mark.parametrize("word", ["train", "ny", "v1", "e3", "a-1", "1e"])
def test_other_texts_are_not_quoted(word: str) -> None:
    assert manifests.to_yaml({"name": word}) == f"---\nname: {word}\n"


def test_values_other_than_texts_are_written_as_they_are() -> None:
    content = {"a": 1, "b": True, "c": [0.5, None]}
    assert manifests.to_yaml(content) == "---\na: 1\nb: true\nc:\n- 0.5\n- null\n"


def test_an_object_that_occurs_twice_is_written_twice() -> None:
    shared = {"a": 1}
    assert manifests.to_yaml({"x": shared, "z": shared}) == "---\nx:\n  a: 1\nz:\n  a: 1\n"
