"""Fixtures of the runner's tests."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from step_project import Project

from ithaca.runner.environment import Environment, describe


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def own() -> Environment:
    """The environment that the tests run in."""
    return describe(sys.executable)


@pytest.fixture(scope="session")
def make_wheel(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a tiny wheel by hand, and returns its folder for `--find-links`."""

    def make(name: str = "tinypack", version: str = "1.0", requires: Sequence[str] = ()) -> Path:
        folder = tmp_path_factory.mktemp("wheels")
        info = f"{name}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
        files = {
            f"{name}/__init__.py": f"VERSION = {version!r}\ndef main():\n    print('hello')\n",
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{name}-cmd = {name}:main\n",
        }
        record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            for path, text in {**files, f"{info}/RECORD": record}.items():
                wheel.writestr(path, text)
        return folder

    return make
