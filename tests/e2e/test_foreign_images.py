"""Pods of images without Ithaca, with settings that only Kubernetes has."""

from __future__ import annotations

import pytest

from cluster_places import ArgoPlace

pytestmark = pytest.mark.cluster


def test_a_step_runs_as_any_user_on_a_read_only_file_system(argo: ArgoPlace) -> None:
    argo.use_image_without_ithaca(
        """security_context = {runAsUser = 12345, runAsGroup = 12345, runAsNonRoot = true}
[tool.ithaca.argo.pod_patch]
containers = [{name = "main", securityContext = {readOnlyRootFilesystem = true}}]
"""
    )
    argo.notebook(
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
    code, result = argo.run()
    assert (code, result["metrics"]) == (0, {"user": 12345}), result
