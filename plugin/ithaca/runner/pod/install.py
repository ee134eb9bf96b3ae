"""A copy of this Ithaca that runs in any image with glibc: interpreter, libraries, packages.

```
DIR/base/bin     the interpreter
DIR/base/lib     its standard library with all packages, the shared libraries that these need
DIR/bin/python   a starter that lets the interpreter find all that, wherever DIR is
```

The C library and the loader are the image's: an image with an older glibc than this one's, or with
musl, needs an Ithaca of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT = ("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3")
_PACKAGERS = ("pip", "setuptools")
_NOT_COPIED = re.compile(
    r"^(ld-linux|ld64|libc|libm|libdl|libpthread|librt|libutil|libresolv|libnsl|libanl|libnss_)"
    r"[-.\w]*\.so"
)
"""glibc's own parts: they belong to the image's loader."""
_NEEDED = re.compile(r"(\S+) => (/\S+) \(0x")

_STARTER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
home=$(dirname "$here")
export ITHACA_OUTER_LIBRARY_PATH="${{LD_LIBRARY_PATH-}}"
export LD_LIBRARY_PATH="$home/base/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$home/base/bin/{python}" -E -s -X ithaca="$here/python" "$@"
"""
"""`-X ithaca` tells the runner how to start this interpreter once more; what the image says
of its own Python (`PYTHONPATH`) is not for this one, only for the kernel."""

_SITE = """\
import sys
starter = sys._xoptions.get("ithaca")
if isinstance(starter, str):
    sys.executable = starter
"""


def install(target: str) -> None:
    """Copy this Ithaca into a folder.

    Args:
        target: The folder; need not exist.

    Raises:
        UsageError: Not on this system.
    """
    if sys.platform != "linux":
        raise UsageError("ITH525", "only an Ithaca on Linux can be copied into a pod")
    home = Path(target)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library, packages = home / "base" / "lib" / version, Path(sysconfig.get_path("purelib"))
    (home / "base" / "bin").mkdir(parents=True, exist_ok=True)
    (home / "bin").mkdir(exist_ok=True)
    binary = home / "base" / "bin" / version
    shutil.copy2(os.path.realpath(sys.executable), binary)
    _copy(Path(sysconfig.get_path("stdlib")), library, without=(*_LEFT_OUT, "site-packages"))
    inside = library / "site-packages"
    _copy(packages, inside, without=_PACKAGERS)
    platform = Path(sysconfig.get_path("platlib"))
    if platform != packages:
        _copy(platform, inside, without=_PACKAGERS)
    _copy_editable(inside)
    (inside / "sitecustomize.py").write_text(_SITE, encoding="utf-8")
    _copy_libraries(home / "base", binary)
    starter = home / "bin" / "python"
    starter.write_text(_STARTER.format(python=version), encoding="utf-8")
    starter.chmod(0o755)


def _copy(source: Path, target: Path, *, without: tuple[str, ...]) -> None:
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "*.a", "*.pth", "_tkinter.*")

    def left(folder: str, names: list[str]) -> set[str]:
        own = {name for name in names if name in without} if Path(folder) == source else set()
        return own | set(ignore(folder, names))

    shutil.copytree(source, target, ignore=left, dirs_exist_ok=True, symlinks=False)


def _copy_editable(packages: Path) -> None:
    """An editable install of Ithaca itself lies elsewhere."""
    import ithaca

    own = Path(ithaca.__file__).parent
    if not (packages / "ithaca").is_dir():
        _copy(own, packages / "ithaca", without=())


def _copy_libraries(base: Path, binary: Path) -> None:
    """Bring the shared libraries that the copied binaries need and an image may lack."""
    kept = base / "lib"
    inside = {path.name for path in base.rglob("*.so*")}
    for name, path in sorted(set(_needed([binary, *base.rglob("*.so*")]))):
        if not _NOT_COPIED.match(name) and name not in inside:
            shutil.copy2(os.path.realpath(path), kept / name)


def _needed(binaries: list[Path]) -> Iterator[tuple[str, str]]:
    for start in range(0, len(binaries), 50):
        some = [str(path) for path in binaries[start : start + 50] if path.is_file()]
        done = subprocess.run(["ldd", *some], capture_output=True, text=True, check=False)
        yield from _NEEDED.findall(done.stdout)
