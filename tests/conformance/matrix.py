"""Writes the table of features from the results of the suite.

Run `pytest tests/conformance --features docs/features.md` with a cluster that has all engines.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

FEATURES = (
    "`step:`, `prev:`",
    "`imports`, `functions`, `skip`",
    "`pipeline-parameters`",
    "`pipeline-metrics`",
    "`notebook:`",
    "`limit:`, `request:` of devices",
    "`limit:memory:`",
    "`image:`, `label:`, `annotation:`, `node:`",
    "`env:`",
    "`secret:`",
    "`retry:`",
    "`timeout:`",
    "`cache:`",
    "`approval:`",
    "steps run at the same time",
    "values and files between steps",
    "libraries that a step installs",
    "steps that are known are reused",
    "a failure with cell and line",
    "`runs cancel`",
    "`runs retry`",
    "`runs logs`, `runs notebook`",
    "`--junit`, exit codes",
    "a lost machine",
    "a drained machine",
    "the engine restarts",
    "the engine's API does not answer for a while",
    "images without Ithaca",
    "`ithaca tune`",
    "`ithaca.report`, `--pruner`",
    "manifests",
    "the run seen from another machine",
)
"""The features that tests can name, in the order of the table."""

BEGIN, END = "<!-- what the suite of conformance found -->", "<!-- end -->"

_MARKS = {"passed": "yes", "skipped": "no", "failed": "**fails**"}


class Matrix:
    """Collects the outcomes of the tests, and writes the page at the end.

    Args:
        page: The page whose table is written.
    """

    def __init__(self, page: Path) -> None:
        self.page = page
        self._found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._why: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._backends: dict[str, None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if "shows" not in properties or (report.when != "call" and report.passed):
            return
        backend = str(properties["backend"])
        self._backends[backend] = None
        for feature in properties["shows"]:
            place = (str(feature), backend)
            self._found[place][report.nodeid] = report.outcome
            if report.skipped and isinstance(report.longrepr, tuple):
                self._why[place].add(report.longrepr[2].removeprefix("Skipped: "))

    def pytest_sessionfinish(self) -> None:
        text = self.page.read_text()
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        self.page.write_text(f"{before}{BEGIN}\n\n{self.table()}\n{END}{after}")

    def table(self) -> str:
        """The table, with the reason for each `no`."""
        order = ("local", *sorted(self._backends.keys() - {"local"}))
        backends = [each for each in order if each in self._backends]
        lines = [_row("", *backends), "|---" * (1 + len(backends)) + "|"]
        notes: list[str] = []
        for feature in FEATURES:
            cells = [self._cell(feature, each, notes) for each in backends]
            lines.append(_row(feature, *cells))
        numbered = [f"{number}. {text}" for number, text in enumerate(notes, 1)]
        return "\n".join([*lines, "", *numbered, ""])

    def _cell(self, feature: str, backend: str, notes: list[str]) -> str:
        outcomes = set(self._found[feature, backend].values())
        worst = next((each for each in ("failed", "passed") if each in outcomes), "skipped")
        refers = []
        for why in sorted(self._why[feature, backend]):
            note = f"{backend}: {why}"
            if note not in notes:
                notes.append(note)
            refers.append(f"({notes.index(note) + 1})")
        return " ".join([_MARKS[worst], *refers])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
