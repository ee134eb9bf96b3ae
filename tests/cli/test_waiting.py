from __future__ import annotations

import time

import pytest

from ithaca.cli import waiting
from ithaca.cli.waiting import Waiting


def work(tell: Waiting, *, until: float) -> None:
    """What takes long: files, then somebody else's answer."""
    tell("reading files", 3, 2048)
    time.sleep(until)
    tell("asking")
    time.sleep(until)


def test_what_is_quick_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    with Waiting() as tell:
        work(tell, until=0)
    assert capsys.readouterr() == ("", "")


def test_what_takes_long_is_one_line_each_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    with Waiting() as tell:
        work(tell, until=0.6)
    assert capsys.readouterr() == ("", "reading files: 3 files, 2.0 KiB …\nasking …\n")


def test_at_a_terminal_it_is_one_line_that_is_gone_in_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("click._compat.should_strip_ansi", lambda *_: False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    with Waiting() as tell:
        work(tell, until=0.6)
    said = capsys.readouterr().err
    assert "\n" not in said
    assert said.endswith("\r\x1b[K")
    assert "\r\x1b[Kreading files: 3 files, 2.0 KiB …" in said
