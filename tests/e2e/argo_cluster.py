"""A cluster with Argo for the end-to-end tests, or the reason why there is none."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGE = os.environ.get("ITHACA_E2E_IMAGE", "local/ithaca:dev")
"""An image that holds this Ithaca, numpy and scikit-learn."""

FOREIGN = os.environ.get("ITHACA_E2E_FOREIGN", "local/python:dev")
"""An image with Python and ipykernel, but without Ithaca."""

STORE = os.environ.get("ITHACA_E2E_STORE", "s3://ithaca/e2e")
ENDPOINT = os.environ.get("ITHACA_E2E_ENDPOINT", "http://10.244.0.1:7070")
KEY = os.environ.get("ITHACA_E2E_KEY", "ithaca")
SECRET = os.environ.get("ITHACA_E2E_SECRET", "ithaca-secret")

CREDENTIALS = {
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ALLOW_HTTP": "true",
    "AWS_REGION": "us-east-1",
}


@functools.cache
def reason() -> str:
    """Why no test can run on a cluster; empty when they can."""
    if "KUBECONFIG" not in os.environ:
        return "KUBECONFIG names no cluster"
    from ithaca.backends.kubernetes import Cluster
    from ithaca.errors import BackendError

    try:
        if not Cluster.connect().has_api("argoproj.io"):
            return "the cluster of KUBECONFIG has no Argo Workflows"
    except BackendError as error:
        return f"the cluster of KUBECONFIG does not answer: {error.message}"
    return ""


@functools.cache
def no_foreign_image() -> str:
    """Why no step can run in an image without Ithaca; empty when one can."""
    if reason() or "ITHACA_E2E_FOREIGN" in os.environ:
        return reason()
    from lightkube import Client
    from lightkube.resources.core_v1 import Node

    nodes = Client().list(Node)
    images = [each for node in nodes if node.status for each in node.status.images or ()]
    known = [name for each in images for name in each.names or ()]
    if any(name.endswith(f"/{FOREIGN}") for name in known):
        return ""
    return f"no node has {FOREIGN}, and ITHACA_E2E_FOREIGN names no other image"


def prepare(namespace: str = "default") -> None:
    """The secret with the store's credentials."""
    from ithaca.backends.kubernetes import Cluster

    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "ithaca-store"},
        "stringData": CREDENTIALS,
    }
    Cluster.connect(namespace=namespace).apply(secret)


def project(folder: Path, more: str = "", image: str = IMAGE) -> None:
    """The settings of a project that runs on the cluster."""
    (folder / "pyproject.toml").write_text(
        f"""[tool.ithaca.argo]
namespace = "default"
image = "{image}"
image_pull_policy = "IfNotPresent"
store_secret = "ithaca-store"
backoff = {{duration = "1s"}}
{more}
"""
    )


def write(folder: Path, *cells: tuple[str, str]) -> None:
    """A notebook `nb.ipynb` of cells, each its tags and its source."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "metadata": {"tags": tags.split(" ")},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, (tags, source) in enumerate(cells)
        ],
    }
    (folder / "nb.ipynb").write_text(json.dumps(content))


def environment(folder: Path, **env: str) -> dict[str, str]:
    """The variables of a user whose store is the cluster's."""
    return {**os.environ, **CREDENTIALS, "ITHACA_STORE": f"{STORE}/{folder.name}", **env}


def ithaca(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Call the command line as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "ithaca", *words],
        cwd=folder,
        env=environment(folder, **env),
        capture_output=True,
        text=True,
        check=False,
    )


def run(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Run a notebook on Argo; gives the exit code and the object that `--json` prints."""
    done = ithaca(folder, "run", *words, "--backend", "argo", "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def steps(told: dict[str, Any]) -> dict[str, str]:
    """How the steps of a run stand."""
    return {each["name"]: each["status"] for each in told["steps"]}


def wait_for(folder: Path, run_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The run once something holds of it; it must hold before the run ends, or at its end."""
    while True:
        told: dict[str, Any] = json.loads(ithaca(folder, "runs", "show", run_id, "--json").stdout)
        if holds(told):
            return told
        assert told["status"] in ("pending", "running"), told
        time.sleep(1)
