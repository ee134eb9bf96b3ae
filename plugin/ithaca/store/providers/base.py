"""What every provider has: an address, a connection, variables for pods, and errors with cures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import unquote, urlsplit

from ithaca.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

    from obstore.store import ObjectStore

RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}

_TRUE = ("1", "true", "yes", "on")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """The parts of a remote's URL.

    Attributes:
        scheme: The provider's scheme, such as `s3`.
        bucket: The bucket or container; empty for a folder.
        path: The path in the bucket, or the folder, percent-decoded.
    """

    scheme: str
    bucket: str
    path: str


class Variable(NamedTuple):
    """An environment variable that a pod may need to reach a remote.

    Attributes:
        name: The variable.
        secret: Whether logs must not show its value.
    """

    name: str
    secret: bool = False


class Target(NamedTuple):
    """What a provider connects to.

    Attributes:
        obstore: The module `obstore.store`.
        url: The remote, for messages.
        address: Its parts.
        environ: The environment variables.
        create: Create the place if it is missing and the provider can do so.
    """

    obstore: Any
    url: str
    address: Address
    environ: Mapping[str, str]
    create: bool


class Provider(ABC):
    """One kind of remote. Built-in ones are `s3`, `gs`, `az` and `file`.

    A package adds another kind with an entry point of the group `ithaca.providers`, named by the
    scheme, that is a subclass of this class.

    Attributes:
        scheme: The scheme of its URLs.
        form: How its URLs look, for messages.
        variables: The environment variables that pods may need.
        key_file: A variable of pods whose value can come from a file, and the variable that names
            this file; None when there is none.
        endpoint: The variable that names another server; empty when there is none.
        allow_http: The variable that allows unencrypted connections.
        credentials_cure: What to do when no credentials are accepted.
    """

    scheme: ClassVar[str]
    form: ClassVar[str]
    variables: ClassVar[tuple[Variable, ...]] = ()
    key_file: ClassVar[tuple[str, str] | None] = None
    endpoint: ClassVar[str] = ""
    allow_http: ClassVar[str] = ""
    credentials_cure: ClassVar[str]

    @abstractmethod
    def connect(self, target: Target) -> ObjectStore:
        """Open a connection. Nothing is requested yet.

        Raises:
            StoreError: There are no credentials (ITH421), or they would travel unencrypted
                (ITH422).
        """

    def bucket(
        self,
        target: Target,
        kind: str,
        config: dict[str, Any],
        endpoint: tuple[str, str | None],
        **options: Any,
    ) -> ObjectStore:
        """A connection to a bucket.

        Args:
            target: The bucket.
            kind: The class of `obstore.store`.
            config: Its settings.
            endpoint: The setting for the server's URL, and this URL if it is not the usual one.
            options: Further arguments of the class.

        Raises:
            StoreError: The connection would not be encrypted (ITH422).
        """
        client, (setting, server) = {}, endpoint
        if server:
            config = {**config, setting: server}
            client["allow_http"] = self._allows_http(server, target.environ)
        store: ObjectStore = getattr(target.obstore, kind)(
            target.address.bucket,
            prefix=target.address.path.strip("/") or None,
            config=config,
            client_options=client,
            retry_config=RETRIES,
            **options,
        )
        return store

    def _allows_http(self, server: str, environ: Mapping[str, str]) -> bool:
        """Whether the connection is unencrypted, and may be."""
        parts = urlsplit(server)
        if parts.scheme != "http":
            return False
        if not is_truthy(environ, self.allow_http) and (parts.hostname or "") not in _LOOPBACK:
            raise StoreError(
                "ITH422",
                "the connection to this endpoint would not be encrypted",
                cure=f"use https://, or set {self.allow_http}=true if you trust the network",
                where=server,
            )
        return True

    def parse(self, url: str, parts: SplitResult) -> Address:
        """The address in a URL of this scheme.

        Args:
            url: The URL.
            parts: Its parts; they hold no user, query or fragment.

        Raises:
            UsageError: The URL does not name a remote (ITH422).
        """
        if not parts.netloc:
            raise invalid_url(url, f"expected {self.form}")
        return Address(self.scheme, parts.netloc, unquote(parts.path))

    def pod_names(self) -> tuple[str, ...]:
        """Names of the variables that pods may need."""
        return tuple(each.name for each in self.variables)

    def pod_values(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The variables that pods need, as far as they are set.

        Args:
            environ: The environment of this machine.

        Raises:
            UsageError: A file that it names cannot be used in a pod (ITH924).
        """
        return {name: environ[name] for name in self.pod_names() if environ.get(name)}

    def inner_secrets(self, value: str) -> Iterator[str]:  # noqa: ARG002
        """Secrets that are part of a longer value, such as the key in a connection string."""
        return iter(())

    def no_credentials(self, url: str, detail: str = "") -> StoreError:
        """The error for credentials that are missing or refused.

        Args:
            url: The remote.
            detail: More about the cause, with its own punctuation.
        """
        return StoreError(
            "ITH421",
            f"no configured credentials were accepted by {url}{detail}",
            cure=f"{self.credentials_cure}; they must be able to read, list and write below the "
            "prefix",
        )

    def unreachable(self, url: str, reason: str) -> StoreError:
        """The error for a remote that cannot be reached."""
        network = f", the network and {self.endpoint}" if self.endpoint else " and the folder"
        return StoreError(
            "ITH420",
            f"the remote cannot be reached: {reason}",
            cure=f"check the URL{network}, then try again; nothing is sent twice",
            where=url,
        )

    def no_bucket(self, url: str) -> StoreError:
        """The error for a bucket or container that does not exist."""
        return StoreError(
            "ITH420",
            "the remote cannot be reached: no such bucket or container",
            cure="create it with the provider's tools, or use another one",
            where=url,
        )


def is_truthy(environ: Mapping[str, str], name: str) -> bool:
    """Whether an environment variable is set to `1`, `true`, `yes` or `on`."""
    return environ.get(name, "").lower() in _TRUE


def invalid_url(url: str, reason: str) -> UsageError:
    """The error for a URL that does not name a remote; shows no user, query or fragment."""
    shown = urlsplit(url)._replace(query="", fragment="")
    return UsageError(
        "ITH422",
        f"this URL does not name a remote: {reason}",
        where=shown._replace(netloc=shown.netloc.rpartition("@")[2]).geturl(),
    )
