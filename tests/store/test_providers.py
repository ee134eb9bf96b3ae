"""Providers: their schemes, the variables that pods need, and the values that logs must mask."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from ithaca.errors import UsageError
from ithaca.store import providers
from ithaca.store.providers import File, find_provider, is_secret, parse, provider_of, secret_parts


class Nfs(File):
    scheme = "nfs"
    form = "nfs:///FOLDER"


@pytest.mark.parametrize("url", ["s3://b/p", "gs://b/p", "az://b/p", "file:///p", "S3://b/p"])
def test_a_scheme_has_one_provider(url: str) -> None:
    assert provider_of(url).scheme == url.partition(":")[0].lower()


def test_an_unknown_scheme_is_an_error_that_lists_the_known_ones() -> None:
    assert find_provider("ftp://a/b") is None
    with pytest.raises(UsageError, match=r"s3://BUCKET/PREFIX, .* or file:///FOLDER"):
        parse("ftp://a/b")


def test_an_entry_point_adds_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(*, group: str, name: str) -> list[EntryPoint]:
        return [EntryPoint(name, f"{__name__}:Nfs", group)] if name == "nfs" else []

    monkeypatch.setattr(providers, "entry_points", entry_points)
    assert parse("nfs:///shared/store").path == "/shared/store"


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_the_secrets_of_pods_are_masked_and_their_endpoints_are_not(scheme: str) -> None:
    provider = provider_of(f"{scheme}://bucket")
    secret = {each.name for each in provider.variables if each.secret}
    assert {name for name in provider.pod_names() if is_secret(name)} == secret
    assert secret
    assert not is_secret(provider.endpoint)


def test_an_unknown_variable_with_a_secret_name_is_a_secret() -> None:
    assert is_secret("MY_TOKEN")
    assert not is_secret("MY_REGION")


def test_a_connection_string_and_its_key_are_both_masked() -> None:
    text = "AccountName=me;AccountKey=c2VzYW1l;EndpointSuffix=x"
    assert list(secret_parts(text)) == [text, "c2VzYW1l"]


def test_pods_get_only_variables_that_are_set() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "me", "AWS_REGION": "", "HOME": "/root"}
    assert provider_of("s3://b").pod_values(environ) == {"AWS_ACCESS_KEY_ID": "me"}
