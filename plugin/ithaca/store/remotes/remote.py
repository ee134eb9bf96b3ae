"""One remote: requests by name, counted, with errors that have a cure; and its listings."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

from ithaca.errors import NotFound, StoreError, UsageError
from ithaca.store.naming import folder_path
from ithaca.store.providers import connect, provider_of
from ithaca.store.remotes.layout import DOCUMENTS, REMOTE, SNAPSHOTS
from ithaca.store.snapshots.walker import match_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

_METADATA = "169.254.169.254"
"""Where a cloud machine gets its credentials; requested when nothing else is configured."""

_TOKEN = re.compile(r"performing token request: .*non-2xx status code: 4", re.DOTALL)
"""Error of an identity that was not accepted when it asked for a token."""

_BODY = re.compile(r"<\?xml.*?<Code>([^<]*)</Code>.*?<Message>([^<\n]*).*", re.DOTALL)
"""The XML of an error, the same for all providers."""

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
"""Error codes of servers for a missing bucket."""

_SHOWN = 300


class Listed(NamedTuple):
    """One name of a listing.

    Attributes:
        name: Relative to the remote.
        size: Bytes.
        changed: When it was written, seconds since the epoch.
    """

    name: str
    size: int
    changed: float


class Remote:
    """A store that other machines reach too. Open it with `Remote.open`.

    Attributes:
        url: Its URL.
        requests: How many requests were made, by kind: `get`, `head`, `list`, `put`.
        writable: Whether it may be written.
    """

    def __init__(self, url: str, store: ObjectStore, *, writable: bool = True) -> None:
        self.url = url
        self.writable = writable
        self.requests: Counter[str] = Counter()
        self._store = store
        self._provider = provider_of(url)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, url: str, *, create: bool = False, writable: bool = True) -> Self:
        """Open a remote, and check that this Ithaca can read it.

        Args:
            url: `s3://BUCKET/PREFIX`, `gs://…`, `az://…` or `file:///FOLDER`.
            create: Create it if it is missing.
            writable: False to refuse every write.

        Raises:
            UsageError: The URL does not name a remote.
            NotFound: The remote is missing, and `create` is False.
            StoreError: It cannot be reached (ITH420), accepts no credentials (ITH421), is not a
                remote (ITH400) or is newer than this Ithaca (ITH401).

        Example:
            >>> from tempfile import mkdtemp
            >>> Remote.open(f"file://{mkdtemp()}", create=True).exists("version")
            True
        """
        remote = cls(url.rstrip("/"), connect(url, create=create), writable=writable)
        try:
            version = remote.get("version")
        except NotFound:
            if not create:
                raise NotFound(
                    "ITH402",
                    "no store at this URL",
                    cure="check the URL; `ithaca snapshots push` creates a store",
                    where=url,
                ) from None
            remote.create("version", REMOTE.file())
            version = remote.get("version")
        REMOTE.check(version, url)
        return remote

    @classmethod
    def probe(cls, url: str) -> bool:
        """Check that a remote can be reached; writes nothing.

        Returns:
            Whether it holds a store. The first run creates one.

        Raises:
            UsageError: The URL does not name a remote.
            StoreError: It cannot be reached, accepts no credentials, has no such bucket, or is
                not a store.

        Example:
            >>> from tempfile import mkdtemp
            >>> Remote.probe(f"file://{mkdtemp()}")
            False
        """
        remote = cls(url.rstrip("/"), connect(url, create=False), writable=False)
        try:
            version = remote.get("version")
        except NotFound:
            remote._check_bucket()
            return False
        REMOTE.check(version, url)
        return True

    def _check_bucket(self) -> None:
        """Raise an error if the bucket is missing: unlike an empty one it cannot be listed."""
        try:
            self.children("")
        except StoreError as error:
            missing = any(each in error.message for each in _NO_BUCKET)
            if type(error) is not NotFound and not missing:
                raise
            raise self._provider.no_bucket(self.url) from None

    def get(self, name: str) -> bytes:
        """The bytes of a name.

        Raises:
            NotFound: It does not exist.
        """
        with self._request("get", name):
            return bytes(self._store.get(name).bytes())

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """Some bytes of a name; fewer if it is shorter.

        Raises:
            NotFound: It does not exist.
        """
        with self._request("get", name):
            return bytes(self._store.get_range(name, start=start, length=length))

    def create(self, name: str, data: bytes) -> bool:
        """Create a name; False if it exists already."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._request("put", name):
            try:
                self._store.put(name, data, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
            return True

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace a name as a whole: for hints, and for truncated data."""
        with self._request("put", name):
            self._store.put(name, data, use_multipart=False)

    def size(self, name: str) -> int | None:
        """How many bytes a name has; None if it does not exist."""
        try:
            with self._request("head", name):
                return int(self._store.head(name)["size"])
        except NotFound:
            return None

    def exists(self, name: str) -> bool:
        """Whether a name exists."""
        return self.size(name) is not None

    def list(self, prefix: str) -> Iterator[Listed]:
        """Everything below a prefix, in no order.

        Args:
            prefix: A folder, such as `indexes`.
        """
        with self._request("list", prefix):
            for found in self._store.list(prefix, chunk_size=1000):
                for one in found:
                    yield Listed(one["path"], one["size"], one["last_modified"].timestamp())

    def children(self, prefix: str) -> tuple[str, ...]:
        """Sorted names of the folders and files directly below a prefix."""
        with self._request("list", prefix):
            found = self._store.list_with_delimiter(prefix)
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return tuple(sorted({one.rstrip("/").rpartition("/")[2] for one in paths}))

    @contextlib.contextmanager
    def _request(self, kind: str, name: str) -> Iterator[None]:
        from obstore import exceptions

        if kind == "put" and not self.writable:
            raise only_read(self.url)
        with self._lock:
            self.requests[kind] += 1
        try:
            yield
        except (exceptions.NotFoundError, FileNotFoundError):
            if kind == "put":  # only the bucket can be missing
                raise self._provider.no_bucket(self.url) from None
            raise NotFound("ITH402", f"the remote has no {name}", where=self.url) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise self._provider.no_credentials(self.url, f" ({_short(error)})") from None
        except (exceptions.BaseError, OSError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> StoreError:
        text = _short(error)
        if _METADATA in text:
            detail = ", and this machine gets none from its cloud"
            return self._provider.no_credentials(self.url, detail)
        if _TOKEN.search(str(error)):
            return self._provider.no_credentials(self.url, f" ({text})")
        return self._provider.unreachable(self.url, text)


def list_snapshots(remote: Remote, prefix: str = "") -> tuple[str, ...]:
    """Sorted digests of the remote's snapshots that begin with a prefix."""
    folder = f"{SNAPSHOTS}/{prefix[:2]}" if len(prefix) > 1 else SNAPSHOTS
    found = ("".join(one.name.split("/")[-2:]) for one in remote.list(folder))
    return tuple(
        sorted(one for one in found if one.startswith(prefix) and re.fullmatch("[0-9a-f]{64}", one))
    )


def resolve(remote: Remote, prefix: str) -> str:
    """Digest of the remote's snapshot that begins with a prefix.

    Raises:
        NotFound: There is none.
        UsageError: There are several, or the prefix is too short.
    """
    return match_prefix(prefix, lambda start: list_snapshots(remote, start), where=remote.url)


def list_documents(remote: Remote) -> tuple[str, ...]:
    """Sorted digests of the remote's documents."""
    return tuple(sorted("".join(one.name.split("/")[-2:]) for one in remote.list(DOCUMENTS)))


def list_runs(remote: Remote) -> tuple[str, ...]:
    """Ids of the remote's runs, oldest first."""
    return remote.children("runs")


def documents_below(remote: Remote, prefix: str) -> dict[str, int]:
    """Names of all documents below a prefix, and their sizes.

    Args:
        remote: The remote.
        prefix: Such as `runs/01J…`.
    """
    return {_document_name(one.name): one.size for one in remote.list(folder_path(prefix))}


def only_read(url: str, access: str = "read") -> UsageError:
    """The error for a write to a remote that may only be read."""
    return UsageError(
        "ITH920",
        f"this would write to a remote, and `store_access` is `{access}`",
        where=url,
        cure="pass `--store-access write`; runs on this machine need no remote",
    )


def _short(error: Exception) -> str:
    """The message in one line, without the query of a signed URL."""
    message = _BODY.sub(r"\1: \2", str(error).split("\n\nDebug", 1)[0])
    line = " ".join(re.sub(r"\?[^\s\"')]*", "", message).split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _document_name(path: str) -> str:
    *folders, last = path.split("/")
    return "/".join([*(folder.removesuffix("~") for folder in folders), last])
