"""Stores that only a project's own files name are read when their user trusts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ithaca.errors import StoreError, UsageError
from ithaca.runs.handle import open_runs
from ithaca.runs.project import find_project
from ithaca.runs.trust import forget, is_trusted, place, trust, trusted
from ithaca.store.remotes import Remote


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ITHACA_STORE", "ITHACA_STORE_ACCESS", "ITHACA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "ithaca" / "trusted-stores"


@pytest.fixture
def url(tmp_path: Path) -> str:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    url = f"file://{tmp_path}/remote"
    (root / "pyproject.toml").write_text(f'[tool.ithaca]\nstore = "{url}"\n')
    Remote.open(url, create=True)
    return url


def test_only_the_user_can_read_the_list(config: Path) -> None:
    trust("s3://bucket/team")
    assert place() == config
    assert config.stat().st_mode & 0o777 == 0o600
    assert config.parent.stat().st_mode & 0o777 == 0o700
    assert trusted() == ("s3://bucket/team",)


def test_a_variable_sets_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ITHACA_CONFIG", str(tmp_path / "mine"))
    trust("s3://bucket/team")
    assert (tmp_path / "mine" / "trusted-stores").is_file()
    monkeypatch.delenv("ITHACA_CONFIG")
    assert trusted() == ()


@pytest.mark.parametrize(
    "below", ["s3://b/p", "s3://b/p/", "s3://b/p/q", "S3://b/p/q/r", "s3://b/%70/q", "s3://b//p"]
)
def test_a_url_below_a_trusted_store_is_trusted(below: str) -> None:
    trust("s3://b/p/")
    assert is_trusted(below)


@pytest.mark.parametrize(
    "elsewhere",
    ["s3://b", "s3://b/", "s3://b/pq", "s3://b/o", "s3://bb/p", "gs://b/p", "s3://b/p/../o",
     "s3://b/p/%2e%2e/o", "s3://B/p", "s3://b/p%2Fq/../../o",
     "file:///b/p"],
)  # fmt: skip
def test_a_url_that_resembles_a_trusted_store_is_not_trusted(elsewhere: str) -> None:
    trust("s3://b/p")
    assert not is_trusted(elsewhere)


@pytest.mark.parametrize(
    "url", ["s3://", "bucket/p", "s3://b/p?x=1", "s3://key@b/p", "file:///", "file:///a/../b"]
)
def test_a_url_that_does_not_name_a_store_cannot_be_trusted(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        trust(url)
    assert raised.value.code == "ITH422"
    assert trusted() == ()


def test_trust_can_be_revoked(config: Path) -> None:
    trust("s3://b/p")
    trust("s3://b/o")
    forget("s3://b/p/")
    assert trusted() == ("s3://b/o",)
    with pytest.raises(UsageError, match="not in the list") as raised:
        forget("s3://b/o/deeper")
    assert raised.value.cure == "`ithaca store trust --forget s3://b/o`"
    assert config.is_file()


def test_an_unreadable_list_is_an_error(config: Path) -> None:
    config.mkdir(parents=True)
    with pytest.raises(StoreError) as raised:
        trusted()
    assert raised.value.code == "ITH921"
    assert raised.value.where == str(config)


def test_a_store_that_the_project_names_is_used_once_it_is_trusted(
    url: str, tmp_path: Path
) -> None:
    root = tmp_path / "project"
    with pytest.raises(UsageError) as raised:
        find_project(root).store_url()
    assert raised.value.code == "ITH916"
    assert find_project(root).remote is None
    assert f"`ithaca store trust {url}`" in raised.value.cure
    trust(url)
    assert find_project(root).store_url() == url
    assert open_runs(find_project(root)) == []
    assert find_project(root).remote == url


def test_a_store_in_a_backends_table_needs_trust_too(url: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "pyproject.toml").write_text(f'[tool.ithaca.argo]\nstore = "{url}"\n')
    project = find_project(root)
    with pytest.raises(UsageError) as raised:
        project.store_url(project.backend("argo"))
    assert raised.value.code == "ITH916"
    trust(url)
    assert project.store_url(project.backend("argo")) == url


@pytest.mark.parametrize("access", ["read", "none"])
def test_read_access_writes_nothing(url: str, tmp_path: Path, access: str) -> None:
    project = find_project(tmp_path / "project", {"store": url, "store_access": access})
    with pytest.raises(UsageError) as raised:
        project.store_url(writing=True)
    assert (raised.value.code, raised.value.exit_code) == ("ITH920", 2)
    with pytest.raises(UsageError) as raised:
        project.shared(url).put(b"x")
    assert raised.value.code == "ITH920"
    written = [path for path in (tmp_path / "remote").rglob("*") if path.is_file()]
    assert [path.name for path in written] == ["version"]


def test_without_access_no_remote_is_used(url: str, tmp_path: Path) -> None:
    gone = "file:///nowhere/at/all"
    project = find_project(tmp_path / "project", {"store": gone, "store_access": "none"})
    assert project.remote is None
    assert open_runs(project) == []
    with pytest.raises(UsageError) as raised:
        project.store_url()
    assert raised.value.code == "ITH920"


def test_an_unknown_access_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write, read or none"):
        open_runs(find_project(tmp_path / "project", {"store_access": "all"}))
