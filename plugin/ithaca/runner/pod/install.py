"""A copy of this Ithaca that runs in any image: interpreter, libraries and the runner's packages.

```
DIR/bin/python                     the interpreter, as of a virtual environment
DIR/lib/pythonX.Y/site-packages    what the runner needs of the packages here
DIR/base/bin/pythonX.Y             the interpreter itself
DIR/base/lib/pythonX.Y             its standard library
DIR/base/lib                       the C library, its loader, and all other shared libraries
DIR/base/certificates.pem          certificate authorities, for images without any
```

Of the image only its kernel's interpreter is used, and no variable is set. Programs contain the
path of their loader, so a copy runs only at the path that it was made for.
"""

from __future__ import annotations

import os
import shutil
import ssl
import sys
import sysconfig
from pathlib import Path

from ithaca.errors import UsageError
from ithaca.runner.environments.building import SYSTEM_CERTIFICATES
from ithaca.runner.pod import closure, libraries
from ithaca.runner.pod.image import CERTIFICATES
from ithaca.runner.pod.options import HOME

_LEFT_OUT = frozenset(
    (
        *("idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"),
        *("site-packages", "dist-packages", "sitecustomize.py"),
    )
)
_NOT_USED = shutil.ignore_patterns(
    *("test", "tests", "_test*.so", "_tkinter.*", "config-*", "*.a", "*.opt-[12].pyc")
)


def install(target: str, at: str = HOME) -> None:
    """Copy this Ithaca into a folder, and replace an earlier copy.

    Args:
        target: The folder, which need not exist.
        at: The path at which pods see it.

    Raises:
        UsageError: The system is not Linux, or `patchelf` is not installed.
    """
    if sys.platform != "linux":
        raise UsageError("ITH525", "Ithaca can only be copied into a pod from Linux")
    home = Path(target)
    home.mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib", "lib64", "base", "pyvenv.cfg"):
        _remove(home / name)
    _copy_python(home, at)
    _copy_packages(home)
    libraries.bring(home / "base", f"{at}/base")
    authorities = [ssl.get_default_verify_paths().cafile or "", *SYSTEM_CERTIFICATES]
    bundle = next((each for each in authorities if Path(each).is_file()), None)
    if bundle is not None:
        shutil.copy(bundle, home / "base" / CERTIFICATES)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copy_python(home: Path, at: str) -> None:
    """Copy the interpreter and its standard library, and create a virtual environment of it."""
    standard = Path(sysconfig.get_path("stdlib"))
    version = standard.name
    binary = home / "base" / "bin" / version
    binary.parent.mkdir(parents=True)
    (home / "base" / "lib").mkdir()
    shutil.copy2(os.path.realpath(sys.executable), binary)

    def left_out(folder: str, names: list[str]) -> set[str]:
        own = _LEFT_OUT.intersection(names) if Path(folder) == standard else set()
        return {*own, *_NOT_USED(folder, names)}

    shutil.copytree(standard, home / "base" / sys.platlibdir / version, ignore=left_out)
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(f"../base/bin/{version}")
    (home / "lib" / version / "site-packages").mkdir(parents=True)
    if sys.platlibdir != "lib":
        (home / sys.platlibdir).symlink_to("lib")
    (home / "pyvenv.cfg").write_text(
        f"home = {at}/base/bin\ninclude-system-site-packages = false\n", encoding="utf-8"
    )


def _copy_packages(home: Path) -> None:
    inside = home / "lib" / Path(sysconfig.get_path("stdlib")).name / "site-packages"
    for distribution in closure.needed():
        for path, place in closure.files(distribution):
            copy = Path(os.path.normpath(inside / place))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    if not (inside / "ithaca" / "__init__.py").is_file():  # an editable install is elsewhere
        for folder in closure.packages():
            shutil.copytree(folder, inside / folder.name, dirs_exist_ok=True)
