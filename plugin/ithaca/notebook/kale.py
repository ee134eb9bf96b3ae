"""Translates Kale's notebook metadata (`kubeflow_notebook`), old and new.

Name and description become the workflow's, `docker_image` or `base_image` the default image,
`steps_defaults` default tags, `volumes` of type `pvc` mounts, and `katib_metadata` the study. Keys
about how Kale moves files and values between steps (`marshal_*`, `autosnapshot`,
`abs_working_dir` …) are ignored, because snapshots do that.
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
"""Kale's keys and Ithaca's; of two for one thing, the later (newer) one wins if it is set."""


def translate(content: dict[str, Any]) -> tuple[dict[str, Any], list[Diagnostic]]:
    """Kale's metadata in the shape of the metadata key `ithaca`.

    Args:
        content: The value of `kubeflow_notebook`.

    Returns:
        The equivalent of the key `ithaca`, unchecked, and a notice for each dropped volume.

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
    """The search, unless it is the empty one that Kale's panel writes into every notebook."""
    if not isinstance(katib, dict):
        return None
    objective = katib.get("objective")
    metric = objective.get("objectiveMetricName") if isinstance(objective, dict) else None
    if not katib.get("parameters") and not metric:
        return None
    return {"format": "katib", "content": katib}


def _volumes(listed: object, result: dict[str, Any]) -> list[Diagnostic]:
    """Add mounts and their variables to the result; report volumes that are not mounted."""
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
        "snapshots carry the project's files",
        cure="to mount data of an existing claim, set the type to `pvc`",
    )
