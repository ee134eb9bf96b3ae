"""How fast a notebook becomes a workflow, in-process and as a command.

Commands are timed in turns, so that a slow moment of the machine falls on all of them; the
minimum of each is compared, since noise only ever adds.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "examples" / "mrna" / "mrna.ipynb"

EMPTY_PROGRAM = """
import click

@click.group()
@click.version_option("0")
def main():
    "An empty program of the same CLI library."

@main.command()
def nothing():
    "Does nothing."

main()
"""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    target: str
    met: bool


def _seconds(command: list[str], folder: str) -> float:
    start = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(command, check=True, stdout=quiet, stderr=quiet, cwd=folder)
    return time.perf_counter() - start


def _compile_in_process(rounds: int) -> float:
    from ithaca.compiling.compile import compile as compile_notebook

    compile_notebook(NOTEBOOK)
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        compile_notebook(NOTEBOOK)
        best = min(best, time.perf_counter() - start)
    return best


def run(*, rounds: int, kale: str | None) -> list[Row]:
    """Measure and compare.

    Args:
        rounds: How many times each command is run.
        kale: The `kale` command of an environment that has kubeflow-kale, or None.
    """
    ithaca = str(Path(sys.executable).with_name("ithaca"))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(NOTEBOOK, folder)
        empty = Path(folder, "empty.py")
        empty.write_text(EMPTY_PROGRAM)
        commands = {
            "help": [ithaca, "--help"],
            "empty": [sys.executable, str(empty), "--help"],
            "compile": [ithaca, "compile", str(NOTEBOOK)],
            "nbformat": [sys.executable, "-c", "import nbformat"],
        }
        if kale:
            commands["kale"] = [kale, "--nb", NOTEBOOK.name]  # writes beside its working folder
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(rounds):
            for name, command in commands.items():
                best[name] = min(best[name], _seconds(command, folder))
    in_process = _compile_in_process(rounds)
    rows = [
        Row(
            "compile of examples/mrna, in-process",
            f"{in_process * 1000:.1f} ms",
            "≤ 30 ms",
            in_process <= 0.030,
        ),
        _ratio("ithaca --help / help of an empty click program", best, "help", "empty", 1.5),
        _ratio("ithaca compile / python -c 'import nbformat'", best, "compile", "nbformat", 3),
    ]
    if kale:
        rows.append(_ratio("ithaca compile / kale --nb", best, "compile", "kale", 1))
    return rows


def _ratio(what: str, best: dict[str, float], over: str, under: str, target: float) -> Row:
    ratio = best[over] / best[under]
    return Row(what, f"{ratio:.2f} x", f"≤ {target:g} x", ratio <= target)
