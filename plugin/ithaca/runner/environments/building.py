"""Installs a lock with uv, into a new virtual environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import BackendError, UsageError
from ithaca.runner.environment import describe
from ithaca.runner.environments.lock import is_package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ithaca.runner.environment import Environment
    from ithaca.runner.environments.lock import Lock

KERNEL = "ipykernel"
PROJECT = "_ithaca_project.pth"
"""Makes the modules of a project that is a package importable from the step's files."""

_FROM_PIP = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "PIP_FIND_LINKS": ("UV_FIND_LINKS",),
    "PIP_TRUSTED_HOST": ("UV_INSECURE_HOST",),
    "PIP_CERT": ("SSL_CERT_FILE",),
}
"""Variables of pip, and those of uv for the same: the first is set unless one of them is."""

SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)
"""Where systems keep certificate authorities in one file; an image may have none."""

_NOT_INHERITED = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX", "UV_PYTHON")
_FOREIGN = ("UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_PROJECT", "UV_WORKING_DIRECTORY")
_UNREACHED = ("Failed to fetch", "Failed to download", "error sending request", "timed out")
_ERRORS = ("error:", "×")  # noqa: RUF001 - as uv writes it
_SHOWN = 1000
"""Characters of uv's output in an error."""


def build(
    lock: Lock,
    root: Path,
    base: Environment,
    target: Path,
    *,
    cache: Path | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> tuple[Environment, tuple[str, ...]]:
    """Install a lock.

    Args:
        lock: The lock.
        root: The project's root.
        base: The interpreter.
        target: Folder of the virtual environment; its content is removed.
        cache: uv's cache, when it is not the user's own.
        say: Called with each line of uv's output.

    Returns:
        The new environment, and notices.

    Raises:
        UsageError: uv is not installed (ITH673), or the lock cannot be installed (ITH527).
        BackendError: A package index did not respond: another attempt may help (ITH527).
    """
    program, env = find_uv(), variables(os.environ, target, cache)

    def uv(*arguments: str) -> None:
        _run([program, *arguments], root, lock, env, say)

    shutil.rmtree(target, ignore_errors=True)
    uv("venv", "--python", base.base_executable, str(target))
    into = ("pip", "install", "--python", str(target / "bin" / "python"))
    name = Path(lock.path).name
    if lock.kind == "uv":
        # The project itself is not installed: the step uses its own copy.
        uv("sync", "--frozen", "--no-install-project")
    else:
        uv(*into, "-r", name)
    if is_package(root, lock):
        _name_project(root / lock.path, target)
    built = describe(target / "bin" / "python")
    if built.ipykernel is not None:
        return built, ()
    again = (*into, "-r", name, KERNEL) if lock.kind == "requirements" else (*into, KERNEL)
    uv(*again)
    notice = f"{lock.path} does not list {KERNEL}, which kernels need; it was installed as well"
    return describe(target / "bin" / "python"), (notice,)


def find_uv() -> str:
    """The uv beside this interpreter, else the one on the `PATH`.

    Raises:
        UsageError: uv is not installed.
    """
    found = find_program("uv")
    if found is None:
        raise UsageError(
            "ITH673",
            f"uv, which installs locks, was not found beside {sys.executable} or on the PATH",
            cure="`pip install uv` where Ithaca is installed (on a cluster: in the runner image)",
        )
    return found


def find_program(name: str) -> str | None:
    """The program beside this interpreter, else the one on the `PATH`."""
    beside = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    return shutil.which(name, path=os.pathsep.join(beside)) or shutil.which(name)


def _run(
    command: list[str], root: Path, lock: Lock, env: dict[str, str], say: Callable[[str], None]
) -> None:
    process = subprocess.Popen(
        command,
        cwd=(root / lock.path).parent,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        say(line.rstrip("\n"))
    if process.wait() != 0:
        raise _failed(_sentence(lines), lock)


def variables(outer: Mapping[str, str], target: Path, cache: Path | None) -> dict[str, str]:
    """The environment variables of uv: the user's, with those of pip under uv's names.

    Args:
        outer: The user's variables.
        target: Folder of the virtual environment.
        cache: uv's cache, when it is not the user's own.

    Example:
        >>> from pathlib import Path
        >>> env = variables({"PIP_INDEX_URL": "https://index"}, Path("/e"), None)
        >>> env["UV_DEFAULT_INDEX"], env["UV_PYTHON_DOWNLOADS"]
        ('https://index', 'never')
    """
    env = {name: value for name, value in outer.items() if name not in (*_NOT_INHERITED, *_FOREIGN)}
    for name, ours in _FROM_PIP.items():
        if env.get(name) and not any(each in env for each in ours):
            env[ours[0]] = env[name].strip().replace(" ", "," if name == "PIP_FIND_LINKS" else " ")
    env.update(
        UV_PROJECT_ENVIRONMENT=str(target),
        UV_PYTHON=str(target / "bin" / "python"),
        UV_PYTHON_DOWNLOADS="never",
        UV_NO_PROGRESS="1",
        # Without bytecode every step would compile its imports. It is checked against the source,
        # so it is the same wherever and whenever it was made.
        UV_COMPILE_BYTECODE="1",
        PYC_INVALIDATION_MODE="CHECKED_HASH",
    )
    if any(Path(each).exists() for each in SYSTEM_CERTIFICATES):
        env.setdefault("UV_SYSTEM_CERTS", "1")
    if cache is not None:
        env.setdefault("UV_CACHE_DIR", str(cache))
    return env


def _name_project(lock: Path, target: Path) -> None:
    folder = lock.parent
    modules = folder / "src" if (folder / "src").is_dir() else folder
    environment = describe(target / "bin" / "python")
    packages = target / environment.site_packages
    (packages / PROJECT).write_text(f"{modules}\n", encoding="utf-8")


def _sentence(lines: list[str]) -> str:
    """The errors of uv, in one line."""
    first = next((at for at, line in enumerate(lines) if line.lstrip().startswith(_ERRORS)), 0)
    return re.sub(r"\s+", " ", " ".join(lines[first:])).strip()[:_SHOWN]


def _failed(reason: str, lock: Lock) -> UsageError | BackendError:
    message = f"uv cannot install {lock.path}: {reason}"
    if any(each in reason for each in _UNREACHED):
        return BackendError(
            "ITH527",
            message,
            cure="check that the package index can be reached from where the environment is built; "
            "set UV_INDEX_URL or PIP_INDEX_URL for another one",
        )
    return UsageError(
        "ITH527", message, cure="correct the lock: its packages cannot be installed together"
    )
