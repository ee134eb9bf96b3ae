"""The page that the conformance suite writes."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "features.md"


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    spec = spec_from_file_location("matrix_of_features", ROOT / "tests/conformance/matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_has_every_feature_on_every_backend_and_none_fails(matrix: ModuleType) -> None:
    head, *features = rows()
    assert head == ["", "local", "argo", "tekton"]
    assert [row[0] for row in features] == list(matrix.FEATURES)
    assert {cell.split()[0] for row in features for cell in row[1:]} <= {"yes", "no"}


def test_every_no_has_its_reason() -> None:
    text = PAGE.read_text()
    for row in rows():
        for cell in row[1:]:
            assert not cell.startswith("no") or re.fullmatch(r"no( \(\d+\))+", cell), row
            for number in re.findall(r"\((\d+)\)", cell):
                assert f"\n{number}. " in text


def test_every_tag_has_its_row(matrix: ModuleType) -> None:
    table = (ROOT / "docs/tags.md").read_text().partition("A tag that is none of these")[0]
    tags = set(re.findall(r"`([a-z-]+:?)", "".join(re.findall(r"^\| (`.*?) \|", table, re.M))))
    known = set(re.findall(r"`([a-z-]+:?)", " ".join(matrix.FEATURES)))
    missing = {tag for tag in tags if tag not in known and f"{tag}:" not in known}
    assert missing <= {"block:", "report:"}, "another name of `step:`, and one without effect"
