from __future__ import annotations

import pytest

from ithaca.errors import NotFound, UsageError
from ithaca.records import names
from ithaca.records.journal import find_run


class Runs:
    """A store that holds runs of these ids."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids

    def list(self, prefix: str) -> list[str]:
        if not self.ids:
            raise NotFound("ITH401", f"there is no {prefix}")
        return [prefix + each for each in self.ids]


@pytest.mark.parametrize(
    ("text", "run", "step"),
    [
        ("01J", "01J", None),
        ("latest/train", "latest", "train"),
        ("ithaca://local/runs/01J/train", "01J", "train"),
        ("ithaca://other/runs/01J", "01J", None),
    ],
)
def test_a_run_is_named_by_id_or_uri_with_or_without_a_step(
    text: str, run: str, step: str | None
) -> None:
    assert names.parse_reference(text) == (run, step)


@pytest.mark.parametrize("text", ["", "a/b/c", "/b", "ithaca://local/snapshots/01J", "a/"])
def test_what_names_no_run_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a reference to a run"):
        names.parse_reference(text)


def test_a_unique_start_of_an_id_names_its_run_in_either_case() -> None:
    assert find_run(Runs("01AB", "01CD"), "01c") == "01CD"  # type: ignore[arg-type]


def test_latest_names_the_newest_run() -> None:
    assert find_run(Runs("01AB", "01CD"), "latest") == "01CD"  # type: ignore[arg-type]


def test_a_start_that_several_ids_share_is_refused_with_them() -> None:
    with pytest.raises(UsageError, match="01AB, 01CD"):
        find_run(Runs("01AB", "01CD"), "01")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["latest", "01"])
def test_no_run_yet_is_said(text: str) -> None:
    with pytest.raises(NotFound):
        find_run(Runs(), text)  # type: ignore[arg-type]


def test_a_uri_leads_back_to_its_run() -> None:
    assert names.parse_reference(names.uri("runs", "01J", "train")) == ("01J", "train")
