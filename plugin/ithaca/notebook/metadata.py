"""The notebook's own metadata: the keys `ithaca` and, from Kale, `kubeflow_notebook`.

Both may be there; what `ithaca` says comes first, key by key.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.errors import suggest
from ithaca.model.workflow import Study, Volume
from ithaca.notebook import kale
from ithaca.notebook.names import dns_label
from ithaca.notebook.read import RawNotebook
from ithaca.notebook.settings import Placed, Slot, collect
from ithaca.notebook.tags import SETTINGS, parse_tag

KEY = "ithaca"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a notebook's metadata says of its workflow.

    Attributes:
        name: A DNS label; from the file's name when the metadata is silent.
        description: For people.
        defaults: Settings of every step that does not say otherwise.
        volumes: What is mounted.
        study: A search, as it was written.
    """

    name: str
    description: str = ""
    defaults: dict[Slot, Any] = {}
    volumes: tuple[Volume, ...] = ()
    study: Study | None = None


class _Content(msgspec.Struct, forbid_unknown_fields=False):
    """The key `ithaca`, as it is written."""

    name: str = ""
    description: str = ""
    image: str = ""
    steps_defaults: list[str] = []
    volumes: list[Volume] = []
    study: dict[str, Any] | None = None
    cache: bool = True
    env: dict[str, str] = {}


def read_metadata(raw: RawNotebook) -> tuple[Metadata, list[Diagnostic]]:
    """What a notebook's metadata says, and what is wrong with it.

    Args:
        raw: The notebook.

    Returns:
        The metadata; a key that is wrong counts as absent.
    """
    found: list[Diagnostic] = []
    old = _mapping(raw, kale.KEY, found)
    own = _mapping(raw, KEY, found)
    translated, notices = kale.translate(old)
    found += notices
    content = _Content(
        **{
            **_checked(translated, kale.KEY, found),
            **_checked(own, KEY, found),
        }
    )
    found += _misspelt(own)
    defaults, problems = _defaults(content)
    found += problems
    volumes, problems = _volumes(content.volumes)
    found += problems
    name = dns_label(content.name) or dns_label(PurePosixPath(raw.relative).stem) or "notebook"
    return Metadata(
        name=name,
        description=content.description,
        defaults=defaults,
        volumes=volumes,
        study=_study(content.study),
    ), found


def _mapping(raw: RawNotebook, key: str, found: list[Diagnostic]) -> dict[str, Any]:
    value = raw.metadata.get(key, {})
    if isinstance(value, dict):
        return value
    found.append(_wrong(f"the notebook's metadata `{key}` is no object", f"{{}} for `{key}`"))
    return {}


def _checked(content: dict[str, Any], key: str, found: list[Diagnostic]) -> dict[str, Any]:
    """The fields that have the right shape; the others are reported."""
    result: dict[str, Any] = {}
    for field in msgspec.structs.fields(_Content):
        if field.name not in content:
            continue
        try:
            result[field.name] = msgspec.convert(content[field.name], field.type)
        except msgspec.ValidationError as error:
            found.append(
                _wrong(
                    f"in the notebook's metadata `{key}`, `{field.name}` is wrong: {error}",
                    "a list of tags"
                    if field.name == "steps_defaults"
                    else f"what the tag reference says of `{field.name}`",
                )
            )
    return result


def _wrong(message: str, wanted: str) -> Diagnostic:
    return Diagnostic(code="ITH140", severity="error", message=message, cure=f"write {wanted}")


def _misspelt(content: dict[str, Any]) -> list[Diagnostic]:
    known = [field.name for field in msgspec.structs.fields(_Content)]
    return [
        Diagnostic(
            code="ITH141",
            severity="warning",
            message=f'unknown key "{key}" in the notebook\'s metadata `{KEY}`{suggestion}',
            cure=f"the keys are {', '.join(known)}",
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
            problem = Diagnostic(
                code="ITH118",
                severity="error",
                message=f"`{text}` in steps_defaults sets nothing of a step",
                cure=f"write one of {', '.join(f'`{word}:…`' for word in sorted(SETTINGS))}",
                source=text,
            )
        if problem is not None:
            message = f"{problem.message} (in steps_defaults)".replace(
                " in steps_defaults sets nothing of a step (in steps_defaults)",
                " in steps_defaults sets nothing of a step",
            )
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


def _volumes(listed: list[Volume]) -> tuple[tuple[Volume, ...], list[Diagnostic]]:
    found: list[Diagnostic] = []
    names: set[str] = set()
    for volume in listed:
        if reason := _volume_fault(volume, names):
            found.append(_wrong(f"the volume {volume.name!r} {reason}", "a volume that can be"))
        names.add(volume.name)
    return tuple(listed), found


def _volume_fault(volume: Volume, names: set[str]) -> str | None:
    if not volume.name or dns_label(volume.name) != volume.name:
        return "has no DNS label (a-z, 0-9, hyphens) as its name"
    if volume.name in names:
        return "is there twice"
    if not volume.mount_path.startswith("/") or ".." in volume.mount_path.split("/"):
        return f"is mounted at {volume.mount_path!r}, which is no absolute path"
    if (volume.claim is None) == (volume.path is None):
        return "needs either a `claim` or a `path`"
    return None


def _study(content: dict[str, Any] | None) -> Study | None:
    if content is None:
        return None
    if isinstance(content.get("format"), str) and isinstance(content.get("content"), dict):
        return Study(format=content["format"], content=content["content"])
    return Study(format="ithaca", content=content)
