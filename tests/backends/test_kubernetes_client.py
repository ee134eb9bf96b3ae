"""The Kubernetes toolkit, against the API server of KUBECONFIG."""

from __future__ import annotations

import os
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ithaca.backends.kubernetes import Cluster, Conflict, Kind
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

MAPS = Kind("", "v1", "ConfigMap", "configmaps")


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    if "KUBECONFIG" not in os.environ:
        pytest.skip("KUBECONFIG names no cluster")
    try:
        found = Cluster.connect(namespace="default")
        found.has_api("apps")
    except BackendError as error:
        pytest.skip(f"the cluster of KUBECONFIG does not answer: {error.message}")
    return found


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    made = f"ithaca-test-{uuid.uuid4().hex[:8]}"
    yield made
    cluster.delete(MAPS, made)


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"ithaca-test": name}},
        "data": data,
    }


def test_the_server_sees_the_user_that_the_kubeconfig_impersonates(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml

    assert cluster.whoami()[0] != "ann"
    told = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    told["users"][0]["user"] |= {"as": "ann", "as-groups": ["science", "art"]}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(told))
    monkeypatch.setenv("KUBECONFIG", str(path))
    user, groups = Cluster.connect(namespace="default").whoami()
    assert (user, set(groups) - {"system:authenticated"}) == ("ann", {"science", "art"})


def test_an_object_is_created_read_and_deleted(cluster: Cluster, name: str) -> None:
    assert cluster.get(MAPS, name) is None
    cluster.create(config_map(name, a="1"))
    found = cluster.get(MAPS, name)
    assert found is not None
    assert found["data"] == {"a": "1"}
    cluster.delete(MAPS, name)
    cluster.delete(MAPS, name)
    assert cluster.get(MAPS, name) is None


def test_creating_an_object_that_exists_returns_it(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name, a="1"))
    assert cluster.create(config_map(name, a="2"))["data"] == {"a": "1"}


def test_a_dry_run_leaves_nothing(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name), dry_run=True)
    cluster.apply(config_map(name), dry_run=True)
    assert cluster.get(MAPS, name) is None


def test_an_unknown_field_is_an_error_with_the_message_of_the_server(
    cluster: Cluster, name: str
) -> None:
    for write in (cluster.create, cluster.apply):
        with pytest.raises(BackendError, match="dtaa") as caught:
            write({**config_map(name), "dtaa": {}})
        assert caught.value.code == "ITH662"
        assert caught.value.cure


def test_applying_creates_and_then_changes(cluster: Cluster, name: str) -> None:
    cluster.apply(config_map(name, a="1"))
    assert cluster.apply(config_map(name, b="2"))["data"] == {"b": "2"}


def test_a_patch_changes_only_what_it_names(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name, a="1", b="2"))
    assert cluster.patch(MAPS, name, {"data": {"b": None}})["data"] == {"a": "1"}


def test_replacing_an_object_that_was_changed_meanwhile_is_a_conflict(
    cluster: Cluster, name: str
) -> None:
    read = cluster.create(config_map(name, a="1"))
    cluster.replace(MAPS, {**read, "data": {"a": "2"}})
    with pytest.raises(Conflict):
        cluster.replace(MAPS, {**read, "data": {"a": "3"}})


def test_a_list_is_selected_by_labels(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name))
    found, version = cluster.list(MAPS, labels={"ithaca-test": name})
    assert [each["metadata"]["name"] for each in found] == [name]
    assert version


def test_a_watch_sees_each_change_and_ends_with_the_object(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name, a="1"))
    seen = []
    for found in cluster.watch(MAPS, name=name, stop=threading.Event()):
        seen.append(found["data"]["a"])
        if seen[-1] == "3":
            cluster.delete(MAPS, name)
        else:
            cluster.patch(MAPS, name, {"data": {"a": str(int(seen[-1]) + 1)}})
    assert seen == ["1", "2", "3"]


def test_a_watch_that_waits_ends_when_it_is_stopped(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name))
    stop, started = threading.Event(), threading.Event()

    def follow() -> None:
        for _ in cluster.watch(MAPS, name=name, stop=stop):
            started.set()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    started.wait()
    stop.set()
    thread.join()


def test_the_server_is_asked_for_permissions(cluster: Cluster) -> None:
    assert cluster.allowed("create", "", "configmaps")
    assert cluster.allowed("get", "", "pods/log")


def test_the_versions_of_a_group_are_those_that_the_server_serves(cluster: Cluster) -> None:
    assert cluster.versions("apps")[0] == "v1"
    assert not cluster.has_api("no.such.group")


def test_reading_the_logs_of_an_unknown_pod_is_an_error(cluster: Cluster) -> None:
    with pytest.raises(BackendError, match="not found") as caught:
        cluster.pod_logs("ithaca-no-such-pod", "main")
    assert caught.value.code == "ITH662"
