"""The notebook's own metadata: the keys `ithaca` and, from Kale, `kubeflow_notebook`.

Where both have a key, `ithaca` wins.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from ithaca.diagnostics import Diagnostic, about_tag
from ithaca.errors import suggest
from ithaca.model.workflow import Study, Volume
from ithaca.notebook import kale
from ithaca.notebook.model import dns_label
from ithaca.notebook.read import RawNotebook
from ithaca.notebook.settings import Placed, Slot, collect
from ithaca.notebook.tags import SETTINGS, parse_tag

KEY = "ithaca"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The workflow's settings in a notebook's metadata.

    Attributes:
        name: A DNS label; from the file's name when the metadata has none.
        description: For people.
        defaults: Settings of every step that does not override them.
        volumes: The volumes to mount.
        study: A search, as written.
    """

    name: str
    description: str = ""
    defaults: dict[Slot, Any] = {}
    volumes: tuple[Volume, ...] = ()
    study: Study | None = None


class _Content(msgspec.Struct, forbid_unknown_fields=False):
    """The content of the key `ithaca`."""

    name: str = ""
    description: str = ""
    image: str = ""
    steps_defaults: list[str] = []
    volumes: list[Volume] = []
    study: dict[str, Any] | None = None
    cache: bool = True
    env: dict[str, str] = {}


def read_metadata(raw: RawNotebook) -> tuple[Metadata, list[Diagnostic]]:
    """Read and check a notebook's metadata.

    Args:
        raw: The notebook.

    Returns:
        The metadata, without invalid keys, and its diagnostics.
    """
    found: list[Diagnostic] = []
    old = _mapping(raw, kale.KEY, found)
    own = _mapping(raw, KEY, found)
    translated, notices = kale.translate(old)
    found += notices
    checked = _checked(translated, kale.KEY, found)
    content = _Content(**{**checked, **_checked(own, KEY, found)})
    found += _misspelt(own)
    defaults, problems = _defaults(content)
    found += problems
    names: set[str] = set()
    for volume in content.volumes:
        if reason := _volume_fault(volume, names):
            found.append(_wrong(f"volume {volume.name!r} {reason}", "correct the volume"))
        names.add(volume.name)
    name = dns_label(content.name) or dns_label(PurePosixPath(raw.relative).stem) or "notebook"
    return Metadata(
        name=name,
        description=content.description,
        defaults=defaults,
        volumes=tuple(content.volumes),
        study=_study(content.study),
    ), found


def _mapping(raw: RawNotebook, key: str, found: list[Diagnostic]) -> dict[str, Any]:
    value = raw.metadata.get(key, {})
    if isinstance(value, dict):
        return value
    found.append(_wrong(f"metadata key `{key}` must be an object", f"write {{}} for `{key}`"))
    return {}


def _checked(content: dict[str, Any], key: str, found: list[Diagnostic]) -> dict[str, Any]:
    """The fields of the right type; the others are reported."""
    result: dict[str, Any] = {}
    for field in msgspec.structs.fields(_Content):
        if field.name not in content:
            continue
        try:
            result[field.name] = msgspec.convert(content[field.name], field.type)
        except msgspec.ValidationError as error:
            found.append(
                _wrong(
                    f"`{field.name}` in metadata key `{key}` is invalid: {error}",
                    "write a list of tags"
                    if field.name == "steps_defaults"
                    else f"see `{field.name}` in the tag reference",
                )
            )
    return result


def _wrong(message: str, cure: str) -> Diagnostic:
    return about_tag("ITH140", message, cure)


def _misspelt(content: dict[str, Any]) -> list[Diagnostic]:
    known = [field.name for field in msgspec.structs.fields(_Content)]
    return [
        about_tag(
            "ITH141",
            f'unknown key "{key}" in metadata key `{KEY}`{suggestion}',
            f"use one of {', '.join(known)}",
            severity="warning",
        )
        for key in content
        if key not in known and (suggestion := suggest(key, known))
    ]


def _defaults(content: _Content) -> tuple[dict[Slot, Any], list[Diagnostic]]:
    """The default settings, from tags and from the keys that name one setting."""
    found: list[Diagnostic] = []
    placed: list[Placed] = []
    for text in content.steps_defaults:
        tag, problem = parse_tag(text)
        if problem is None and (tag is None or tag.kind not in SETTINGS):
            problem = about_tag(
                "ITH118",
                f'"{text}" does not configure a step',
                f"use one of {', '.join(f'`{word}:…`' for word in sorted(SETTINGS))}",
                text,
            )
        if problem is not None:
            message = f"{problem.message} (in steps_defaults)"
            found.append(msgspec.structs.replace(problem, message=message, severity="error"))
        elif tag is not None:
            placed.append((tag, None))
    slots, conflicts = collect(placed)
    others: dict[Slot, Any] = {("env", name): value for name, value in content.env.items()}
    if content.image:
        others["image", ""] = content.image
    if not content.cache:
        others["cache", ""] = False
    return {**others, **slots}, found + conflicts


def _volume_fault(volume: Volume, names: set[str]) -> str | None:
    if not volume.name or dns_label(volume.name) != volume.name:
        return "must have a DNS label (a-z, 0-9, hyphens) as its name"
    if volume.name in names:
        return "is defined twice"
    if not volume.mount_path.startswith("/") or ".." in volume.mount_path.split("/"):
        return f"is mounted at {volume.mount_path!r}, which is not an absolute path"
    if (volume.claim is None) == (volume.path is None):
        return "needs either a `claim` or a `path`"
    return None


def _study(content: dict[str, Any] | None) -> Study | None:
    if content is None:
        return None
    if isinstance(content.get("format"), str) and isinstance(content.get("content"), dict):
        return Study(format=content["format"], content=content["content"])
    return Study(format="ithaca", content=content)
