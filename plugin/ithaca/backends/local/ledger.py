"""What the steps of all runs on this machine use now, so that runs share one admission.

Each supervisor claims what a step asks for before it starts the step. A claim is a file whose lock
the supervisor holds: it is free as soon as the supervisor releases it or is gone, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from ulid import ULID

from ithaca.backends.local import lock
from ithaca.backends.local.admission import Capacity, admits
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = Capacity()

_GUARD = ".lock"


def place() -> Path:
    """The folder with the claims of this user on this machine.

    Raises:
        BackendError: Somebody else owns it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base or tempfile.gettempdir()) / ("ithaca" if base else f"ithaca-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
        raise BackendError(
            "ITH626",
            "another user owns the folder in which local runs share cpu, memory and GPUs",
            where=str(folder),
            cure="set XDG_RUNTIME_DIR to a folder of your own",
        )
    return folder / "claims"


class Claim:
    """What one step uses until it is released.

    Args:
        path: Its file.
        held: The open file whose lock says that the claim counts.
    """

    def __init__(self, path: Path | None = None, held: int = -1) -> None:
        self._path, self._held = path, held

    def release(self) -> None:
        """Give back what the step used; once is enough."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._held)
            self._path = None


class Ledger:
    """The claims of all local runs of one user.

    Args:
        folder: Where they are; by default the one that `place` names.

    Example:
        >>> from tempfile import mkdtemp
        >>> one, other = Ledger(Path(mkdtemp())), Capacity(cpu=2)
        >>> first = one.claim(Capacity(cpu=2), machine=other)
        >>> one.claim(Capacity(cpu=1), machine=other) is None
        True
        >>> first.release()
        >>> one.claim(Capacity(cpu=1), machine=other) is None
        False
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or place()

    def claim(self, asked: Capacity, machine: Capacity) -> Claim | None:
        """Claim what a step asks for.

        Args:
            asked: What it asks for; a step that asks for nothing always fits.
            machine: What the machine has.

        Returns:
            The claim; None while it does not fit beside what runs. Alone, a step always fits.
        """
        if asked == NOTHING:
            return Claim()
        with self._guarded():
            claims = list(self._claims())
            if claims and not admits(asked, claims, machine):
                return None
            path = self.folder / str(ULID())
            path.write_bytes(msgspec.json.encode([asked.cpu, asked.memory, asked.gpu]))
            return Claim(path, lock.hold(path))

    def used(self) -> Capacity:
        """What runs now uses in all."""
        return sum(self._claims(), NOTHING)

    def _claims(self) -> Iterator[Capacity]:
        """The claims whose supervisors live; those of others are removed when it is safe."""
        for path in self.folder.glob("[!.]*"):
            if lock.is_held(path):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    yield Capacity(*msgspec.json.decode(path.read_bytes(), type=list[float]))

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Only one supervisor at a time looks and claims; what dead ones left is removed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / _GUARD).open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            for path in self.folder.glob("[!.]*"):
                if not lock.is_held(path):
                    path.unlink(missing_ok=True)
            yield
