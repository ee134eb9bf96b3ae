"""The credentials of the store: for the runner, for no kernel, and for no log."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pod_project import Cluster
from step_project import Project, step

from ithaca.backends.kubernetes.command import STORE_PREFIX
from ithaca.runner.pod import credentials

slow = pytest.mark.slow


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Cluster:
    return Cluster(project, tmp_path)


@slow
def test_the_credentials_of_the_store_reach_the_runner_but_no_kernel(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("ITHACA_REMOTE_AWS_SECRET_ACCESS_KEY", "sesame-open-up")
    source = (
        "import os\n"
        "seen = sorted(name for name in os.environ if 'AWS_SECRET' in name or 'REMOTE' in name)\n"
        "print('seen', seen, 'sesame' + '-open-up')"
    )
    cluster.project.define(step("a", source))
    cluster.submit()
    pod = cluster.step("a")
    assert pod.code == 0, pod.output
    assert "seen [] ***" in cluster.journal.log("a", 1)[0].decode()


def test_credentials_have_standard_names_only_while_the_store_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(credentials, "_taken", {})
    monkeypatch.setenv("AWS_REGION", "the cells' own")
    monkeypatch.setenv(f"{credentials.PREFIX}AWS_REGION", "the store's")
    monkeypatch.setenv(f"{credentials.PREFIX}AWS_ACCESS_KEY_ID", "id")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    credentials.take()
    assert "ITHACA_REMOTE_AWS_REGION" not in os.environ
    with credentials.shown():
        assert (os.environ["AWS_REGION"], os.environ["AWS_ACCESS_KEY_ID"]) == ("the store's", "id")
    assert os.environ["AWS_REGION"] == "the cells' own"
    assert "AWS_ACCESS_KEY_ID" not in os.environ
    assert credentials.PREFIX == STORE_PREFIX


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("AWS_SECRET_ACCESS_KEY", "sesame-open-up", "sesame-open-up"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "c2VzYW1lLW9wZW4=", "c2VzYW1lLW9wZW4="),
        ("AZURE_STORAGE_SAS_TOKEN", "sv=2026&sig=sesame", "sv=2026&sig=sesame"),
        (
            "AZURE_STORAGE_CONNECTION_STRING",
            "AccountName=me;AccountKey=c2VzYW1lLW9wZW4=;EndpointSuffix=x",
            "c2VzYW1lLW9wZW4=",
        ),
        (
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            json.dumps(
                {"private_key": "-----BEGIN KEY-----\nc2VzYW1l\nb3BlbnVw\n-----END KEY-----"}
            ),
            "b3BlbnVw",
        ),
    ],
)
def test_a_secret_of_the_store_is_masked_inside_longer_secrets(
    name: str, value: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_taken", {})
    monkeypatch.setenv(f"{credentials.PREFIX}{name}", value)
    credentials.take()
    assert {value, shown} <= {*credentials.secrets()}
    assert not any("-----" in each for each in credentials.secrets() if each != value)
