"""What a store is: `LocalStore` is a folder, `SharedStore` is a folder together with a remote.

Everything that only uses a store is annotated with `Store`; what needs no more than documents, with
`Documents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Documents(Protocol):
    """Immutable documents, by name or by digest."""

    def create(self, name: str, data: bytes) -> bool:
        """Store a document under a name, once and for all.

        Args:
            name: Such as `runs/01J…/run`.
            data: Its bytes.

        Returns:
            False if a document of this name exists already; it stays unchanged.

        Raises:
            UsageError: The name is not valid.
            StoreError: The store cannot be written.
        """

    def read(self, name: str) -> bytes:
        """The bytes of a document.

        Raises:
            NotFound: There is no document of this name.
        """

    def list(self, prefix: str) -> list[str]:
        """Sorted names of the documents and folders directly below a prefix.

        Args:
            prefix: Such as `runs/`; the last slash is optional.
        """

    def get(self, digest: str) -> bytes:
        """The document with this digest, verified.

        Raises:
            NotFound: There is no such document.
            Corrupt: Its bytes do not match the digest.
        """

    def invalidate(self) -> None:
        """Discard cached listings, so that documents of other writers are visible."""


class Store(Documents, Protocol):
    """Documents, objects and snapshots."""

    @property
    def path(self) -> Path:
        """The local folder, absolute."""

    def share(self, snapshots: Iterable[str]) -> None:
        """Make snapshots available to everyone who uses the store."""

    def overwrite(self, name: str, data: bytes) -> None:
        """Store a document under a name and replace the previous one. For hints only.

        Raises:
            UsageError: The name is not valid.
            StoreError: The store cannot be written.
        """

    def exists(self, name: str) -> bool:
        """Whether there is a document of this name."""

    def put(self, data: bytes) -> str:
        """Store a document under its digest: BLAKE3, 64 hex digits, which is returned.

        Raises:
            StoreError: The store cannot be written.
        """

    def put_object(self, data: bytes) -> str:
        """Store the bytes of a file, tree or attributes; returns their digest."""

    def get_object(self, digest: str) -> bytes:
        """The object with this digest, verified.

        Raises:
            NotFound: There is no such object.
            Corrupt: Its bytes do not match the digest.
        """

    def has_object(self, digest: str, size: int) -> bool:
        """Whether an object exists with its full size; a system crash can truncate it."""

    def address(self, folder: str, digest: str) -> str:
        """Local path of the file with this digest.

        Args:
            folder: `objects`, `documents` or `snapshots`.
            digest: 64 hex digits.

        Raises:
            NotFound: This is not a digest.
        """

    def add_snapshot(self, digest: str, data: bytes) -> bool:
        """Publish the file of a snapshot; False if it exists already: the first one wins."""

    def get_snapshot(self, digest: str) -> bytes:
        """The file of a snapshot.

        Raises:
            NotFound: There is no such snapshot.
        """

    def digests(self, folder: str, start: str = "") -> tuple[str, ...]:
        """Sorted digests of everything in a local folder; only those that begin with `start`."""

    def temporary(self) -> tuple[int, str]:
        """A new temporary file, open for reading and writing: its descriptor and its path."""

    def publish_object(self, temporary: str, digest: str, size: int) -> None:
        """Move a complete temporary file to its place among the objects."""

    def cannot_write(self, error: OSError) -> NoReturn:
        """Raise the error for a store that cannot be written."""
