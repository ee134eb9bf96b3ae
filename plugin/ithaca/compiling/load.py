"""Reading an IR back: what is too new or is no workflow is refused with a cure."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from ithaca.errors import UsageError
from ithaca.model.workflow import IR_VERSION, REQUIRES_RUNNER, Workflow

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Versions(msgspec.Struct):
    ir_version: str = ""
    requires_runner: str = ""


def from_json(data: bytes | str, *, where: str = "") -> Workflow:
    """A workflow from its JSON.

    Args:
        data: What `Workflow.to_json` wrote, by this version of Ithaca or another.
        where: The file or document, for messages.

    Returns:
        The workflow.

    Raises:
        UsageError: It is no IR, is damaged, or needs a newer Ithaca.

    Example:
        >>> from_json("{}")
        Traceback (most recent call last):
        ithaca.errors.UsageError: ITH331: this JSON is no workflow: it has no `ir_version`
          → compile the notebook again
    """
    try:
        versions = msgspec.json.decode(data, type=_Versions)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused("ITH330", f"this is no workflow: {error}", where) from None
    _check_versions(versions, where)
    try:
        workflow = msgspec.json.decode(data, type=Workflow)
    except msgspec.ValidationError as error:
        raise _refused("ITH331", f"the workflow is damaged: {error}", where) from None
    _check_steps(workflow, where)
    return workflow


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of what `ithaca compile` prints.

    Returns:
        A document of its own; `$id` carries the IR's version.
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
        raise _refused("ITH331", "this JSON is no workflow: it has no `ir_version`", where)
    theirs, ours = _numbers(versions.ir_version), _numbers(IR_VERSION)
    if theirs is None or _numbers(versions.requires_runner or "0") is None:
        raise _refused("ITH331", f"{versions.ir_version!r} is no version of the IR", where)
    if ours is not None and theirs[0] > ours[0]:
        raise UsageError(
            "ITH332",
            f"the workflow's format is {versions.ir_version}, newer than {IR_VERSION}, the newest "
            "that this Ithaca reads",
            cure="update Ithaca here, or compile the notebook with this version",
            where=where,
        )
    if _newer(versions.requires_runner, REQUIRES_RUNNER) and _newer(
        versions.requires_runner, _installed()
    ):
        raise UsageError(
            "ITH332",
            f"the workflow needs a runner of version {versions.requires_runner}; this one is "
            f"{_installed()}",
            cure="update Ithaca here, or compile the notebook with this version",
            where=where,
        )


def _check_steps(workflow: Workflow, where: str) -> None:
    """Every step once, after those that it needs: what all rooms take for granted."""
    seen: set[str] = set()
    for step in workflow.steps:
        if step.name in seen:
            raise _refused("ITH331", f"the step {step.name} is there twice", where)
        missing = [need for need in step.needs if need not in seen]
        if missing:
            raise _refused(
                "ITH331", f"the step {step.name} needs {missing[0]}, which is not before it", where
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
    except PackageNotFoundError:  # run from a copied folder, as in a pod
        return REQUIRES_RUNNER
