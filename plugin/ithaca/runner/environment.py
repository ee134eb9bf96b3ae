"""What a step's kernel can import: the description of an interpreter, and its identity.

The identity is a digest of the Python minor version, the platform and the installed distributions
with their versions and content. It holds no path: the same packages in another folder or on
another machine are the same environment. The source of an editable install is not part of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import blake3
import msgspec

from ithaca.errors import UsageError

OLDEST_KERNEL = (3, 9)
_RACY_SECONDS = 2.0
"""A folder that changed this recently may change again within its time stamp's resolution."""


class Distribution(msgspec.Struct, frozen=True, array_like=True):
    """An installed package: normalised name, version, digest of its record."""

    name: str
    version: str
    digest: str


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter and what it can import.

    Attributes:
        executable: The interpreter as the user names it (in a virtual environment).
        base_executable: The interpreter that a virtual environment was made from, else the same.
        version: Major, minor and micro.
        implementation: `cpython`, `pypy`.
        platform: System and machine, e.g. `linux-x86_64`.
        libc: The C library and its version, e.g. `glibc 2.36`; empty when it is unknown.
        prefix: The environment's folder.
        base_prefix: The folder of `base_executable`'s installation.
        sites: Folders of installed packages, in import order.
        paths: All folders that imports search.
        site_packages: Where a virtual environment keeps packages, relative to it.
        platlib: `lib`, or `lib64` where platform packages have their own folder.
        ipykernel: Its version; None when it is not installed.
        distributions: Sorted by name.
    """

    executable: str
    base_executable: str
    version: tuple[int, int, int]
    implementation: str
    platform: str
    libc: str
    prefix: str
    base_prefix: str
    sites: tuple[str, ...]
    paths: tuple[str, ...]
    site_packages: str
    platlib: str
    ipykernel: str | None
    distributions: tuple[Distribution, ...]

    @property
    def identity(self) -> str:
        """Digest of what can be imported: 64 hexadecimal digits, the same in every folder."""
        content = {
            "python": [self.implementation, *self.version[:2]],
            "platform": self.platform,
            "distributions": [msgspec.to_builtins(each) for each in self.distributions],
        }
        return blake3.blake3(msgspec.json.encode(content, order="deterministic")).hexdigest()


def describe(python: Path | str, *, cache: Path | None = None) -> Environment:
    """Describe an interpreter and what it can import.

    Args:
        python: Path of the interpreter, or a command on `PATH`.
        cache: Folder for descriptions (`<store>/cache`); one is used while the time stamps of the
            interpreter and of its packages' folders are unchanged.

    Returns:
        The description.

    Raises:
        UsageError: There is no such interpreter, or it does not start.

    Example:
        >>> describe(sys.executable).version[0]
        3
    """
    executable = _locate(python)
    if cache is None:
        return _ask(executable)
    name = json.dumps([executable, os.environ.get("PYTHONPATH", "")])
    kept = cache / "environments" / f"{blake3.blake3(name.encode()).hexdigest()[:32]}.json"
    environment = _read_kept(kept, executable)
    if environment is None:
        environment = _ask(executable)
        _keep(kept, environment)
    return environment


def check_usable(environment: Environment) -> None:
    """Check that an interpreter can run a step's kernel.

    Raises:
        UsageError: It has no ipykernel, is too old, or is newer than Ithaca's own Python.
    """
    python, version = environment.executable, ".".join(map(str, environment.version[:2]))
    own = sys.version_info[:2]
    if environment.version[:2] < OLDEST_KERNEL:
        raise UsageError(
            "ITH533",
            f"{python} is Python {version}; a kernel needs 3.9 or newer",
            cure="choose another interpreter with `--python`",
        )
    if environment.version[:2] > own:
        raise UsageError(
            "ITH533",
            f"{python} is Python {version}, newer than Ithaca's own {own[0]}.{own[1]}",
            cure=f"install Ithaca under Python {version} or newer, or choose an older interpreter "
            "with `--python`",
        )
    if environment.ipykernel is None:
        raise UsageError(
            "ITH531",
            f"{python} has no ipykernel, so it cannot run a notebook",
            cure=f"{python} -m pip install ipykernel",
        )


def resolve_kernel(name: str) -> Path:
    """The interpreter of a kernelspec.

    `python3`, the kernel of every new notebook, means the interpreter that runs Ithaca.

    Args:
        name: Name of an installed kernelspec.

    Returns:
        Path of the Python interpreter.

    Raises:
        UsageError: No such kernelspec is installed, or it does not start ipykernel.
    """
    if name in ("", "python3", "python"):
        return Path(sys.executable)
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    try:
        spec = manager.get_kernel_spec(name)
    except (NoSuchKernel, OSError, ValueError) as error:
        known = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise UsageError(
            "ITH534",
            f"no kernel `{name}` is installed; installed kernels: {known}",
            cure="choose an interpreter with `--python`, or another kernel in the notebook",
        ) from error
    if spec.language.lower() != "python":
        raise UsageError(
            "ITH532",
            f"the kernel `{name}` runs {spec.language}; a workflow's notebook must be Python",
            cure="choose a Python kernel in the notebook, or an interpreter with `--python`",
        )
    command = list(spec.argv)
    if not any(part.startswith("ipykernel") for part in command):
        raise UsageError(
            "ITH532",
            f"the kernel `{name}` does not start ipykernel",
            cure="choose the interpreter itself with `--python`",
        )
    if command[0] in ("python", f"python{sys.version_info[0]}"):
        return Path(sys.executable)
    return Path(shutil.which(command[0]) or command[0])


def _locate(python: Path | str) -> str:
    """Absolute path of an interpreter, with its links: they select a virtual environment."""
    text = os.fspath(python)
    found = shutil.which(text) if os.sep not in text else text
    path = None if found is None else Path(os.path.abspath(Path(found).expanduser()))  # noqa: PTH100
    if path is not None and path.is_dir():
        raise _is_folder(path, text)
    if path is None or not path.is_file():
        raise UsageError(
            "ITH530",
            f"no Python interpreter at {text}",
            cure="give the path of a Python interpreter, e.g. `--python .venv/bin/python`",
        )
    return str(path)


def _is_folder(path: Path, text: str) -> UsageError:
    inside = [Path(text) / "bin" / name for name in ("python", "python3")]
    meant = next((each for each in inside if (path / "bin" / each.name).is_file()), None)
    return UsageError(
        "ITH530",
        f"{text} is a folder, not an interpreter" + (f"; did you mean {meant}?" if meant else ""),
        cure=f"give `--python {meant or '.venv/bin/python'}`",
    )


def _ask(executable: str) -> Environment:
    script = (Path(__file__).parent / "inside" / "describe.py").read_text(encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    try:
        done = subprocess.run(
            [executable, "-c", script],
            capture_output=True,
            check=True,
            cwd="/",
            env=env,
            stdin=subprocess.DEVNULL,
        )
        answer = json.loads(done.stdout.decode().splitlines()[-1])
        return msgspec.convert({**answer, "executable": executable}, type=Environment)
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        silent = isinstance(error, (ValueError, IndexError))
        output = getattr(error, "stderr", b"") or (b"no output" if silent else str(error).encode())
        last = output.decode(errors="replace").strip().splitlines()[-1:] or [""]
        raise UsageError(
            "ITH530",
            f"{executable} is not a working Python interpreter: {last[0]}",
            cure="choose another one with `--python`",
        ) from error


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    stamps: dict[str, int]
    environment: Environment


def _stamps(executable: str, paths: tuple[str, ...]) -> dict[str, int]:
    places = [executable, os.path.realpath(executable), *paths]
    places.append(str(Path(executable).parent.parent / "pyvenv.cfg"))
    stamps = {}
    for place in places:
        try:
            stamps[place] = Path(place).stat().st_mtime_ns
        except OSError:
            stamps[place] = 0
    return stamps


def _read_kept(path: Path, executable: str) -> Environment | None:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None
    current = _stamps(executable, kept.environment.paths)
    return kept.environment if current == kept.stamps else None


def _keep(path: Path, environment: Environment) -> None:
    stamps = _stamps(environment.executable, environment.paths)
    if max(stamps.values()) > time.time_ns() - int(_RACY_SECONDS * 1e9):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(msgspec.json.encode(_Kept(stamps=stamps, environment=environment)))
    temporary.replace(path)
