"""One remote: requests by name, counted, and their errors in Ithaca's words."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

from ithaca.errors import NotFound, StoreError, UsageError
from ithaca.store.providers import connect
from ithaca.store.providers.base import no_bucket, no_credentials, unreachable
from ithaca.store.remotes.layout import REMOTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

_METADATA = "169.254.169.254"
"""Where a cloud's machine hands out credentials: asked when nothing else is set."""

_TOKEN = re.compile(r"performing token request: .*non-2xx status code: 4", re.DOTALL)
"""What is said where an identity is exchanged for a token, and the credentials are not accepted."""

_BODY = re.compile(r"<\?xml.*?<Code>([^<]*)</Code>.*?<Message>([^<\n]*).*", re.DOTALL)
"""An error as all three providers write it."""

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
    """A place that other machines reach, too. Open it with `Remote.open`.

    Attributes:
        url: Where it is.
        requests: How many requests were made, by kind: `get`, `head`, `list`, `put`.
        writable: Whether anything may be written.
    """

    def __init__(self, url: str, store: ObjectStore, *, writable: bool = True) -> None:
        self.url = url
        self.writable = writable
        self.requests: Counter[str] = Counter()
        self._store = store
        self._lock = threading.Lock()

    @classmethod
    def open(cls, url: str, *, create: bool = False, writable: bool = True) -> Self:
        """Open a remote, and check that this Ithaca can read it.

        Args:
            url: `s3://BUCKET/PREFIX`, `gs://…`, `az://…` or `file:///FOLDER`.
            create: Make it where there is none.
            writable: False to refuse whatever would be written.

        Raises:
            UsageError: The URL names no remote.
            NotFound: There is no remote, and `create` is False.
            StoreError: It cannot be reached (ITH420), lets us not in (ITH421), is no remote
                (ITH400) or newer than this Ithaca (ITH401).

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
                    "there is no remote of a store",
                    cure="check the URL; `ithaca snapshots push` makes one",
                    where=url,
                ) from None
            remote.create("version", REMOTE.file())
            version = remote.get("version")
        REMOTE.check(version, url)
        return remote

    def get(self, name: str) -> bytes:
        """The bytes of this name.

        Raises:
            NotFound: There are none.
        """
        with self._request("get", name):
            return bytes(self._store.get(name).bytes())

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """Some bytes of this name; fewer where it is shorter.

        Raises:
            NotFound: There is none.
        """
        with self._request("get", name):
            return bytes(self._store.get_range(name, start=start, length=length))

    def create(self, name: str, data: bytes) -> bool:
        """Write a name once for all; False if it was there already."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._request("put", name):
            try:
                self._store.put(name, data, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
            return True

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace what is there, as a whole: for hints, and for what was cut short."""
        with self._request("put", name):
            self._store.put(name, data, use_multipart=False)

    def size(self, name: str) -> int | None:
        """How many bytes this name has; None when it is not there."""
        try:
            with self._request("head", name):
                return int(self._store.head(name)["size"])
        except NotFound:
            return None

    def exists(self, name: str) -> bool:
        """Whether this name is there."""
        return self.size(name) is not None

    def list(self, prefix: str) -> Iterator[Listed]:
        """All that lies below a prefix, in no order.

        Args:
            prefix: A folder, such as `indexes`.
        """
        with self._request("list", prefix):
            for found in self._store.list(prefix, chunk_size=1000):
                for one in found:
                    yield Listed(one["path"], one["size"], one["last_modified"].timestamp())

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Names of the folders directly below a prefix, sorted."""
        return self._level(prefix, files=False)

    def children(self, prefix: str) -> tuple[str, ...]:
        """Names of the folders and of the files directly below a prefix, sorted."""
        return self._level(prefix, files=True)

    def _level(self, prefix: str, *, files: bool) -> tuple[str, ...]:
        with self._request("list", prefix):
            found = self._store.list_with_delimiter(prefix)
        paths = list(found["common_prefixes"])
        if files:
            paths += [one["path"] for one in found["objects"]]
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
            if kind == "put":  # so it is the bucket that is not there
                raise no_bucket(self.url) from None
            raise NotFound("ITH402", f"the remote has no {name}", where=self.url) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise no_credentials(self.url, f" ({_short(error)})") from None
        except (exceptions.BaseError, OSError) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> StoreError:
        text = _short(error)
        if _METADATA in text:
            return no_credentials(self.url, ", and this machine gets none from its cloud")
        if _TOKEN.search(str(error)):
            return no_credentials(self.url, f" ({text})")
        return unreachable(self.url, text)


def only_read(url: str, access: str = "read") -> UsageError:
    """The error for something that would be written where that is not wanted."""
    return UsageError(
        "ITH920",
        f"this would write to a remote of the store, and `store_access` is `{access}`",
        where=url,
        cure="`--store-access write` allows it, where nothing else is said; runs on this machine "
        "need no remote",
    )


def _short(error: Exception) -> str:
    """The message without what a signed URL tells, in one line."""
    said = _BODY.sub(r"\1: \2", str(error).split("\n\nDebug", 1)[0])
    line = " ".join(re.sub(r"\?[^\s\"')]*", "", said).split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
