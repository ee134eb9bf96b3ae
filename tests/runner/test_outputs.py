"""Outputs of a cell stay small and in order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ithaca.runner import outputs as module
from ithaca.runner.outputs import CellOutputs, plain

CHUNKS = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.text("ab\n", max_size=30)), max_size=30
)


def texts(outputs: list[Any]) -> list[tuple[str, str]]:
    return [(each["name"], each["text"]) for each in outputs if each["text"]]


def test_text_of_one_stream_is_one_output() -> None:
    outputs: list[Any] = []
    cell = CellOutputs(outputs)
    for text in ("a", "b\n", "c"):
        cell.stream("stdout", text)
    cell.settle()
    assert texts(outputs) == [("stdout", "ab\nc")]


def test_only_the_last_state_of_a_progress_bar_is_kept() -> None:
    outputs: list[Any] = []
    cell = CellOutputs(outputs)
    for text in ("start\n", "\r 1 %", "\r50 ", "%", "\r99 %", "\n", "done"):
        cell.stream("stderr", text)
    cell.settle()
    assert texts(outputs) == [("stderr", "start\n99 %\ndone")]


def test_windows_line_ends_are_not_a_progress_bar() -> None:
    outputs: list[Any] = []
    cell = CellOutputs(outputs)
    cell.stream("stdout", "one\r\ntwo\r")
    cell.stream("stdout", "\nthree")
    cell.settle()
    assert outputs[0]["text"].replace("\r\n", "\n") == "one\ntwo\nthree"


@given(CHUNKS, st.integers(1, 200))
def test_both_ends_of_a_flood_are_kept(chunks: list[tuple[str, str]], limit: int) -> None:
    outputs: list[Any] = []
    cell = CellOutputs(outputs, limit)
    for name, text in chunks:
        cell.stream(name, text)
    cell.settle()
    whole = "".join(text for _, text in chunks)
    kept = "".join(each["text"] for each in outputs if "left out" not in each["text"])
    if len(whole) <= 2 * limit:
        assert kept == whole
    else:
        assert kept == whole[:limit] + whole[-limit:]


@given(CHUNKS, st.integers(1, 100))
def test_reading_the_outputs_does_not_change_them(
    chunks: list[tuple[str, str]], limit: int
) -> None:
    one: list[Any] = []
    two: list[Any] = []
    cell, watched = CellOutputs(one, limit), CellOutputs(two, limit)
    for name, text in chunks:
        cell.stream(name, text)
        watched.stream(name, text)
        watched.settle()
    cell.settle()
    assert one == two


def test_outputs_keep_their_order_in_a_flood() -> None:
    outputs: list[Any] = []
    cell = CellOutputs(outputs, 10)
    cell.stream("stdout", "x" * 100)
    cell.rich({"output_type": "display_data", "data": {"text/plain": "later"}})
    place = len(outputs) - 1
    cell.stream("stdout", "y" * 100)
    cell.settle()
    assert outputs[place]["data"] == {"text/plain": "later"}


def test_displays_beyond_the_limit_are_only_counted(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "RICH_COUNT", 3)
    outputs: list[Any] = []
    cell = CellOutputs(outputs)
    kept = [
        cell.rich({"output_type": "display_data", "data": {"text/plain": str(number)}})
        for number in range(5)
    ]
    cell.settle()
    assert kept == [True, True, True, False, False]
    assert "2 more outputs" in outputs[-1]["text"]


def test_plain_text_has_neither_colours_nor_overwritten_lines() -> None:
    assert plain("\x1b[31mred\x1b[0m\r\n10 %\r20 %\n") == "red\n20 %\n"
