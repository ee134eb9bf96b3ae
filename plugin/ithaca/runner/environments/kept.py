"""The document of an environment in the store, and its name for a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import blake3
import msgspec

from ithaca.errors import NotFound
from ithaca.records import names
from ithaca.records.journal import decode

if TYPE_CHECKING:
    from ithaca.runner.environment import Environment
    from ithaca.runner.environments.wanted import Wanted
    from ithaca.store import Store

FORMAT = 1
"""Raised when an environment of the same lock would be kept differently than before."""


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What compiled packages require of an interpreter.

    Attributes:
        python: Implementation and minor version, such as `cpython 3.12`.
        system: System and machine, such as `linux-x86_64`.
        libc: The C library and its version, such as `glibc 2.36`; for a kept environment, the
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
        """Whether an environment for this platform works on another one.

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
    """The interpreter of an image, as a pod saw it: a hint for planners.

    Attributes:
        image: Reference of the image.
        python: Its interpreter.
        identity: Digest of what that can import.
        platform: Its platform; None in documents of an older Ithaca.
    """

    image: str
    python: str
    identity: str
    platform: Platform | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that the store keeps.

    Attributes:
        snapshot: Digest of its files.
        platform: The platform that it works on.
        identity: Digest of what it can import, as in the keys of steps.
        prefix: Folder of the virtual environment when it was made.
        root: The project's root at that time.
        notices: Notices for the user.
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
        digest: The lock's digest.
        platform: The platform that it is installed for.
    """
    content = [FORMAT, digest, platform.python, platform.system, platform.libc]
    return names.lock(blake3.blake3(msgspec.json.encode(content)).hexdigest())


def find(store: Store, wanted: Wanted, platform: Platform | None) -> Kept | None:
    """The store's document of an environment; None when it has none.

    Args:
        store: The store.
        wanted: The environment.
        platform: The platform that needs it; a capture is the same for all.

    Raises:
        Corrupt: The document cannot be read.
    """
    try:
        if wanted.kind == "capture":
            return decode(store.get(wanted.digest), Kept, f"document {wanted.digest[:12]}")
        if platform is None:
            return None
        name = lock_name(wanted.digest, platform)
        return decode(store.read(name), Kept, name)
    except NotFound:
        return None
