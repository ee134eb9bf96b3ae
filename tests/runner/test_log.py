"""The log of a step."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.runner import log as module
from ithaca.runner.log import StepLog, mask
from ithaca.store import LocalStore


class Documents:
    """The part of a store that a log needs, in memory."""

    def __init__(self) -> None:
        self.chunks: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> bool:
        return self.chunks.setdefault(name, data) is data

    @property
    def text(self) -> str:
        return b"".join(self.chunks[name] for name in sorted(self.chunks)).decode()


def test_chunks_are_numbered_and_in_order(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "store")
    log = StepLog(store, "R", "s", 1)
    log.write("one\n")
    log.flush()
    log.write("two\n")
    log.close()
    assert store.list("runs/R/steps/s/1/log") == ["000000", "000001"]
    assert store.read("runs/R/steps/s/1/log/000001") == b"two\n"


@given(st.lists(st.sampled_from(["se", "c", "ret", "secret", "ry", " ", "\n"]), max_size=20))
def test_a_secret_is_masked_across_chunks(pieces: list[str]) -> None:
    documents = Documents()
    log = StepLog(documents, "R", "s", 1, ("secret", "sec", "retry"))  # type: ignore[arg-type]
    for piece in pieces:
        log.write(piece)
        log.flush()
    log.close()
    assert documents.text == mask("".join(pieces), ("secret", "retry", "sec"))


def test_a_full_log_has_a_notice_and_still_accepts_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 10)
    documents = Documents()
    log = StepLog(documents, "R", "s", 1)  # type: ignore[arg-type]
    for _ in range(5):
        log.write("12345678\n")
    log.write("ValueError: bad\n", always=True)
    log.close()
    assert documents.text.count("12345678") == 1
    assert "the log is limited" in documents.text
    assert documents.text.endswith("ValueError: bad\n")
