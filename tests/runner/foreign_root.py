"""Root file systems of images without Ithaca, entered without a container engine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ithaca.runner.pod import closure

_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64")
ANYONE = 12345
"""A user that exists in no image."""


def reason() -> str:
    """The reason why no image can be entered here; empty if it can."""
    for needed in ("unshare", "chroot", "busybox"):
        if shutil.which(needed, path=_PATH) is None:
            return f"there is no `{needed}`"
    busybox = str(shutil.which("busybox", path=_PATH))
    if subprocess.run(["ldd", busybox], capture_output=True, check=False).returncode == 0:
        return "`busybox` needs libraries"
    done = subprocess.run([*_enter(), "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "this user may make no mount namespace"


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _enter() -> list[str]:
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *own]


class Root:
    """An image of busybox, and folders bound over it.

    Attributes:
        folder: Where it is.
        seen: What is seen where in it, as `{place: (folder, whether read-only)}`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: dict[str, tuple[str, bool]] = {}
        for name in ("bin", "dev", "proc", "etc", "tmp"):
            (folder / name).mkdir(parents=True)
        (folder / "tmp").chmod(0o1777)
        shutil.copy(str(shutil.which("busybox")), folder / "bin" / "busybox")

    def bind(self, place: str, folder: Path | str, *, read_only: bool = True) -> None:
        """Bind a folder of this machine."""
        (self.folder / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        self.seen[place] = (str(folder), read_only)

    def bring_system(self) -> None:
        """Replace busybox by the system of this machine, with its C library."""
        shutil.rmtree(self.folder / "bin")
        for name in _SYSTEM:
            own = Path("/", name)
            if own.is_symlink():
                (self.folder / name).symlink_to(own.readlink())
            elif own.is_dir():
                self.bind(f"/{name}", own)
        (self.folder / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")

    def run(
        self,
        *command: str,
        env: Mapping[str, str] | None = None,
        user: int = 0,
        read_only: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it, like a process of a container.

        Args:
            command: The command.
            env: All variables.
            user: Who runs it.
            read_only: Whether nothing but what is bound can be written.
        """
        root = shlex.quote(str(self.folder))
        script = [f"mount --bind {root} {root}"]
        if read_only:
            script.append(f"mount -o remount,bind,ro {root}")
        for place, (folder, protected) in self.seen.items():
            target = shlex.quote(str(self.folder) + place)
            script.append(f"mount --rbind {shlex.quote(folder)} {target}")
            if protected:
                script.append(f"mount -o remount,bind,ro {target}")
        script += [f"mount --rbind /{name} {root}/{name}" for name in ("dev", "proc")]
        known = " ".join(shlex.quote(f"{key}={value}") for key, value in (env or {}).items())
        owner = "" if user == 0 else f"--userspec={user}:{user} "
        script.append(f'exec env -i {known} $(command -v chroot) {owner}{root} "$@"')
        arguments = [*_enter(), "sh", "-ec", "\n".join(script), "sh", *command]
        return subprocess.run(
            arguments,
            env={"PATH": _PATH},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )


def foreign_python(folder: Path) -> None:
    """A virtual environment with ipykernel only, and the interpreter of this machine."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (inside,) = folder.glob("lib/python*/site-packages")
    for distribution in closure.needed(("ipykernel",), without=()):
        for path, place in closure.files(distribution):
            if not place.startswith("../"):
                (inside / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, inside / place)
