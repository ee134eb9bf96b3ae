"""Kale's notebook metadata (`kubeflow_notebook`), old and new, as Ithaca's own.

Kale's panel wrote these keys from 2019 on. What they mean here: names and descriptions are the
workflow's, `docker_image` / `base_image` the default image, `steps_defaults` default tags,
`volumes` of the type `pvc` mounts, `katib_metadata` the study. Keys about Kale's own way to move
files and values between steps (`marshal_*`, `autosnapshot`, `abs_working_dir` …) have no meaning
here, since snapshots do that; unknown keys are other tools' and are left alone.
"""

from __future__ import annotations

from typing import Any

from ithaca.diagnostics import Diagnostic

KEY = "kubeflow_notebook"

_PLAIN = {
    "pipeline_name": "name",
    "pipeline_description": "description",
    "docker_image": "image",
    "base_image": "image",
    "steps_defaults": "steps_defaults",
}
"""Kale's key and Ithaca's; where two name one thing, the later (newer) one wins if it is filled."""


def translate(content: dict[str, Any]) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Kale's metadata in the shape of the metadata key `ithaca`.

    Args:
        content: The value of `kubeflow_notebook`.

    Returns:
        What the key `ithaca` would say, unchecked, and notices of what is not carried over.

    Example:
        >>> translate({"pipeline_name": "titanic", "volumes": []})[0]
        {'name': 'titanic'}
    """
    result: dict[str, Any] = {}
    for old, new in _PLAIN.items():
        if content.get(old):
            result[new] = content[old]
    study = _study(content.get("katib_metadata"))
    if study is not None:
        result["study"] = study
    if content.get("enable_caching") is False:
        result["cache"] = False
    notices = _volumes(content.get("volumes"), result)
    return result, notices


def _study(katib: object) -> dict[str, Any] | None:
    """Kale's panel writes an empty search into every notebook; only a filled one counts."""
    if not isinstance(katib, dict):
        return None
    objective = katib.get("objective")
    metric = objective.get("objectiveMetricName") if isinstance(objective, dict) else None
    if not katib.get("parameters") and not metric:
        return None
    return {"format": "katib", "content": katib}


def _volumes(listed: object, result: dict[str, Any]) -> list[Diagnostic]:
    """Put mounts and their variables into the result; say which volumes are not mounted."""
    if not listed:
        return []
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        result["volumes"] = listed
        return []
    notices: list[Diagnostic] = []
    volumes: list[dict[str, Any]] = []
    env: dict[str, str] = {}
    for entry in listed:
        name = entry.get("name")
        if entry.get("type") not in ("pvc", None):
            notices.append(_not_mounted(entry))
            continue
        volumes.append(
            {
                "name": name,
                "mount_path": entry.get("mount_point"),
                "claim": name,
                "read_only": False,
            }
        )
        if entry.get("expose_as_env_var") and isinstance(name, str):
            variable = name.upper().replace("-", "_").replace(".", "_")
            env[f"KALE_VOLUME_{variable}"] = str(entry.get("mount_point"))
    if volumes:
        result["volumes"] = volumes
    if env:
        result["env"] = env
    return notices


def _not_mounted(entry: dict[str, Any]) -> Diagnostic:
    return Diagnostic(
        code="ITH142",
        severity="notice",
        message=f"Kale's volume {entry.get('name')!r} (type {entry.get('type')!r}) is not mounted: "
        "the project's files travel in snapshots",
        cure="to mount data that already is in a claim, give it the type `pvc`",
    )
