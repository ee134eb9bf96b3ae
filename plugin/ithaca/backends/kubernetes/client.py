"""Objects of a cluster, read and written as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ithaca.backends.kubernetes.answers import Unanswered, refused
from ithaca.errors import BackendError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from ithaca.backends.kubernetes.connection import Connection
    from ithaca.backends.kubernetes.watching import Seen

MANAGER = "ithaca"
"""The field manager of server-side apply."""


class Kind(NamedTuple):
    """A kind of object; the name of the core group is empty."""

    group: str
    version: str
    kind: str
    plural: str


POD = Kind("", "v1", "Pod", "pods")


class Conflict(BackendError):
    """The object was changed since it was read."""


class Cluster:
    """A cluster and a namespace in it. Open it with `Cluster.connect`.

    Args:
        connection: The API server; None for one that is not used.
        namespace: Where the objects are.
    """

    def __init__(self, connection: Connection | None, namespace: str) -> None:
        self._connection, self.namespace = connection, namespace

    @classmethod
    def connect(cls, *, context: str | None = None, namespace: str | None = None) -> Self:
        """The cluster of the kubeconfig (`KUBECONFIG`, else `~/.kube/config`) or of this pod.

        Args:
            context: A context of the kubeconfig; None: the current one.
            namespace: None: that of the context, else `default`.

        Raises:
            BackendError: No cluster is configured (ITH663).

        Example:
            >>> Cluster.connect(namespace="science").namespace  # doctest: +SKIP
            'science'
        """
        from ithaca.backends.kubernetes.connection import Connection
        from ithaca.backends.kubernetes.kubeconfig import access

        found = access(context)
        return cls(Connection(found), namespace or found.namespace)

    def within(self, namespace: str) -> Self:
        """The same cluster, and another namespace in it."""
        return type(self)(self._connection, namespace)

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object, or return the existing one of this name.

        Args:
            manifest: The object; unknown fields are an error.
            dry_run: Only let the API server check it.

        Raises:
            BackendError: The API server rejects it or cannot be reached.
        """
        path = self._path_of(manifest)
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        response = self._send("POST", path, body=manifest, query=query, allowed=(409,))
        found = _content(response, path)
        if response.status != 409:
            return found
        if found.get("reason") != "AlreadyExists":
            raise refused(response, path)
        return self._json("GET", f"{path}/{manifest['metadata']['name']}")

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create or update an object by server-side apply.

        Args:
            manifest: The object; unknown fields are an error.
            dry_run: Only let the API server check it.
        """
        path = self._path_of(manifest)
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        path = f"{path}/{manifest['metadata']['name']}"
        content_type = "application/apply-patch+yaml"
        return self._json("PATCH", path, body=manifest, query=query, content_type=content_type)

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """An object, or None."""
        return self.read(f"{self._path(kind)}/{name}")

    def list(
        self, kind: Kind, *, labels: Mapping[str, str] | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        """The objects with these labels, and the version of the list."""
        query = {"labelSelector": _selector(labels)} if labels else {}
        found = self._json("GET", self._path(kind), query=query)
        return found["items"], found["metadata"]["resourceVersion"]

    def replace(self, kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Write an object that was read before.

        Raises:
            Conflict: It was changed in the meantime.
        """
        path = f"{self._path(kind)}/{manifest['metadata']['name']}"
        response = self._send("PUT", path, body=manifest, allowed=(409,))
        if response.status == 409:
            raise Conflict("ITH662", "someone else changed the object", where=path)
        return _content(response, path)

    def patch(self, kind: Kind, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change some fields of an object by a merge patch."""
        path, content_type = f"{self._path(kind)}/{name}", "application/merge-patch+json"
        return self._json("PATCH", path, body=changes, content_type=content_type)

    def delete(self, kind: Kind, name: str, *, grace: int | None = None) -> None:
        """Delete an object, if it exists.

        Args:
            kind: What it is.
            name: Its name.
            grace: Seconds that a pod gets to end; None: as many as it asks for.
        """
        query = {} if grace is None else {"gracePeriodSeconds": str(grace)}
        self._send("DELETE", f"{self._path(kind)}/{name}", query=query, allowed=(404,))

    def watch(self, kind: Kind, *, name: str, stop: threading.Event) -> Iterator[dict[str, Any]]:
        """Yield an object now and after each change, until it is deleted.

        A broken connection is resumed where it broke.

        Args:
            kind: What it is.
            name: Its name.
            stop: Set it to end the watch.
        """
        from ithaca.backends.kubernetes.watching import follow_one

        return follow_one(self.connection, self._path(kind), name, stop)

    def watch_all(
        self, kind: Kind, *, labels: Mapping[str, str], stop: threading.Event
    ) -> Iterator[Seen]:
        """Yield the objects with these labels now and after each change, until `stop` is set.

        Args:
            kind: What they are.
            labels: Their labels.
            stop: Set it to end the watch.
        """
        from ithaca.backends.kubernetes.watching import follow

        wanted = {"labelSelector": _selector(labels)}
        return follow(self.connection, self._path(kind), wanted, stop)

    def allowed(self, verb: str, group: str, resource: str, *, account: str | None = None) -> bool:
        """Whether you, or a service account, may do something in the namespace.

        Args:
            verb: `create`, `get`, `watch`, …
            group: The API group.
            resource: Plural of the kind, or a subresource such as `pods/log`.
            account: A service account of the namespace; asking for one needs its own permission.
        """
        kind, _, part = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": kind, "subresource": part}
        spec: dict[str, Any] = {"resourceAttributes": {**asked, "namespace": self.namespace}}
        name = "SelfSubjectAccessReview"
        if account is not None:
            groups = "system:serviceaccounts"
            name = "SubjectAccessReview"
            spec["user"] = f"system:serviceaccount:{self.namespace}:{account}"
            spec["groups"] = [groups, f"{groups}:{self.namespace}", "system:authenticated"]
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": name, "spec": spec}
        path = f"/apis/authorization.k8s.io/v1/{name.lower()}s"
        return bool(self._json("POST", path, body=review)["status"].get("allowed"))

    def whoami(self) -> tuple[str, tuple[str, ...]]:
        """Your user name and groups, as the API server sees them."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        user = self._json("POST", path, body=review)["status"]["userInfo"]
        return user["username"], tuple(user.get("groups") or ())

    def read(self, path: str) -> dict[str, Any] | None:
        """Get a path of the API server; None if it does not exist.

        Args:
            path: Such as `/version`.
        """
        response = self._send("GET", path, allowed=(404,))
        return None if response.status == 404 else _content(response, path)

    @property
    def address(self) -> str:
        """Where the API server is."""
        return self.connection.address

    def versions(self, group: str) -> tuple[str, ...]:
        """The served versions of an API group, preferred first; empty if there is none.

        Args:
            group: Such as `argoproj.io`.
        """
        for each in self._json("GET", "/apis")["groups"]:
            if each["name"] == group:
                first = each["preferredVersion"]["version"]
                others = (one["version"] for one in each["versions"])
                return (first, *(one for one in others if one != first))
        return ()

    def has_api(self, group: str) -> bool:
        """Whether the API server serves a group."""
        return bool(self.versions(group))

    def pod_logs(self, name: str, container: str) -> str:
        """The output of a container so far.

        Args:
            name: The pod.
            container: One of its containers.

        Raises:
            BackendError: The pod or container does not exist or has not started.
        """
        path = f"{self._path(POD)}/{name}/log"
        response = self._send("GET", path, query={"container": container})
        return response.data.decode("utf-8", "replace")

    def _path(self, kind: Kind, namespace: str | None = None) -> str:
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        return f"{root}/namespaces/{namespace or self.namespace}/{kind.plural}"

    def _path_of(self, manifest: Mapping[str, Any]) -> str:
        return self._path(kind_of(manifest), manifest["metadata"].get("namespace"))

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        return _content(self._send(method, path, **more), path)

    def _send(
        self, method: str, path: str, allowed: tuple[int, ...] = (), **more: Any
    ) -> BaseHTTPResponse:
        response = self.connection.request(method, path, **more)
        if 200 <= response.status < 300 or response.status in allowed:
            return response
        raise refused(response, path)

    @property
    def connection(self) -> Connection:
        """The API server."""
        assert self._connection is not None
        return self._connection


def _content(response: BaseHTTPResponse, path: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = response.json()
    except ValueError:
        raise Unanswered(
            "ITH662",
            "the API server's answer is not JSON",
            where=path,
            cure="check that the kubeconfig names an API server, and the proxies on the way to it",
        ) from None
    return found


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={text}" for name, text in labels.items())


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of an object."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    kind = manifest["kind"]
    plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
    return Kind(group, version, kind, plural)
