"""A step's kernel: started in the overlay at the step's view of the root, and ended reliably."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import StepFailed
from ithaca.kernel import install
from ithaca.kernel.ithaca_kernel.reporting import LAST
from ithaca.runner import enter, overlay, processes
from ithaca.runner.interruption import GRACE
from ithaca.runner.root import ENTER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ithaca.model.workflow import Step
    from ithaca.runner.environment import Environment
    from ithaca.runner.root import View

_NOT_INHERITED = (
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    # They would install packages elsewhere than into the volume.
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "UV_SYSTEM_PYTHON",
    "UV_PYTHON",
    "UV_TARGET",
    "UV_PREFIX",
)
_IMPORTS_ITHACA = re.compile(r"^\s*(?:import|from)\s+ithaca\b", re.MULTILINE)
_SMALL_ITHACA = """from ithaca_kernel.reporting import report as report
"""
_TAIL = 4000
"""Characters of a dead kernel's output that are shown."""


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """A temporary private folder for sockets and Ithaca's part of the kernel.

    Socket paths are limited to about 100 characters, so it is not in the step's folder.
    """
    path = Path(tempfile.mkdtemp(prefix="ithaca-")).resolve()
    if len(str(path)) > 70 and Path("/tmp").is_dir():  # noqa: S108 - mkdtemp makes it private
        path.rmdir()
        path = Path(tempfile.mkdtemp(prefix="ithaca-", dir="/tmp")).resolve()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_library(runtime: Path, step: Step) -> None:
    """Copy what every kernel has on its path: Ithaca's part of it, and the pip shim.

    A step that imports `ithaca` also finds a small module of that name, with `report`, if its
    environment has no Ithaca.

    Args:
        runtime: The private folder.
        step: The step.
    """
    library = install(runtime / "lib")
    if any(_IMPORTS_ITHACA.search(code.source) for code in step.code):
        (runtime / LAST).mkdir()
        (runtime / LAST / "ithaca.py").write_text(_SMALL_ITHACA)
    shim = Path(__file__).parent / "inside" / "pip"
    shutil.copytree(shim, library / "pip", ignore=shutil.ignore_patterns("__pycache__"))


def variables(
    *,
    view: View,
    environment: Environment,
    runtime: Path,
    step_file: Path,
    hidden: Collection[str],
    extra: Mapping[str, str],
) -> dict[str, str]:
    """The kernel's environment variables.

    Args:
        view: How the kernel sees its root.
        environment: Its interpreter.
        runtime: The private folder.
        step_file: The step file of `ithaca_kernel`.
        hidden: Variables that the step must not see.
        extra: The step's own variables and secrets, which take precedence.
    """
    removed = {*_NOT_INHERITED, *hidden}
    own = {name: value for name, value in os.environ.items() if name not in removed}
    folder = str(Path(view.seen) / overlay.FOLDER)
    path = [f"{folder}/bin", str(Path(environment.executable).parent), own.get("PATH", os.defpath)]
    python_path = [str(runtime / "lib"), own.get("PYTHONPATH", "")]
    return {
        **own,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": os.pathsep.join(each for each in python_path if each),
        "PYTHONHASHSEED": "0",
        "VIRTUAL_ENV": folder,
        # Results must not depend on the user's IPython profiles and start-up files.
        "IPYTHONDIR": str(runtime / "ipython"),
        "PIP_USER": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **extra,
        "ITHACA_STEP": str(step_file),
        "ITHACA_ROOT": view.seen,
    }


class StepKernel:
    """A running kernel.

    Attributes:
        manager: Its `jupyter_client` manager, for papermill's `km`.
        group: Its process group.
    """

    def __init__(self, manager: Any, context: Any, owner: int, output: Path, mark: str) -> None:
        self.manager = manager
        self._context = context
        self.group: int = manager.provisioner.pgid or manager.provisioner.pid
        self._process: subprocess.Popen[bytes] = manager.provisioner.process
        self._owner: int | None = owner
        self._output = output
        self._mark = mark

    def exit_status(self) -> int | None:
        """The dead kernel's exit status (negative: a signal), None while it runs."""
        return self._process.poll()

    def output(self) -> str:
        """The end of what the process wrote outside of its messages, which may say why it died."""
        try:
            text = self._output.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return text[-_TAIL:].strip()

    def stop(self, *, gently: bool) -> None:
        """End the kernel and everything that it started.

        Args:
            gently: Let its exit handlers run first, for at most a few seconds.
        """
        from jupyter_core.utils import run_sync

        if self._owner is None:
            return
        try:
            if gently and self._process.poll() is None:
                run_sync(self.manager.shutdown_kernel)()
        finally:
            with contextlib.suppress(OSError):
                os.killpg(self.group, signal.SIGKILL)
            for process in enter.outlived(self._mark.encode()):
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            processes.end_adopted()
            os.close(self._owner)
            self._owner = None
            self._process.wait()
            run_sync(self.manager.cleanup_resources)()
            self._context.destroy(linger=0)


def start(*, view: View, runtime: Path, folder: str, env: dict[str, str]) -> StepKernel:
    """Start a kernel.

    Args:
        view: How it sees its root; mount points must exist.
        runtime: The private folder.
        folder: Working directory relative to the root.
        env: Its environment variables.

    Returns:
        The kernel; it may still be starting up.

    Raises:
        StepFailed: The process cannot be started.
    """
    import zmq.asyncio
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import run_sync

    watched, owner = os.pipe()
    mark = f"ITHACA_STEP={env['ITHACA_STEP']}"
    config = {
        **msgspec.to_builtins(view),
        "folder": folder,
        "owner_fd": watched,
        "mark": mark,
        "grace": GRACE,
        "runtime": str(runtime),
    }
    command = [overlay.python(view.seen), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = KernelSpec(
        argv=[
            *(sys.executable, "-I", "-S", str(ENTER)),
            msgspec.json.encode(config).decode(),
            "--",
            *command,
            "--HistoryManager.hist_file=:memory:",
        ],
        display_name="Ithaca",
        language="python",
    )

    class OneKernel(AsyncKernelManager):
        kernel_spec = spec

        def client(self, **kwargs: Any) -> Any:
            return super().client(context=context, **kwargs)

    # A kernel that prints faster than we read must not lose its "idle" message, so we drop
    # nothing.
    context = zmq.asyncio.Context()
    context.rcvhwm = 0

    manager = OneKernel(
        kernel_name="ithaca",
        transport="ipc",
        connection_file=str(runtime / "kernel.json"),
    )
    output = runtime / "kernel.out"
    try:
        with output.open("wb") as file:
            run_sync(manager.start_kernel)(
                env=env,
                cwd=str(runtime),
                pass_fds=(watched,),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
    except OSError as error:
        os.close(owner)
        raise StepFailed("ITH504", f"the kernel could not be started: {error}") from error
    finally:
        os.close(watched)
    return StepKernel(manager, context, owner, output, mark)
