"""Reads a workflow from JSON, and gives its JSON Schema."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from ithaca.errors import UsageError
from ithaca.model.workflow import IR_VERSION, REQUIRES_RUNNER, Workflow

_UPGRADE = "upgrade Ithaca here, or compile the notebook with this version"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Versions(msgspec.Struct):
    ir_version: str = ""
    requires_runner: str = ""


def from_json(data: bytes | str, *, where: str = "") -> Workflow:
    """Read a workflow from its JSON.

    Args:
        data: The output of `Workflow.to_json`, from any version of Ithaca.
        where: The file or document, for messages.

    Returns:
        The workflow.

    Raises:
        UsageError: It is not a workflow, is damaged, or needs a newer version of Ithaca.

    Example:
        >>> from_json("{}")
        Traceback (most recent call last):
        ithaca.errors.UsageError: ITH331: not a workflow: the JSON has no `ir_version`
          → compile the notebook again
    """
    try:
        versions = msgspec.json.decode(data, type=_Versions)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused("ITH330", f"not a workflow: {error}", where) from None
    _check_versions(versions, where)
    try:
        workflow = msgspec.json.decode(data, type=Workflow)
    except msgspec.ValidationError as error:
        raise _refused("ITH331", f"the workflow is damaged: {error}", where) from None
    _check_steps(workflow, where)
    return workflow


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a workflow, made from its model.

    Returns:
        A complete document; its `$id` contains the format's version.
    """
    (reference,), components = msgspec.json.schema_components(
        [Workflow], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": DIALECT,
        "$id": f"urn:ithaca:workflow:{IR_VERSION}",
        "title": "Ithaca workflow",
        **reference,
        "$defs": {name: components[name] for name in sorted(components)},
    }


def _check_versions(versions: _Versions, where: str) -> None:
    if not versions.ir_version:
        raise _refused("ITH331", "not a workflow: the JSON has no `ir_version`", where)
    theirs, ours = _numbers(versions.ir_version), _numbers(IR_VERSION)
    if theirs is None or _numbers(versions.requires_runner or "0") is None:
        raise _refused("ITH331", f"{versions.ir_version!r} is not a version of the format", where)
    newer = ""
    if ours is not None and theirs[0] > ours[0]:
        newer = f"has format {versions.ir_version}; this version of Ithaca reads up to {IR_VERSION}"
    elif all(_newer(versions.requires_runner, one) for one in (REQUIRES_RUNNER, _installed())):
        newer = f"needs Ithaca {versions.requires_runner} or newer (installed: {_installed()})"
    if newer:
        raise UsageError("ITH332", f"the workflow {newer}", cure=_UPGRADE, where=where)


def _check_steps(workflow: Workflow, where: str) -> None:
    """Check that every step is unique and comes after the steps that it needs."""
    seen: set[str] = set()
    for step in workflow.steps:
        if step.name in seen:
            raise _refused("ITH331", f'step "{step.name}" is defined twice', where)
        missing = [need for need in step.needs if need not in seen]
        if missing:
            raise _refused(
                "ITH331", f'step "{step.name}" needs "{missing[0]}", which is not before it', where
            )
        seen.add(step.name)


def _refused(code: str, message: str, where: str) -> UsageError:
    return UsageError(code, message, cure="compile the notebook again", where=where)


def _numbers(text: str) -> tuple[int, ...] | None:
    parts = text.split(".")
    return tuple(map(int, parts)) if all(p.isascii() and p.isdigit() for p in parts) else None


def _newer(one: str, other: str) -> bool:
    left, right = _numbers(one), _numbers(other)
    return left is not None and right is not None and left > right


def _installed() -> str:
    try:
        return version("ithaca")
    except PackageNotFoundError:  # in a pod, Ithaca is a copied folder
        return REQUIRES_RUNNER
