"""Where the API server is, and as whom to speak to it: the kubeconfig, or the pod's account.

The `kubernetes` package reads kubeconfigs, tokens and certificates, and logs in with OIDC. Added
here is what it lacks or does unlike kubectl: current context and paths of several files, commands
for credentials (`login`), impersonation, the proxy of a cluster, and the namespace.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import (
    load_incluster_config,
    load_kube_config,
    load_kube_config_from_dict,
)
from kubernetes.config.kube_config import KubeConfigMerger

from ithaca.backends.kubernetes.answers import nowhere
from ithaca.backends.kubernetes.login import ask
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEFAULT = "~/.kube/config"
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Access:
    """How to reach the API server.

    Args:
        configuration: The package's configuration: address, TLS, token.
        context: The context of the kubeconfig; None in a pod.
        namespace: The namespace of the context.
        impersonation: Headers for acting as another user.
        until: When the credentials expire, in seconds since the epoch.
    """

    def __init__(
        self,
        configuration: Any,
        context: str | None,
        namespace: str,
        impersonation: tuple[tuple[str, str], ...] = (),
        until: float = float("inf"),
    ) -> None:
        self._configuration, self.context, self.namespace = configuration, context, namespace
        self.impersonation, self.until = impersonation, until
        self.address = str(configuration.host)
        self.pool: Any = RESTClientObject(configuration).pool_manager

    def authorization(self) -> dict[str, str]:
        """The header with the token, if there is one; the token of a pod is read again."""
        try:
            settings = self._configuration.auth_settings().values()
        except Exception as error:  # a hook of the package may read files here
            raise nowhere(f"{type(error).__name__}: {error}") from None
        # A token file usually ends with a newline.
        return {each["key"]: each["value"].strip() for each in settings if each["value"]}

    def credential(self) -> tuple[Any, ...]:
        """What differs between credentials; the package names certificates by their content."""
        return self.authorization(), self._configuration.cert_file


def access(context: str | None = None) -> Access:
    """The cluster of `KUBECONFIG`, of `~/.kube/config`, or of this pod, in this order.

    Args:
        context: A context of the kubeconfig; None: the current one.

    Raises:
        BackendError: No cluster is configured (ITH663), or the kubeconfig's command returned no
            credentials (ITH668).
    """
    named = os.environ.get("KUBECONFIG")
    try:
        if named or Path(_DEFAULT).expanduser().is_file():
            return _of_files(named or _DEFAULT, context)
        return _of_pod()
    except BackendError:
        raise
    except Exception as error:  # a damaged kubeconfig raises anything
        raise nowhere(f"{type(error).__name__}: {error}") from None


def _of_pod() -> Access:
    configuration = Configuration()
    load_incluster_config(client_configuration=configuration)
    namespace = _POD_NAMESPACE.read_text().strip() if _POD_NAMESPACE.is_file() else ""
    return Access(configuration, None, namespace or "default")


def _of_files(paths: str, context: str | None) -> Access:
    """One context of the kubeconfigs, of which the first one that sets something wins."""
    files = KubeConfigMerger(paths)
    if files.config is None:
        raise nowhere(f"{paths} does not exist")
    # The package takes the current context of the last file, kubectl that of the first.
    currents = (files.config_files[path].get("current-context") for path in files.paths)
    name = context or next(filter(None, currents), None)
    if not name:
        raise nowhere(f"{paths} has no current-context")
    chosen = files.config["contexts"].get_with_name(name)["context"].value
    cluster = _absolute(files.config["clusters"].get_with_name(chosen["cluster"]), "cluster")
    entry = files.config["users"].get_with_name(chosen.get("user"), safe=True)
    user = _absolute(entry, "user") if entry else {}
    configuration, used, until = Configuration(), user, float("inf")
    if user.get("auth-provider"):  # of the files: the package writes refreshed tokens to them
        load_kube_config(paths, name, client_configuration=configuration)
    else:
        if user.get("exec"):
            credential = ask(user["exec"], cluster, Path(entry.path).parent.absolute())
            used, until = credential
        load_kube_config_from_dict(_alone(cluster, used), client_configuration=configuration)
    if cluster.get("proxy-url"):
        configuration.proxy, configuration.no_proxy = cluster["proxy-url"], ""
    namespace = chosen.get("namespace") or "default"
    return Access(configuration, name, namespace, tuple(_impersonation(user)), until)


def _absolute(entry: Any, key: str) -> dict[str, Any]:
    """A cluster or user with paths that no longer depend on the file that it is in."""
    content, folder = entry.value.get(key) or {}, Path(entry.path).parent.absolute()
    return {
        name: str(folder / text) if text and name in _PATHS else text
        for name, text in content.items()
    }


def _alone(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig with one cluster and one user."""
    return {
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The headers with which kubectl acts as another user."""
    for name, key in (("User", "as"), ("Uid", "as-uid")):
        if user.get(key):
            yield f"Impersonate-{name}", str(user[key])
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", str(group)
    for key, texts in (user.get("as-user-extra") or {}).items():
        for text in texts:
            yield f"Impersonate-Extra-{quote(key, safe='')}", str(text)
