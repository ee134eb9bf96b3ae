"""What the steps of all runs on this machine use now, so that runs share one admission.

Each supervisor claims what a step asks for before it starts the step. A claim is a file whose lock
the supervisor holds: it is free as soon as the supervisor releases it or is gone, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from ulid import ULID

from ithaca.backends.local import lock
from ithaca.backends.local.admission import Capacity, admits

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = Capacity()

_GUARD, _NEW = ".lock", ".new-"


class Claim(Capacity, frozen=True, kw_only=True):
    """What one step uses.

    Attributes:
        run: Id of its run.
        step: The step.
    """

    run: str
    step: str


class Held:
    """A claim of this process, until it is released.

    Args:
        ledger: The ledger.
        claim: The claim.
        path: Its file; None where claims cannot be shared.
        file: The open file whose lock says that the claim counts.
    """

    def __init__(
        self, ledger: Ledger | None = None, claim: Claim | None = None,
        path: Path | None = None, file: int = -1,
    ) -> None:  # fmt: skip
        self._ledger, self.claim, self._path, self._file = ledger, claim, path, file

    def release(self) -> None:
        """Give back what the step used; a second call does nothing."""
        if self._ledger is not None:
            self._ledger.held.remove(self)
            self._ledger = None
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._path = None


class Ledger:
    """The claims of all local runs of one user.

    Where the folder cannot be used (it belongs to another user, or the disk is full), each
    supervisor counts its own steps only: admission never fails a run.

    Args:
        folder: Where claims are; by default `/tmp/ithaca-UID`, or ITHACA_CLAIMS.

    Attributes:
        held: The claims of this process.

    Example:
        >>> from tempfile import mkdtemp
        >>> ledger, machine = Ledger(Path(mkdtemp())), Capacity(cpu=2)
        >>> first = ledger.claim(Claim(run="1", step="a", cpu=2), machine)
        >>> ledger.claim(Claim(run="2", step="a", cpu=1), machine) is None
        True
        >>> first.release()
        >>> ledger.claim(Claim(run="2", step="a", cpu=1), machine) is None
        False
    """

    def __init__(self, folder: Path | None = None) -> None:
        # The same for all sessions of a user: TMPDIR and XDG_RUNTIME_DIR differ between them.
        default = os.environ.get("ITHACA_CLAIMS") or f"/tmp/ithaca-{os.getuid()}"  # noqa: S108
        self.folder = folder or Path(default)
        self.held: list[Held] = []

    def claim(self, claim: Claim, machine: Capacity) -> Held | None:
        """Claim what a step asks for.

        Args:
            claim: The claim; one of nothing always fits.
            machine: What the machine has.

        Returns:
            The claim until it is released; None while it does not fit beside what runs. Alone, a
            step always fits.
        """
        if claim.fits_into(NOTHING):
            return Held()
        try:
            with self._guarded():
                if not _fits(claim, self._living(), machine):
                    return None
                held = self._publish(claim)
        except OSError:
            if not _fits(claim, [each.claim for each in self.held if each.claim], machine):
                return None
            held = Held(self, claim)
        self.held.append(held)
        return held

    def claims(self) -> list[Claim]:
        """What runs now; nothing is written."""
        try:
            return self._living() if self._is_own() else []
        except OSError:
            return []

    def _is_own(self) -> bool:
        """Whether the folder belongs to this user, and is no link to another place."""
        return not self.folder.is_symlink() and self.folder.lstat().st_uid == os.getuid()

    def _living(self) -> list[Claim]:
        """The claims whose supervisors live."""
        found = []
        for path in self.folder.glob("[!.]*"):
            if lock.is_held(path):
                with contextlib.suppress(OSError, msgspec.MsgspecError):
                    found.append(msgspec.json.decode(path.read_bytes(), type=Claim))
        return found

    def _publish(self, claim: Claim) -> Held:
        """Write a claim that others see only once it is locked."""
        name = str(ULID())
        draft, path = self.folder / f"{_NEW}{name}", self.folder / name
        file = lock.hold(draft)
        try:
            os.write(file, msgspec.json.encode(claim))
            draft.rename(path)
        except BaseException:
            os.close(file)
            raise
        return Held(self, claim, path, file)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Let one supervisor at a time look and claim; remove what dead ones left."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_own():
            raise PermissionError(f"{self.folder} belongs to another user")
        with (self.folder / _GUARD).open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            for path in (*self.folder.glob("[!.]*"), *self.folder.glob(f"{_NEW}*")):
                if not lock.is_held(path):
                    path.unlink(missing_ok=True)
            yield


def _fits(claim: Claim, claims: list[Claim], machine: Capacity) -> bool:
    return not claims or admits(claim, claims, machine)
