"""`ithaca_kernel` is a self-contained folder that works on every Python of a kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from chain import Chain

from ithaca.kernel import install

OTHERS = sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python"))
NEW_ENOUGH = [p for p in OTHERS if int(p.parent.parent.name.split(".")[1]) >= 9]


def test_installing_twice_changes_nothing(tmp_path):
    first = {p.name: p.read_bytes() for p in install(tmp_path).rglob("*.py")}
    second = {p.name: p.read_bytes() for p in install(tmp_path).rglob("*.py")}
    assert first == second


def test_it_imports_only_the_standard_library_and_its_own_cloudpickle(kernel_folder):
    program = (
        "import pkgutil, sys; sys.path.insert(0, sys.argv[1]); before = {*sys.modules}\n"
        "import ithaca_kernel\n"
        "for found in pkgutil.walk_packages(ithaca_kernel.__path__, 'ithaca_kernel.'):\n"
        "    __import__(found.name)\n"
        "print({name.partition('.')[0] for name in {*sys.modules} - before}"
        " - {*sys.stdlib_module_names})"
    )
    alone = [sys.executable, "-I", "-S", "-c", program, kernel_folder]  # without site-packages
    done = subprocess.run(alone, capture_output=True, text=True, check=False)
    assert done.stdout == "{'ithaca_kernel'}\n", done.stderr


def test_the_users_own_cloudpickle_does_not_matter(chain, tmp_path):
    broken = tmp_path / "own"
    broken.mkdir()
    (broken / "cloudpickle.py").write_text("raise RuntimeError('not this one')")
    path = f"{chain.kernel}{os.pathsep}{broken}"
    chain.step("f = lambda: 1", writes="f", env={"PYTHONPATH": path})
    chain.step("assert f() == 1", reads="f", env={"PYTHONPATH": path})


@pytest.mark.parametrize(
    "python",
    [pytest.param(path, id=path.parent.parent.name) for path in NEW_ENOUGH]
    or [pytest.param(None, marks=pytest.mark.skip("no other Python is installed here"))],
)
def test_values_go_round_on_every_python(tmp_path, kernel_folder, python):
    if subprocess.run([python, "-c", ""], check=False).returncode:
        pytest.skip(f"{python} does not start")
    chain = Chain(tmp_path, kernel_folder, str(python))
    chain.step(
        "import dataclasses, enum, functools\n"
        "@dataclasses.dataclass\nclass P:\n    x: int = 1\n"
        "class E(enum.Enum):\n    A = 1\n"
        "n = 0\ndef make():\n    k = 0\n    def up():\n        global n\n        nonlocal k\n"
        "        n += 1; k += 1\n        return n, k\n    return up\n"
        "up = make(); up(); p = P(2); a = [p]; b = a; e = E.A; keys = {'q': 1}.keys()\n"
        "@functools.lru_cache(None)\ndef cached(x): return x\n",
        writes="up p a b P E e keys cached n",
    )
    before = chain.pointers()
    chain.step(
        "assert a[0] is p and b is a and type(p) is P and e is E.A and list(keys) == ['q']\n"
        "assert cached(3) == 3",
        reads="up p a b P E e keys cached",
    )
    assert chain.pointers() == before
    chain.step("assert up() == (2, 2) and n == 2", reads="up n", writes="n")
