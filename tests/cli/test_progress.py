from __future__ import annotations

import time

import pytest

from ithaca.cli import progress
from ithaca.cli.progress import ProgressLine


def work(report: ProgressLine, *, seconds: float) -> None:
    """Report two activities, each of which takes some time."""
    report("reading files", 3, 2048)
    time.sleep(seconds)
    report("asking")
    time.sleep(seconds)


def test_a_quick_activity_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as report:
        work(report, seconds=0)
    assert capsys.readouterr() == ("", "")


def test_a_long_activity_is_one_line_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.05)
    with ProgressLine() as report:
        work(report, seconds=0.6)
    assert capsys.readouterr() == ("", "reading files: 3 files, 2.0 KiB …\nasking …\n")


def test_on_a_terminal_the_line_is_overwritten_and_cleared_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.05)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("click._compat.should_strip_ansi", lambda *_: False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    with ProgressLine() as report:
        work(report, seconds=0.6)
    printed = capsys.readouterr().err
    assert "\n" not in printed
    assert printed.endswith("\r\x1b[K")
    assert "\r\x1b[Kreading files: 3 files, 2.0 KiB …" in printed
