"""`ithaca manifests argo` prints what a namespace needs, with the least rights."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ithaca.backends.protocol import ManifestOptions
from ithaca.errors import UsageError
from ithaca_argo import ArgoBackend

BASE: dict[str, Any] = {
    "store": "s3://bucket/prefix",
    "image": "python:3.12",
    "namespace": "science",
}


def printed(*, options: ManifestOptions = ManifestOptions(), **more: object) -> str:  # noqa: B008 - it is frozen
    return ArgoBackend({**BASE, **more}).manifests(options)


def objects(text: str) -> dict[str, dict]:
    found = [each for each in yaml.safe_load_all(text) if each]
    assert {each["metadata"]["namespace"] for each in found} == {"science"}
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in found}


def test_the_accounts_of_all_pods_get_what_argos_executor_needs_and_nothing_more() -> None:
    steps = {"train": {"service_account": "gpu"}, "load": {}}
    found = objects(printed(service_account="ithaca", steps=steps))
    assert [name for name in found if name.startswith("ServiceAccount")] == [
        "ServiceAccount/gpu",
        "ServiceAccount/ithaca",
    ]
    [rule] = found["Role/ithaca-argo-pods"]["rules"]
    assert rule == {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    }
    bound = found["RoleBinding/ithaca-argo-pods"]["subjects"]
    assert [(each["name"], each["namespace"]) for each in bound] == [
        ("gpu", "science"),
        ("ithaca", "science"),
    ]


def test_the_default_account_is_bound_but_not_created() -> None:
    found = objects(printed())
    assert not any(name.startswith("ServiceAccount") for name in found)
    assert found["RoleBinding/ithaca-argo-pods"]["subjects"][0]["name"] == "default"


def test_the_role_of_people_is_bound_to_no_account() -> None:
    text = printed()
    assert "Role/ithaca-argo-submit" in objects(text)
    assert "RoleBinding/ithaca-argo-submit" not in objects(text)
    assert "kubectl create rolebinding NAME --namespace science" in text


def test_the_same_settings_print_the_same_bytes() -> None:
    assert printed(service_account="ithaca") == printed(service_account="ithaca")


def test_the_claim_of_the_store_has_the_requested_size() -> None:
    options = ManifestOptions(claim_size="50Gi", claim_mode="ReadWriteOnce")
    spec = objects(printed(store_claim="store", options=options))["PersistentVolumeClaim/store"][
        "spec"
    ]
    assert spec["resources"]["requests"]["storage"] == "50Gi"
    assert spec["accessModes"] == ["ReadWriteOnce"]


def test_credentials_are_printed_only_on_request() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "hidden", "HOME": "/root"}
    text = printed(store_secret="keys", options=ManifestOptions(environ=environ))
    assert objects(text)["Secret/keys"]["stringData"] == {
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "hidden",
    }
    assert "do not commit" in text
    assert "Secret/keys" not in objects(printed(store_secret="keys"))


@pytest.mark.parametrize(
    ("settings", "environ"),
    [({"store_secret": "keys"}, {}), ({}, {"AWS_ACCESS_KEY_ID": "me"}),
     ({"store_secret": "keys", "store": "file:///store"}, {"AWS_ACCESS_KEY_ID": "me"})],
)  # fmt: skip
def test_a_secret_that_cannot_be_created_is_an_error(
    settings: dict[str, Any], environ: dict[str, str]
) -> None:
    with pytest.raises(UsageError) as raised:
        printed(options=ManifestOptions(environ=environ), **settings)
    assert raised.value.code == "ITH924"
    assert raised.value.cure


@pytest.mark.parametrize(
    ("store", "environ"),
    [
        ("az://c/p", {"AZURE_STORAGE_ACCOUNT_NAME": "me", "AZURE_STORAGE_ACCOUNT_KEY": "hidden"}),
        ("az://c/p", {"AZURE_STORAGE_ACCOUNT_NAME": "me", "AZURE_STORAGE_SAS_TOKEN": "hidden"}),
        ("az://c/p", {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=me;AccountKey=hidden"}),
        ("gs://b/p", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}", "GOOGLE_BASE_URL": "https://gcs.local"}),
    ],
)
def test_the_secret_holds_what_the_stores_provider_reads(
    store: str, environ: dict[str, str]
) -> None:
    options = ManifestOptions(environ={**environ, "AWS_ACCESS_KEY_ID": "of another store"})
    text = printed(store=store, store_secret="keys", options=options)
    assert objects(text)["Secret/keys"]["stringData"] == environ


def test_the_file_of_a_service_account_travels_as_its_content(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text('{"type": "service_account", "private_key": "hidden"}')
    options = ManifestOptions(environ={"GOOGLE_APPLICATION_CREDENTIALS": str(file)})
    text = printed(store="gs://b/p", store_secret="keys", options=options)
    assert objects(text)["Secret/keys"]["stringData"] == {
        "GOOGLE_SERVICE_ACCOUNT_KEY": file.read_text()
    }


@pytest.mark.parametrize("content", [None, "hidden", '{"type": "authorized_user"}'])
def test_a_credentials_file_that_no_pod_can_use_is_refused(
    content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "account.json"
    if content is not None:
        file.write_text(content)
    options = ManifestOptions(environ={"GOOGLE_APPLICATION_CREDENTIALS": str(file)})
    with pytest.raises(UsageError) as raised:
        printed(store="gs://b/p", store_secret="keys", options=options)
    assert raised.value.code == "ITH924"
    assert "hidden" not in str(raised.value)


def test_the_command_that_creates_the_secret_shows_no_value(tmp_path: Path) -> None:
    text = printed(store_secret="keys")
    [command] = [line[1:].strip() for line in text.splitlines() if "secret generic" in line]
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "$@"\nsort /dev/stdin\n')
    (tmp_path / "kubectl").chmod(0o755)
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "hi den=",
        "OTHER": "AWS_REGION=no",
    }
    done = subprocess.run(
        ["sh", "-c", command], env=environ, capture_output=True, text=True, check=True
    )
    arguments, *values = done.stdout.splitlines()
    assert shlex.split(arguments)[:4] == ["create", "secret", "generic", "keys"]
    assert values == ["AWS_ACCESS_KEY_ID=me", "AWS_SECRET_ACCESS_KEY=hi den="]
    assert "hi den" not in command
