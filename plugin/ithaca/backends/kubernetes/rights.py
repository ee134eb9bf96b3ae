"""What somebody may do in a namespace: said once, printed as roles and asked by `ithaca doctor`."""

from __future__ import annotations

from typing import Any, NamedTuple


class Right(NamedTuple):
    """Verbs on one kind of objects in the namespace.

    Attributes:
        group: The API group; the core group's name is empty.
        resource: Plural of the kind; `pods/log` for a part of it.
        verbs: Such as `create`.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]


class Rights(NamedTuple):
    """Who needs what so that an engine runs a workflow's pods.

    Attributes:
        pods: What the service accounts of the pods need.
        people: What those need who submit runs, follow, answer and cancel them.
    """

    pods: tuple[Right, ...] = ()
    people: tuple[Right, ...] = ()


def role(name: str, rights: tuple[Right, ...]) -> dict[str, Any]:
    """A role that gives exactly these rights."""
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
    """A binding that gives the role of the same name to service accounts."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [
            {"kind": "ServiceAccount", "name": each, "namespace": namespace} for each in accounts
        ],
    }
