"""What cannot be reached, or must not be, is said with a cure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ithaca.errors import IthacaError, NotFound, StoreError, UsageError
from ithaca.runner.pod.credentials import PREFIX
from ithaca.snapshots import Store
from ithaca.snapshots.remotes import Remote, push
from ithaca.snapshots.remotes.address import connect
from ithaca.snapshots.remotes.looking import look

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials, and none from the machine either."""
    for name in (
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
        *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ALLOW_HTTP", "AWS_CONFIG_FILE"),
        *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))


def keys(monkeypatch: pytest.MonkeyPatch, secret: str = "ithaca-secret") -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ithaca")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


def refused(url: str, *, create: bool = True) -> IthacaError:
    with pytest.raises(IthacaError) as told:
        Remote.open(url, create=create)
    assert told.value.cure
    return told.value


def test_a_server_that_does_not_answer_is_a_store_error(monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    error = refused("s3://bucket/x")
    assert (error.code, error.exit_code) == ("ITH420", 4)


def test_missing_credentials_are_a_store_error() -> None:
    error = refused("s3://bucket/x")
    assert (error.code, error.exit_code) == ("ITH421", 4)
    assert "AWS_PROFILE" in error.cure


def test_wrong_credentials_are_a_store_error(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch, "wrong")
    error = refused(s3)
    assert (error.code, error.exit_code) == ("ITH421", 4)
    assert "wrong" not in str(error)


def test_a_bucket_that_is_not_there_is_a_store_error(s3: str) -> None:
    error = refused("s3://nobody/x")
    assert (error.code, error.exit_code) == ("ITH420", 4)


def test_looking_tells_a_store_from_an_empty_place_and_that_from_no_place(s3: str) -> None:
    assert look(s3) is False
    assert not Remote(s3, connect(s3, create=False)).exists("version")
    Remote.open(s3, create=True)
    assert look(s3) is True
    with pytest.raises(StoreError, match="there is no such bucket") as raised:
        look("s3://no-such-bucket/prefix")
    assert raised.value.code == "ITH420"


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


def test_plain_text_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.example.com")
    assert refused("s3://bucket/x").code == "ITH422"
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    connect("s3://bucket/x", create=False)


@pytest.mark.parametrize(
    "url",
    ["x", "ftp://a/b", "file://relative/x", "file:///", "s3://", "s3://u:secret@b/x", "s3://b?x=1"],
)
def test_what_names_no_remote_is_a_wrong_use(url: str) -> None:
    with pytest.raises(UsageError) as told:
        Remote.open(url, create=True)
    assert told.value.code == "ITH422"
    assert "secret" not in str(told.value)


def test_a_remote_that_is_not_there_is_not_made_by_reading(url: str) -> None:
    error = refused(url, create=False)
    assert error.code in ("ITH402", "ITH420")
    if url.startswith("file"):
        assert not Path(url.removeprefix("file://")).exists()


def test_a_folder_that_is_something_else_is_no_remote(tmp_path: Path) -> None:
    Store.open(tmp_path / "store")
    assert refused(f"file://{tmp_path}/store").code == "ITH400"


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refused(f"file://{tmp_path}/file/remote")
    assert (error.code, error.exit_code) == ("ITH420", 4)


def test_without_obstore_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    error = refused(f"file://{tmp_path}/remote")
    assert (error.code, error.exit_code) == ("ITH423", 4)
    assert "ithaca[s3]" in error.cure


def test_what_the_store_lacks_is_not_pushed(store: Store, tmp_path: Path) -> None:
    remote = Remote.open(f"file://{tmp_path}/remote", create=True)
    with pytest.raises(NotFound):
        push(store, remote, ["0" * 64])
    with pytest.raises(StoreError):
        push(store, remote, documents=["0" * 64])


def test_a_pod_that_is_looked_at_reaches_the_store_with_the_credentials_of_its_own(s3: str) -> None:
    usual = {name: text for name, text in os.environ.items() if name.startswith("AWS_")}
    env = {name: text for name, text in os.environ.items() if name not in usual}
    own = {f"{PREFIX}{name}": text for name, text in usual.items()}
    command = [sys.executable, "-P", "-m", "ithaca.runner", "--check", f"--store={s3}"]
    done = subprocess.run(command, env={**env, **own}, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)["store"]
    assert told == {"found": f"{s3}, where the first run makes a store", "wrong": "", "cure": ""}
