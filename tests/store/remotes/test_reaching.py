"""Unreachable and refused remotes are errors with a cure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from servers import PROVIDERS

from ithaca.errors import IthacaError, NotFound, StoreError, UsageError
from ithaca.runner.pod.credentials import PREFIX
from ithaca.store import LocalStore, Store
from ithaca.store.providers import connect
from ithaca.store.remotes import Remote, push

NOWHERE = "http://127.0.0.1:9"


SETTINGS = {
    "s3": {"AWS_ACCESS_KEY_ID": "ithaca", "AWS_SECRET_ACCESS_KEY": "secret"},
    "az": {"AZURE_STORAGE_ACCOUNT_NAME": "ithaca", "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0"},
    "gs": {"GOOGLE_BEARER_TOKEN": "secret"},
}
"""Well-formed credentials of each provider that no server accepts."""

ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP"),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ALLOW_HTTP"),
    "gs": ("GOOGLE_BASE_URL", "GOOGLE_ALLOW_HTTP"),
}
each_provider = pytest.mark.parametrize("scheme", list(SETTINGS))


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove all credentials, including those of the machine."""
    for name in os.environ:
        if name.startswith(PROVIDERS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))


def set_variables(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)


def open_error(url: str, *, create: bool = True) -> IthacaError:
    with pytest.raises(IthacaError) as raised:
        Remote.open(url, create=create)
    assert raised.value.cure
    return raised.value


@each_provider
def test_a_server_that_does_not_answer_is_a_store_error(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, _ = ENDPOINTS[scheme]
    set_variables(monkeypatch, {**SETTINGS[scheme], endpoint: NOWHERE})
    error = open_error(f"{scheme}://bucket/x")
    assert (error.code, error.exit_code) == ("ITH420", 4)
    assert endpoint in error.cure


@pytest.mark.parametrize(
    ("scheme", "variables", "cure"),
    [
        ("s3", {}, "AWS_PROFILE"),
        ("az", {}, "AZURE_STORAGE_ACCOUNT_NAME"),
        ("gs", {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere"}, "gcloud auth"),
    ],
)
def test_missing_credentials_are_a_store_error(
    scheme: str, variables: dict[str, str], cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(monkeypatch, variables)
    error = open_error(f"{scheme}://bucket/x")
    assert (error.code, error.exit_code) == ("ITH421", 4)
    assert cure in error.cure


@pytest.mark.parametrize(
    ("scheme", "variables"),
    [
        ("az", {**SETTINGS["az"], "AZURE_STORAGE_ACCOUNT_KEY": "sesame?"}),
        ("gs", {"GOOGLE_SERVICE_ACCOUNT_KEY": "sesame?"}),
    ],
)
def test_malformed_credentials_are_a_store_error(
    scheme: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_variables(monkeypatch, variables)
    error = open_error(f"{scheme}://bucket/x")
    assert (error.code, error.exit_code) == ("ITH421", 4)
    assert "sesame" not in str(error)


def test_wrong_credentials_are_a_store_error(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = SETTINGS[cloud.partition(":")[0]]
    set_variables(monkeypatch, variables)
    error = open_error(cloud)
    assert (error.code, error.exit_code) == ("ITH421", 4)
    assert not any(text in error.message for text in variables.values() if text != "ithaca")


def test_an_identity_without_a_token_is_a_credentials_error(
    az: str, az_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID"):
        monkeypatch.setenv(f"AZURE_{name}", "nobody")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", az_server)  # which issues no tokens
    error = open_error(az)
    assert (error.code, error.exit_code) == ("ITH421", 4)
    assert "token request" in error.message


def test_a_signature_works_without_a_key(
    az: str, az_signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", az_signature)
    assert Remote.open(az, create=True).exists("version")


def test_a_wrong_signature_is_refused_and_not_shown(
    az: str, az_signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", az_signature.replace("sig=", "sig=Wrong"))
    error = open_error(az)
    assert error.code == "ITH421"
    assert "Wrong" not in str(error)


def test_a_missing_bucket_is_a_store_error(cloud: str) -> None:
    error = open_error(cloud.replace("bucket", "nobody"))
    assert (error.code, error.exit_code) == ("ITH420", 4)
    assert "no such bucket" in error.message


def test_probing_distinguishes_a_store_an_empty_bucket_and_a_missing_one(cloud: str) -> None:
    assert Remote.probe(cloud) is False
    assert not Remote(cloud, connect(cloud, create=False)).exists("version")
    Remote.open(cloud, create=True)
    assert Remote.probe(cloud) is True
    with pytest.raises(StoreError, match="no such bucket") as raised:
        Remote.probe(cloud.replace("bucket", "no-such-bucket"))
    assert raised.value.code == "ITH420"


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"], False),
        (["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY"], False),
        (["AccountName", "AccountKey"], True),
    ],
)
def test_each_variable_for_an_azure_account_works(
    names: list[str], whole: bool, az: str, az_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [os.environ["AZURE_STORAGE_ACCOUNT_NAME"], os.environ["AZURE_STORAGE_ACCOUNT_KEY"]]
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"):
        monkeypatch.delenv(name)
    variables = dict(zip(names, values, strict=True))
    if whole:
        monkeypatch.delenv("AZURE_STORAGE_ENDPOINT")
        parts = {"DefaultEndpointsProtocol": "http", **variables, "BlobEndpoint": f"{az_server}/"}
        text = ";".join(f"{name}={value}" for name, value in parts.items())
        variables = {"AZURE_STORAGE_CONNECTION_STRING": text}
    set_variables(monkeypatch, variables)
    assert Remote.open(az, create=True).exists("version")


@pytest.mark.parametrize("variable", ["AZURE_STORAGE_USE_EMULATOR", "connection string"])
def test_the_azure_emulator_needs_no_account(
    variable: str, az_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable == "connection string":
        variables = {"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}
    else:
        variables = {variable: "true"}
    set_variables(
        monkeypatch, {**variables, "AZURITE_BLOB_STORAGE_URL": az_server.removesuffix("/ithaca")}
    )
    assert Remote.open(f"az://bucket/{uuid.uuid4().hex}", create=True).exists("version")


def test_the_google_emulator_gets_no_real_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_variables(monkeypatch, {"STORAGE_EMULATOR_HOST": "127.0.0.1:1", **SETTINGS["gs"]})
    config = connect("gs://bucket/x", create=False).config
    assert config["base_url"] == "http://127.0.0.1:1"  # type: ignore[typeddict-item]
    assert "secret" not in config.values()


@pytest.mark.parametrize("where", ["environment", "profile", "default"])
def test_credentials_come_from_the_environment_or_a_profile(
    where: str, s3: str, s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if where != "environment":
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        name = "default" if where == "default" else "mine"
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "credentials").write_text(
            f"[{name}]\naws_access_key_id = ithaca\naws_secret_access_key = ithaca-secret\n"
        )
        title = name if name == "default" else f"profile {name}"
        (tmp_path / ".aws" / "config").write_text(
            f"[{title}]\nregion = us-east-1\nendpoint_url = {s3_server}\n"
        )
        if where == "profile":
            monkeypatch.setenv("AWS_PROFILE", name)
    assert Remote.open(s3, create=True).exists("version")


@each_provider
def test_unencrypted_connections_are_limited_to_this_machine(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, trusted = ENDPOINTS[scheme]
    set_variables(monkeypatch, {**SETTINGS[scheme], endpoint: "http://store.example.com"})
    error = open_error(f"{scheme}://bucket/x")
    assert error.code == "ITH422"
    assert trusted in error.cure
    monkeypatch.setenv(trusted, "true")
    connect(f"{scheme}://bucket/x", create=False)


@pytest.mark.parametrize(
    "url",
    ["x", "ftp://a/b", "file://relative/x", "file:///", "s3://", "s3://u:secret@b/x", "s3://b?x=1"],
)
def test_a_url_that_does_not_name_a_remote_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Remote.open(url, create=True)
    assert raised.value.code == "ITH422"
    assert "secret" not in str(raised.value)


def test_reading_does_not_create_a_remote(url: str) -> None:
    error = open_error(url, create=False)
    assert error.code in ("ITH402", "ITH420")
    if url.startswith("file"):
        assert not Path(url.removeprefix("file://")).exists()


def test_a_folder_with_other_content_is_not_a_remote(tmp_path: Path) -> None:
    LocalStore.open(tmp_path / "store")
    assert open_error(f"file://{tmp_path}/store").code == "ITH400"


def test_a_folder_that_cannot_be_created_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = open_error(f"file://{tmp_path}/file/remote")
    assert (error.code, error.exit_code) == ("ITH420", 4)


def test_without_obstore_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    error = open_error(f"file://{tmp_path}/remote")
    assert (error.code, error.exit_code) == ("ITH423", 4)
    assert "ithaca[s3]" in error.cure


def test_pushing_something_that_the_store_lacks_is_an_error(store: Store, tmp_path: Path) -> None:
    remote = Remote.open(f"file://{tmp_path}/remote", create=True)
    with pytest.raises(NotFound):
        push(store, remote, ["0" * 64])
    with pytest.raises(StoreError):
        push(store, remote, documents=["0" * 64])


def test_a_pod_check_reaches_the_store_with_its_own_credentials(
    cloud: str,
) -> None:
    usual = {name: text for name, text in os.environ.items() if name.startswith(PROVIDERS)}
    env = {name: text for name, text in os.environ.items() if name not in usual}
    own = {f"{PREFIX}{name}": text for name, text in usual.items()}
    command = [sys.executable, "-P", "-m", "ithaca.runner", "--check", f"--store={cloud}"]
    done = subprocess.run(command, env={**env, **own}, capture_output=True, text=True, check=False)
    seen = json.loads(done.stdout)["store"]
    assert seen == {
        "found": f"{cloud}, where the first run makes a store",
        "wrong": "",
        "cure": "",
    }
