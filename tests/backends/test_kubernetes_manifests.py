"""Manifests as text: kubectl reads every word as what it was."""

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
def test_a_text_that_a_parser_of_yaml_could_take_for_something_else_is_quoted(word: str) -> None:
    assert manifests.text([{"name": word}]) == f"---\nname: '{word}'\n"


@pytest.mark.parametrize("word", ["train", "ny", "v1", "e3", "a-1", "1e"])
def test_other_texts_are_plain(word: str) -> None:
    assert manifests.text([{"name": word}]) == f"---\nname: {word}\n"


def test_what_is_no_text_is_written_as_it_is() -> None:
    content = {"a": 1, "b": True, "c": [0.5, None]}
    assert manifests.text([content]) == "---\na: 1\nb: true\nc:\n- 0.5\n- null\n"
