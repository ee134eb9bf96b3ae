from __future__ import annotations

from ithaca.errors import MergeConflict

FILE, VALUE = ("f.txt", ("a", "b")), ("value y", ("a", "b"))


def test_a_conflict_over_files_offers_a_merge_rule_and_a_retry() -> None:
    cure = MergeConflict([FILE]).cure
    assert "[tool.ithaca.merge], then `ithaca runs retry`" in cure
    assert "variables" not in cure


def test_a_conflict_over_a_value_offers_what_helps_it() -> None:
    cure = MergeConflict([VALUE]).cure
    assert cure == (
        "let one step need the other (`prev:`), or use different variable names, "
        "then `ithaca run` again"
    )
    assert "tool.ithaca.merge" not in MergeConflict([FILE, VALUE]).cure
