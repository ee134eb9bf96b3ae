"""Descriptions of interpreters, and how users name them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ithaca.errors import UsageError
from ithaca.runner.environment import Environment, check_usable, describe, resolve_kernel


def make_venv(folder: Path, *packages: tuple[str, str]) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for name, version in packages:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text(
            f"{name}.py,sha256=abc,3\n"
            f"../../../bin/{name},sha256={folder.name},9\n"
            f"__pycache__/{name}.cpython-311.pyc,,\n"
            f"{name}-{version}.dist-info/direct_url.json,sha256={folder.name},7\n"
        )
    return folder / "bin" / "python"


def test_an_environment_knows_version_sites_and_ipykernel(own: Environment) -> None:
    assert own.version == sys.version_info[:3]
    assert own.ipykernel is not None
    assert any(each.name == "ipykernel" for each in own.distributions)
    assert own.sites


def test_equal_packages_in_another_folder_are_the_same_environment(tmp_path: Path) -> None:
    one = describe(make_venv(tmp_path / "one", ("a", "1.0"), ("b", "2.0")))
    two = describe(make_venv(tmp_path / "two", ("b", "2.0"), ("a", "1.0")))
    assert one.identity == two.identity


def test_another_version_is_another_environment(tmp_path: Path) -> None:
    one = describe(make_venv(tmp_path / "one", ("a", "1.0")))
    two = describe(make_venv(tmp_path / "two", ("a", "1.1")))
    assert one.identity != two.identity


def test_changed_content_of_the_same_version_is_another_environment(tmp_path: Path) -> None:
    python = make_venv(tmp_path / "one", ("a", "1.0"))
    before = describe(python).identity
    record = next(tmp_path.glob("one/lib/python*/site-packages/a-1.0.dist-info/RECORD"))
    record.write_text("a.py,sha256=other,3\n")
    assert describe(python).identity != before


def test_a_description_is_cached_until_packages_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = make_venv(tmp_path / "venv", ("a", "1.0"))
    site = next(tmp_path.glob("venv/lib/python*/site-packages"))
    for place in (site, tmp_path / "venv" / "pyvenv.cfg"):
        os.utime(place, (1, 1))
    cache = tmp_path / "cache"
    first = describe(python, cache=cache)
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", lambda *a, **k: pytest.fail("asked again"))
        assert describe(python, cache=cache) == first
    shutil.rmtree(site / "a-1.0.dist-info")
    assert describe(python, cache=cache).identity != first.identity


def test_a_missing_interpreter_is_refused() -> None:
    with pytest.raises(UsageError, match=r"ITH530.*no Python interpreter at /nowhere/python"):
        describe("/nowhere/python")


def test_the_folder_of_a_virtual_environment_means_its_interpreter(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    with pytest.raises(UsageError) as raised:
        describe(tmp_path)
    assert raised.value.message == (
        f"{tmp_path} is a folder, not an interpreter; did you mean {tmp_path}/bin/python?"
    )


def test_a_file_that_is_not_an_interpreter_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho no python here >&2; exit 3\n")
    fake.chmod(0o755)
    with pytest.raises(UsageError, match=r"ITH530.*no python here"):
        describe(fake)


def test_an_interpreter_without_ipykernel_is_refused_with_the_install_command(
    own: Environment,
) -> None:
    without = msgspec.structs.replace(own, ipykernel=None)
    with pytest.raises(UsageError, match=r"ITH531[\s\S]*-m pip install ipykernel"):
        check_usable(without)


def test_a_kernel_newer_than_ithacas_python_is_refused(own: Environment) -> None:
    newer = msgspec.structs.replace(own, version=(3, 99, 0))
    with pytest.raises(UsageError, match=r"ITH533.*3\.99, newer than Ithaca's own"):
        check_usable(newer)


def test_python3_means_the_interpreter_that_runs_ithaca() -> None:
    assert resolve_kernel("python3") == Path(sys.executable)


def kernelspec(folder: Path, name: str, argv: list[str], language: str = "python") -> None:
    spec = folder / "kernels" / name
    spec.mkdir(parents=True)
    content = {"argv": argv, "display_name": name, "language": language}
    (spec / "kernel.json").write_bytes(msgspec.json.encode(content))


def test_a_kernelspec_names_its_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernelspec(tmp_path, "mine", ["/opt/env/bin/python", "-m", "ipykernel_launcher", "-f", "x"])
    assert resolve_kernel("mine") == Path("/opt/env/bin/python")


def test_a_missing_kernel_lists_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernelspec(tmp_path, "mine", ["python", "-m", "ipykernel_launcher"])
    with pytest.raises(UsageError, match=r"ITH534.*no kernel `other` is installed; .*mine"):
        resolve_kernel("other")


def test_a_kernel_of_another_language_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernelspec(tmp_path, "ir", ["R", "-e", "IRkernel::main()"], language="R")
    with pytest.raises(UsageError, match=r"ITH532.*`ir` runs R"):
        resolve_kernel("ir")
