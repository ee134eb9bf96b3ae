"""Objects of a cluster, read and written as plain data."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import quote

from ithaca.backends.kubernetes.answers import Unanswered, refused
from ithaca.errors import BackendError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

MANAGER = "ithaca"
"""Who applied what: the field manager of server-side apply."""


class Kind(NamedTuple):
    """A kind of objects, as the API server names it; the core group's name is empty."""

    group: str
    version: str
    kind: str
    plural: str


POD = Kind("", "v1", "Pod", "pods")


class Conflict(BackendError):
    """Somebody changed the object since it was read."""


class Cluster:
    """A cluster and a namespace in it. Open it with `Cluster.connect`.

    Attributes:
        namespace: Where objects are.
    """

    def __init__(self, http: Any, namespace: str) -> None:
        self._http = http
        self.namespace = namespace

    @classmethod
    def connect(cls, *, context: str | None = None, namespace: str | None = None) -> Self:
        """The cluster of the kubeconfig (`KUBECONFIG`, else `~/.kube/config`) or of this pod.

        Args:
            context: A context of the kubeconfig; None: the current one.
            namespace: None: that of the context, else `default`.

        Raises:
            BackendError: Nothing says how to reach one (ITH663).

        Example:
            >>> Cluster.connect(namespace="science").namespace  # doctest: +SKIP
            'science'
        """
        try:
            config = _kubeconfig().get(context)
            http = _connected(config)
        except BackendError:
            raise
        except Exception as error:  # a file that is wrong fails as whatever lightkube trips over
            raise _nowhere(f"{type(error).__name__}: {error}") from None
        return cls(http, namespace or config.namespace)

    def within(self, namespace: str) -> Self:
        """The same cluster, and another namespace in it."""
        return type(self)(self._http, namespace)

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object; one of this name that is there already is what is returned.

        Args:
            manifest: The object; unknown fields are refused.
            dry_run: Let the API server check it, and nothing more.

        Raises:
            BackendError: The API server does not take it or cannot be reached.
        """
        path = self._path(kind_of(manifest), namespace=_namespace_of(manifest))
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        response = self._send("POST", path, json=dict(manifest), params=query, allowed=(409,))
        found: dict[str, Any] = response.json()
        if response.status_code != 409:
            return found
        if found.get("reason") != "AlreadyExists":
            raise refused(response, path)
        return self._json("GET", f"{path}/{manifest['metadata']['name']}")

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object or bring it up to date, by server-side apply.

        Args:
            manifest: The object; unknown fields are refused.
            dry_run: Let the API server check it, and nothing more.
        """
        path = self._path(kind_of(manifest), namespace=_namespace_of(manifest))
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return self._json(
            "PATCH",
            f"{path}/{manifest['metadata']['name']}",
            json=dict(manifest),
            params=query,
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """An object, or None."""
        response = self._send("GET", f"{self._path(kind)}/{name}", allowed=(404,))
        return None if response.status_code == 404 else response.json()

    def list(
        self, kind: Kind, *, labels: Mapping[str, str] | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        """The objects with these labels, and the version of the list."""
        wanted = ",".join(f"{name}={text}" for name, text in (labels or {}).items())
        query = {"labelSelector": wanted} if wanted else {}
        found = self._json("GET", self._path(kind), params=query)
        return found["items"], found["metadata"]["resourceVersion"]

    def replace(self, kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Write an object that was read before.

        Raises:
            Conflict: It was changed since.
        """
        path = f"{self._path(kind)}/{manifest['metadata']['name']}"
        response = self._send("PUT", path, json=dict(manifest), allowed=(409,))
        if response.status_code == 409:
            raise Conflict("ITH662", "the object was changed meanwhile", where=path)
        found: dict[str, Any] = response.json()
        return found

    def patch(self, kind: Kind, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change some fields of an object, by a merge patch."""
        return self._json(
            "PATCH",
            f"{self._path(kind)}/{name}",
            json=dict(changes),
            headers={"Content-Type": "application/merge-patch+json"},
        )

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an object, if it is there."""
        self._send("DELETE", f"{self._path(kind)}/{name}", allowed=(404,))

    def watch(self, kind: Kind, *, name: str, stop: threading.Event) -> Iterator[dict[str, Any]]:
        """An object as it is now and after each change, until it is deleted.

        A connection that breaks is taken up again where it broke; nothing is raised for it.

        Args:
            kind: What it is.
            name: Its name.
            stop: Set it to end the watch.
        """
        from ithaca.backends.kubernetes.watching import follow

        return follow(self._http, self._path(kind), name, stop)

    def allowed(self, verb: str, group: str, resource: str, *, account: str | None = None) -> bool:
        """Whether we, or a service account, may do something in the namespace.

        Args:
            verb: `create`, `get`, `watch`, …
            group: The API group.
            resource: Plural of the kind; `pods/log` for a part of it.
            account: A service account of the namespace; to ask for one needs a right of its own.
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
        return bool(self._json("POST", path, json=review)["status"].get("allowed"))

    def whoami(self) -> tuple[str, tuple[str, ...]]:
        """As whom the API server knows us, and in which groups."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        told = self._json("POST", path, json=review)["status"]["userInfo"]
        return told["username"], tuple(told.get("groups") or ())

    def read(self, path: str) -> dict[str, Any] | None:
        """What the API server answers to a path, for what is in no namespace; None for nothing.

        Args:
            path: Such as `/version`.
        """
        response = self._send("GET", path, allowed=(404,))
        return None if response.status_code == 404 else response.json()

    @property
    def address(self) -> str:
        """Where the API server is."""
        return str(self._http.base_url).rstrip("/")

    def versions(self, group: str) -> tuple[str, ...]:
        """The versions of a group that the API server serves, the preferred one first.

        Args:
            group: Such as `argoproj.io`; empty when the server does not know it.
        """
        for each in self._json("GET", "/apis")["groups"]:
            if each["name"] == group:
                first = each["preferredVersion"]["version"]
                others = (one["version"] for one in each["versions"])
                return (first, *(one for one in others if one != first))
        return ()

    def has_api(self, group: str) -> bool:
        """Whether the API server knows a group."""
        return bool(self.versions(group))

    def pod_logs(self, name: str, container: str) -> str:
        """What a container of a pod has printed so far.

        Args:
            name: The pod.
            container: One of its containers.

        Raises:
            BackendError: There is no such pod or container, or it has not started.
        """
        path = f"{self._path(POD)}/{name}/log"
        text: str = self._send("GET", path, params={"container": container}).text
        return text

    def _path(self, kind: Kind, namespace: str | None = None) -> str:
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        return f"{root}/namespaces/{namespace or self.namespace}/{kind.plural}"

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._send(method, path, **more).json()
        return found

    def _send(self, method: str, path: str, allowed: tuple[int, ...] = (), **more: Any) -> Any:
        import httpx2
        from lightkube.core.exceptions import ConfigError

        try:
            response = self._http.request(method, path, **more)
        except ConfigError as error:  # a command of the kubeconfig that gives credentials
            raise _nowhere(str(error)) from None
        except (httpx2.HTTPError, OSError) as error:
            never = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
            raise (BackendError if never else Unanswered)(
                "ITH660",
                f"the cluster cannot be reached: {error or type(error).__name__}",
                where=str(self._http.base_url),
                cure="check the kubeconfig's current context and the network",
            ) from None
        if response.is_success or response.status_code in allowed:
            return response
        raise refused(response, path)


def _connected(config: Any) -> Any:
    """An HTTP client that is who the kubeconfig says."""
    from lightkube.config.client_adapter import Client, ConnectionParams
    from lightkube.config.models import User

    if config.user is None:  # a proxy that needs no credentials
        config = config._replace(user=User())
    login = None
    if config.user.exec is not None:
        login, config = _logged_in(config)
    http = Client(config, ConnectionParams())
    http.headers = [*http.headers.multi_items(), *_as_whom(config)]
    if login is not None:
        http.auth = login
    return http


def _logged_in(config: Any) -> tuple[Any, Any]:
    """What a command of the kubeconfig gives: credentials for requests, and for the connection."""
    from lightkube.config.models import User

    from ithaca.backends.kubernetes.login import Login

    login = Login(config)
    first, user = login.credential(), User()
    if first.certificate:
        user = User(
            client_cert_data=base64.b64encode(first.certificate.encode()).decode(),
            client_key_data=base64.b64encode(first.key.encode()).decode(),
        )
    return login, config._replace(user=user)


def _as_whom(config: Any) -> Iterator[tuple[str, str]]:
    """The headers by which kubectl acts as somebody else; lightkube knows no `as`."""
    if config.fname is None or config.context.user is None:
        return
    import yaml

    users = yaml.safe_load(Path(config.fname).read_text(encoding="utf-8"))["users"]
    told = next(each["user"] for each in users if each["name"] == config.context.user) or {}
    for name, key in (("User", "as"), ("Uid", "as-uid")):
        if told.get(key):
            yield f"Impersonate-{name}", str(told[key])
    for group in told.get("as-groups") or ():
        yield "Impersonate-Group", str(group)
    for key, texts in (told.get("as-user-extra") or {}).items():
        for text in texts:
            yield f"Impersonate-Extra-{quote(key, safe='')}", str(text)


def _kubeconfig() -> Any:
    """What a person chose goes before what a pod is given, as in kubectl."""
    from lightkube import KubeConfig
    from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG

    named = os.environ.get("KUBECONFIG")
    if named or Path(DEFAULT_KUBECONFIG).expanduser().is_file():
        return KubeConfig.from_file(named or DEFAULT_KUBECONFIG)
    return KubeConfig.from_env()


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """What an object is, by what it says of itself."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    kind = manifest["kind"]
    plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
    return Kind(group, version, kind, plural)


def _namespace_of(manifest: Mapping[str, Any]) -> str | None:
    found: str | None = manifest["metadata"].get("namespace")
    return found


def _nowhere(why: str) -> BackendError:
    return BackendError(
        "ITH663",
        f"no kubeconfig says how to reach a cluster: {why}",
        cure="set KUBECONFIG, or make `kubectl get nodes` work",
    )
