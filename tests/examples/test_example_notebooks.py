"""The notebooks of `examples/`: tidy as files, and right when plain Jupyter runs them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*/*.ipynb"))
OWN = [path for path in NOTEBOOKS if path.parent.name != "kale"]


def named(path: Path) -> str:
    return path.stem


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def run_in_jupyter(folder: str, notebook: str, tmp_path: Path) -> dict[str, str]:
    """Run a copy of an example from top to bottom; what each cell printed, by cell id."""
    place = tmp_path / folder
    shutil.copytree(EXAMPLES / folder, place, ignore=shutil.ignore_patterns("reports"))
    content = nbformat.read(place / notebook, as_version=4)
    NotebookClient(content, resources={"metadata": {"path": str(place)}}).execute()
    return {
        cell.get("id", str(number)): "".join(
            output.text for output in cell.outputs if output.output_type == "stream"
        )
        for number, cell in enumerate(content.cells, 1)
        if cell.cell_type == "code"
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_no_output_is_committed(path: Path) -> None:
    for cell in read(path)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_saving_a_notebook_unchanged_keeps_its_bytes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert nbformat.writes(nbformat.reads(text, as_version=nbformat.NO_CONVERT)) + "\n" == text


@pytest.mark.parametrize("path", OWN, ids=named)
def test_cells_have_ids_that_people_can_read(path: Path) -> None:
    notebook = read(path)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in ids)


@pytest.mark.parametrize("path", OWN, ids=named)
def test_a_notebook_says_its_name_and_what_it_does(path: Path) -> None:
    metadata = read(path)["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert metadata["ithaca"]["name"] == path.stem
    assert metadata["ithaca"]["description"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_every_example_has_a_readme(path: Path) -> None:
    assert path.with_name("README.md").is_file()


@pytest.mark.slow
def test_digits_are_recognised_in_plain_jupyter(tmp_path: Path) -> None:
    printed = run_in_jupyter("digits", "digits.ipynb", tmp_path)
    accuracy, macro_f1 = map(float, printed["metrics"].split())
    assert accuracy > 0.98
    assert macro_f1 > 0.98
    assert (tmp_path / "digits/reports/confusion.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_mrna_learns_more_than_the_mean_in_plain_jupyter(tmp_path: Path) -> None:
    printed = run_in_jupyter("mrna", "mrna.ipynb", tmp_path)
    train_loss, val_loss, baseline_loss, improvement = map(float, printed["metrics"].split())
    assert train_loss < val_loss < 0.5 * baseline_loss
    assert improvement == pytest.approx(1 - val_loss / baseline_loss)
    for picture in ("learning_curve", "profile"):
        content = (tmp_path / f"mrna/reports/{picture}.png").read_bytes()
        assert content.startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_tour_runs_in_plain_jupyter(tmp_path: Path) -> None:
    printed = run_in_jupyter("tags", "tour.ipynb", tmp_path)
    assert printed["diary-more"] == "14 days, kept by nobody\n"
    assert sorted(file.name for file in (tmp_path / "tags/reports").iterdir()) == [
        "diary.json",
        "warm.txt",
        "wet.txt",
    ]


@pytest.mark.slow
def test_a_composed_notebook_runs_in_plain_jupyter(tmp_path: Path) -> None:
    printed = run_in_jupyter("tags", "composed.ipynb", tmp_path)
    assert printed["headline"] == "9 wet days, 9 warm ones\n"
    assert printed["metrics"] == "23\n"


@pytest.mark.slow
def test_the_notebook_in_kales_spelling_runs_in_plain_jupyter(tmp_path: Path) -> None:
    printed = run_in_jupyter("kale", "diabetes.ipynb", tmp_path)
    rmse, r2 = map(float, list(printed.values())[-1].split())
    assert rmse < 70
    assert r2 > 0.2
