"""Steps in images that hold no Ithaca, on a real cluster: a first container brings it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import argo_cluster as cluster
import pytest

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(cluster.no_foreign_image()), reason=cluster.no_foreign_image() or "there is one"
    ),
]

ALONE = (
    "import importlib.util, os, subprocess, sys\n"
    "assert importlib.util.find_spec('ithaca') is None\n"
    "said = subprocess.run('env; cat /proc/self/maps', shell=True, text=True,\n"
    "                      capture_output=True, check=True).stdout\n"
    "assert '/ithaca/' not in said + str(sys.path) + open('/proc/self/maps').read(), said\n"
)
"""A cell that fails when it, or what it starts, sees anything of the copy."""


@pytest.fixture(scope="module", autouse=True)
def secret() -> None:
    cluster.prepare()


def project(tmp_path: Path, more: str = "") -> Path:
    folder = tmp_path / f"p{uuid.uuid4().hex[:8]}"
    (folder / ".git").mkdir(parents=True)
    told = f'runner_image = "{cluster.IMAGE}"\n{more}'
    cluster.project(folder, told, image=cluster.FOREIGN)
    return folder


def test_a_notebook_runs_in_an_image_without_ithaca_and_is_known_the_next_time(
    tmp_path: Path,
) -> None:
    folder = project(tmp_path)
    cluster.write(
        folder,
        ("step:load", f"{ALONE}rows = [1, 2, 3]\nopen('rows.txt', 'w').write(str(rows))"),
        ("step:total prev:load", "total = sum(rows) + len(open('rows.txt').read())"),
        ("pipeline-metrics", "print(total)"),
    )
    code, told = cluster.run(folder, "nb.ipynb")
    assert (code, told["metrics"]) == (0, {"total": 15}), told
    code, again = cluster.run(folder, "nb.ipynb")
    assert (code, {each["status"] for each in again["steps"]}) == (0, {"reused"})


def test_a_step_runs_as_any_user_on_a_file_system_that_is_read_only(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        """security_context = {runAsUser = 12345, runAsGroup = 12345, runAsNonRoot = true}
[tool.ithaca.argo.pod_patch]
containers = [{name = "main", securityContext = {readOnlyRootFilesystem = true}}]
""",
    )
    cluster.write(
        folder,
        (
            "step:a",
            "import os, tempfile\n"
            "from pathlib import Path\n"
            "assert not os.access('/', os.W_OK)\n"
            "(Path.home() / 'mine').write_text('x')\n"
            "tempfile.TemporaryFile().close()\n"
            "user = os.getuid()",
        ),
        ("pipeline-metrics", "print(user)"),
    )
    code, told = cluster.run(folder, "nb.ipynb")
    shown = cluster.ithaca(folder, "runs", "show", told["id"], "--json")
    assert (code, told["metrics"]) == (0, {"user": 12345}), json.loads(shown.stdout)
