"""Wheels written by hand, so that environments are installed without a network."""

from __future__ import annotations

import sysconfig
import zipfile
from pathlib import Path


def write(folder: Path, name: str, version: str = "1.0", **files: str) -> None:
    """Write a wheel with a module of its name, and further files (`x__pth` is `x.pth`)."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    told = {place.replace("__", "."): text for place, text in files.items()}
    content = {
        f"{name}/__init__.py": f"VERSION = {version!r}\ndef main():\n    print('hello')\n",
        **told,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-cmd = {name}:main\n",
    }
    record = "".join(f"{place},,\n" for place in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for place, text in {**content, f"{info}/RECORD": record}.items():
            wheel.writestr(place, text)


def write_kernel(folder: Path) -> None:
    """A wheel `kernelpack` that lets an environment import the ipykernel of the tests."""
    write(folder, "kernelpack", tests__pth=sysconfig.get_path("purelib") + "\n")


def write_lock(root: Path, *names: str) -> Path:
    """A requirements file that needs no network, and names these packages."""
    lock = root / "requirements.txt"
    lock.write_text("\n".join(["--no-index", "--find-links ./wheels", *names]) + "\n")
    return lock
