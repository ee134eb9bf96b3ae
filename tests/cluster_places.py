"""The cluster of `KUBECONFIG` as a place for the conformance suite, once for each engine.

Variables for a cluster that is not on this machine:

| variable | meaning |
|---|---|
| `ITHACA_E2E_IMAGE` | an image with this Ithaca |
| `ITHACA_E2E_FOREIGN` | an image with Python and ipykernel, but without Ithaca |
| `ITHACA_E2E_STORE`, `…_ENDPOINT`, `…_KEY`, `…_SECRET` | the S3 store and its access |
| `ITHACA_E2E_HOST` | an address of this machine that pods can reach |
| `ITHACA_E2E_LOCK` | a file that tests lock, to share the cluster or reserve it |
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import socket
import tempfile
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import yaml

from api_gate import Gate, open_gate
from places import POLL, Engine, Json, Place, skip_test

if TYPE_CHECKING:
    from ithaca.backends.kubernetes import Cluster, Kind

IMAGE = os.environ.get("ITHACA_E2E_IMAGE", "local/ithaca:dev")
FOREIGN = os.environ.get("ITHACA_E2E_FOREIGN", "local/python:dev")
STORE = os.environ.get("ITHACA_E2E_STORE", "s3://ithaca/e2e")
LOCK = os.environ.get("ITHACA_E2E_LOCK", f"{tempfile.gettempdir()}/ithaca-e2e.lock")

CREDENTIALS = {
    "AWS_ENDPOINT_URL": os.environ.get("ITHACA_E2E_ENDPOINT", "http://10.244.0.1:7070"),
    "AWS_ACCESS_KEY_ID": os.environ.get("ITHACA_E2E_KEY", "ithaca"),
    "AWS_SECRET_ACCESS_KEY": os.environ.get("ITHACA_E2E_SECRET", "ithaca-secret"),
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
}

NAMESPACE = "default"
SECRET = "ithaca-store"


class ClusterPlace(Place):
    """Steps are pods of the cluster that `KUBECONFIG` names."""

    host = os.environ.get("ITHACA_E2E_HOST", "10.244.0.1")
    poll = 1.0  # polling takes processor time from the pods
    image = IMAGE
    namespace = NAMESPACE

    group: ClassVar[str]
    """The engine's API group."""

    controller: ClassVar[tuple[str, str]]
    """The namespace of the engine's controller, and a label of its pods."""

    stops: ClassVar[tuple[Json, Json]]
    """Changes of a run's object that stop it: after a last pod, and at once."""

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """The kind of a run's object."""

    @abstractmethod
    def submit(self, manifests: list[Json], arguments: Mapping[str, str]) -> None:
        """Start a run from manifests, with the engine's own tools only."""

    def run_object(self, run_id: str) -> str:
        """The name of a run's object."""
        ((found,), _) = connect().list(self.kind, labels={"ithaca/run": run_id})
        return str(found["metadata"]["name"])

    @classmethod
    @functools.cache
    def unavailable(cls) -> str:
        if "KUBECONFIG" not in os.environ:
            return "KUBECONFIG names no cluster"
        from ithaca.errors import BackendError

        try:
            if not connect().has_api(cls.group):
                return f"the cluster of KUBECONFIG has no {cls.group}"
            connect().apply(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": SECRET},
                    "stringData": CREDENTIALS,
                }
            )
        except BackendError as error:
            return f"the cluster of KUBECONFIG does not answer: {error.message}"
        try:
            socket.create_server((cls.host, 0)).close()
        except OSError:
            return f"{cls.host} is no address of this machine; ITHACA_E2E_HOST may name one"
        return ""

    def own_settings(self) -> str:
        return f"""namespace = "{self.namespace}"
image = "{self.image}"
image_pull_policy = "IfNotPresent"
store_secret = "{SECRET}"
"""

    @property
    def store(self) -> str:
        """The URL of the store, with a prefix for this project."""
        return f"{STORE}/{self.folder.name}"

    def environment(self) -> dict[str, str]:
        return {**CREDENTIALS, "ITHACA_STORE": self.store}

    def store_options(self) -> tuple[str, ...]:
        return ("--store", self.store)

    @classmethod
    @contextlib.contextmanager
    def reserved(cls, *, alone: bool = False) -> Iterator[None]:
        with _locked(f"{LOCK}.{cls.backend}", alone=alone):
            yield

    @abstractmethod
    def pods(self, run_id: str, step: str) -> list[str]:
        """The names of the running pods of a step."""

    def lose_machine(self, run_id: str, step: str) -> None:
        self._delete(run_id, step, grace=0)

    def terminate(self, run_id: str, step: str) -> None:
        self._delete(run_id, step, grace=30)

    def _delete(self, run_id: str, step: str, grace: int) -> None:
        from ithaca.backends.kubernetes.client import POD

        (name,) = self.pods(run_id, step)
        connect().delete(POD, name, grace=grace)

    @property
    def engine(self) -> Controller:
        return Controller(*self.controller)

    def on_another_machine(self) -> Self:
        return type(self)(self.folder.parent / "elsewhere" / self.folder.name)

    def use_image_without_ithaca(self, own: str = "") -> None:
        if reason := _no_foreign_image():
            skip_test(reason)
        self.image = FOREIGN
        self.settings(f'runner_image = "{IMAGE}"\n{own}')

    def manifests(self) -> list[Json]:
        done = self.ithaca("compile", "nb.ipynb", "--backend", self.backend)
        assert done.returncode == 0, done.stderr
        return list(yaml.load_all(done.stdout, yaml.CSafeLoader))

    def answer_to_request(self, resource: str) -> str:
        (amount,) = set(_limits(self.manifests(), resource))
        return str(amount)

    def secret(self, value: str, variable: str) -> str:
        name = f"secret-{self.folder.name}"
        connect().apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name},
                "stringData": {"word": value},
            }
        )
        return f"secret:{name}:word:{variable}"

    def memory_limit(self, amount: str) -> str:
        return f"limit:memory:{amount}"


class Controller(Engine):
    """The controller of an engine, and the way to the API server.

    Args:
        namespace: The namespace of its pods.
        label: A label of its pods, as `NAME=VALUE`.
    """

    def __init__(self, namespace: str, label: str) -> None:
        self._cluster = connect().within(namespace)
        self._labels = dict([label.split("=")])
        if not self._pods():
            skip_test(f"the engine's controller is not in the namespace {namespace}")

    def restart(self) -> None:
        from ithaca.backends.kubernetes.client import POD

        before = [each["metadata"]["name"] for each in self._pods()]
        for name in before:
            self._cluster.delete(POD, name, grace=0)
        while not any(
            _is_ready(each) for each in self._pods() if each["metadata"]["name"] not in before
        ):
            time.sleep(POLL)

    def gate(self, folder: Path) -> AbstractContextManager[Gate]:
        return open_gate(Path(os.environ["KUBECONFIG"]), folder)

    def _pods(self) -> list[Any]:
        from ithaca.backends.kubernetes.client import POD

        return self._cluster.list(POD, labels=self._labels)[0]


class ArgoPlace(ClusterPlace):
    """The cluster's Argo Workflows."""

    backend, group = "argo", "argoproj.io"
    controller = ("argo", "app=workflow-controller")
    stops = {"shutdown": "Stop"}, {"shutdown": "Terminate"}

    def own_settings(self) -> str:
        return (
            super().own_settings()
            + 'backoff = {duration = "1s"}\nttl = {after_completion = 1800}\n'
        )

    @property
    def kind(self) -> Kind:
        from ithaca_argo.workflow import WORKFLOW

        return WORKFLOW

    def submit(self, manifests: list[Json], arguments: Mapping[str, str]) -> None:
        template, workflow = manifests
        connect().apply(template)
        parameters = [{"name": name, "value": text} for name, text in arguments.items()]
        workflow["spec"]["arguments"] = {"parameters": parameters}
        while self._came_too_early(connect().create(workflow)["metadata"]["name"]):
            time.sleep(self.poll)

    def _came_too_early(self, name: str) -> bool:
        """Whether Argo's controller had not heard of the template when it read the Workflow."""
        while not (status := (connect().get(self.kind, name) or {}).get("status") or {}).get(
            "phase"
        ):
            time.sleep(POLL)
        return "workflowtemplates.argoproj.io" in status.get("message", "")

    def pods(self, run_id: str, step: str) -> list[str]:
        from ithaca.backends.kubernetes import Kind

        of = {
            "workflows.argoproj.io/workflow": self.run_object(run_id),
            "workflows.argoproj.io/completed": "false",
            "ithaca/step": step,
        }
        found, _ = connect().list(Kind("", "v1", "Pod", "pods"), labels=of)
        return [each["metadata"]["name"] for each in found]


class TektonPlace(ClusterPlace):
    """The cluster's Tekton Pipelines."""

    backend, group = "tekton", "tekton.dev"
    controller = ("tekton-pipelines", "app=tekton-pipelines-controller")
    stops = {"status": "CancelledRunFinally"}, {"status": "Cancelled"}

    @property
    def kind(self) -> Kind:
        from ithaca_tekton.engine import PIPELINE_RUN

        return PIPELINE_RUN

    def submit(self, manifests: list[Json], arguments: Mapping[str, str]) -> None:
        *others, run = manifests
        for each in others:
            connect().apply(each)
        run["spec"]["params"] = [{"name": name, "value": text} for name, text in arguments.items()]
        connect().create(run)

    def pods(self, run_id: str, step: str) -> list[str]:
        from ithaca.backends.kubernetes import Kind

        of = {
            "tekton.dev/pipelineRun": self.run_object(run_id),
            "tekton.dev/pipelineTask": step,
        }
        found, _ = connect().list(Kind("", "v1", "Pod", "pods"), labels=of)
        ended = ("Succeeded", "Failed")
        return [each["metadata"]["name"] for each in found if each["status"]["phase"] not in ended]


@contextlib.contextmanager
def _locked(lock: str, *, alone: bool) -> Iterator[None]:
    """Hold a shared or an exclusive lock."""
    # An exclusive test also holds the door, so that no other test enters before it.
    with Path(f"{lock}.door").open("w") as door, Path(lock).open("a") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(door, fcntl.LOCK_UN)
        yield


def connect() -> Cluster:
    """The cluster."""
    from ithaca.backends.kubernetes import Cluster

    return Cluster.connect(namespace=NAMESPACE)


@functools.cache
def _no_foreign_image() -> str:
    """The reason why no step can run in an image without Ithaca; empty if one can."""
    if "ITHACA_E2E_FOREIGN" in os.environ:
        return ""
    nodes = (connect().read("/api/v1/nodes") or {})["items"]
    images = [each for node in nodes for each in node["status"].get("images") or ()]
    if any(name.endswith(f"/{FOREIGN}") for each in images for name in each.get("names") or ()):
        return ""
    return f"no node has {FOREIGN}, and ITHACA_E2E_FOREIGN names no other image"


def _is_ready(pod: Any) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _limits(content: Any, resource: str) -> Iterator[Any]:
    """Every limit of a resource in manifests, at any depth."""
    if isinstance(content, list):
        for each in content:
            yield from _limits(each, resource)
    elif isinstance(content, dict):
        for name, each in content.items():
            if name == "limits" and isinstance(each, dict) and resource in each:
                yield each[resource]
            yield from _limits(each, resource)
