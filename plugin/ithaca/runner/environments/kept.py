"""The document of an environment in the store, and the name of a lock's one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import blake3
import msgspec

from ithaca.errors import Corrupt, NotFound
from ithaca.records import names
from ithaca.records.journal import decode

if TYPE_CHECKING:
    from ithaca.runner.environment import Environment
    from ithaca.runner.environments.wanted import Wanted
    from ithaca.store import Store

FORMAT = 1
"""Raised when an environment of the same lock would be kept otherwise than before."""


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What an interpreter must be for compiled packages to work with it.

    Attributes:
        python: Implementation and minor version, such as `cpython 3.12`.
        system: System and machine, such as `linux-x86_64`.
        libc: The C library and its version, such as `glibc 2.36`; of a kept environment the
            oldest that its packages work with.
    """

    python: str
    system: str
    libc: str

    @classmethod
    def of(cls, environment: Environment) -> Platform:
        """The platform of an interpreter."""
        major, minor = environment.version[:2]
        python = f"{environment.implementation} {major}.{minor}"
        return cls(python=python, system=environment.platform, libc=environment.libc)

    def __str__(self) -> str:
        return f"{self.python} on {self.system} with {self.libc or 'an unknown C library'}"

    def runs_on(self, other: Platform) -> bool:
        """Whether what was made for this platform works on another one.

        Example:
            >>> old = Platform(python="cpython 3.12", system="linux-x86_64", libc="glibc 2.17")
            >>> new = Platform(python="cpython 3.12", system="linux-x86_64", libc="glibc 2.36")
            >>> old.runs_on(new), new.runs_on(old)
            (True, False)
        """
        return (self.python, self.system) == (other.python, other.system) and _is_in(
            self.libc, other.libc
        )


def _is_in(needed: str, there: str) -> bool:
    if not needed or needed == there:
        return True
    return needed.split()[0] == there.partition(" ")[0] and version(needed) <= version(there)


def version(libc: str) -> tuple[int, ...]:
    """The version of a C library as numbers.

    Example:
        >>> version("glibc 2.36")
        (2, 36)
    """
    return tuple(int(part) for part in libc.partition(" ")[2].split(".") if part.isdigit())


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod told of its image: a hint for planners.

    Attributes:
        image: Reference of the image.
        python: Its interpreter.
        identity: Digest of what that can import.
        platform: What it is; None where an older Ithaca wrote it.
    """

    image: str
    python: str
    identity: str
    platform: Platform | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that the store keeps.

    Attributes:
        snapshot: Digest of its files.
        platform: What it works with.
        identity: Digest of what it can import, as the keys of steps have it.
        prefix: Folder of the virtual environment where it was made.
        root: The project's root there.
        notices: What the user should know of it.
        format: Version of this document.
    """

    snapshot: str
    platform: Platform
    identity: str
    prefix: str
    root: str
    notices: tuple[str, ...] = ()
    format: int = FORMAT


def lock_name(digest: str, platform: Platform) -> str:
    """Name of the document of a lock's environment.

    Args:
        digest: What counts of the lock.
        platform: What it is installed for.
    """
    told = [FORMAT, digest, platform.python, platform.system, platform.libc]
    return names.lock(blake3.blake3(msgspec.json.encode(told)).hexdigest())


def find(store: Store, wanted: Wanted, platform: Platform | None) -> Kept | None:
    """What the store keeps of an environment; None when it is not there, or of a newer format.

    Args:
        store: The store.
        wanted: The environment.
        platform: What it is needed for; a capture is one and the same for all.

    Raises:
        Corrupt: The document cannot be read.
    """
    try:
        if wanted.kind == "capture":
            name, data = f"document {wanted.digest[:12]}", store.get(wanted.digest)
        elif platform is None:
            return None
        else:
            name = lock_name(wanted.digest, platform)
            data = store.read(name)
    except Corrupt:
        raise
    except NotFound:
        return None
    return decode(data, Kept, name)
