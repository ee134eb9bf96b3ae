"""Permissions in a namespace, which `ithaca manifests` prints and `ithaca doctor` checks."""

from __future__ import annotations

from typing import Any, NamedTuple


class Right(NamedTuple):
    """Verbs on one kind of object in the namespace.

    Attributes:
        group: The API group; empty for the core group.
        resource: Plural of the kind, or a subresource such as `pods/log`.
        verbs: `create`, `get`, `watch`, …
    """

    group: str
    resource: str
    verbs: tuple[str, ...]


class Rights(NamedTuple):
    """The permissions that an engine needs to run workflows.

    Attributes:
        pods: For the service accounts of pods.
        people: For users who submit, follow, approve and cancel runs.
    """

    pods: tuple[Right, ...] = ()
    people: tuple[Right, ...] = ()


def role(name: str, rights: tuple[Right, ...]) -> dict[str, Any]:
    """A role with exactly these permissions."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [each.group], "resources": [each.resource], "verbs": list(each.verbs)}
            for each in rights
        ],
    }


def binding(name: str, accounts: tuple[str, ...], namespace: str) -> dict[str, Any]:
    """A binding of the role of the same name to service accounts."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [
            {"kind": "ServiceAccount", "name": each, "namespace": namespace} for each in accounts
        ],
    }
