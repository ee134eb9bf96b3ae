"""Refuse secrets in parameters, and code that names credential files, which snapshots omit."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.diagnostics import Diagnostic
from ithaca.errors import IthacaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ithaca.model.workflow import Workflow

SHORTEST = 8
"""Shorter secrets also occur in other text by chance."""

_MOST = 5
_REASON = "left out of the snapshot because it looks like credentials"


def refuse_secret_arguments(workflow: Workflow, arguments: Mapping[str, Any]) -> None:
    """Refuse parameters that contain a secret, because parameters are recorded.

    Args:
        workflow: The workflow; its secrets are read from the environment.
        arguments: Value of every parameter.

    Raises:
        UsageError: A parameter contains one; the message names the parameters, but no value.
    """
    declared = {each.env for step in workflow.steps for each in step.secrets}
    secrets = {name: os.environ.get(name, "") for name in sorted(declared)}
    found = [
        f"the parameter {parameter} contains the secret in {variable}"
        for parameter, value in arguments.items()
        for variable, secret in secrets.items()
        if len(secret) >= SHORTEST and any(secret in text for text in _texts(value))
    ]
    if found:
        raise UsageError(
            "ITH912",
            "; ".join(found),
            cure="read the environment variable in the step that uses it; parameters are recorded "
            "where others can read them",
        )


def refuse_named_credentials(workflow: Workflow, left_out: Sequence[str], root: str) -> None:
    """Refuse steps whose code names a file that was left out because it looks like credentials.

    Args:
        workflow: The workflow.
        left_out: Relative paths; those of folders end with `/`.
        root: Absolute path of the project.

    Raises:
        UsageError: A step does; the message names each step, cell and line.
    """
    found = _named(workflow, left_out, root)
    if not found:
        return
    places = [
        f"step `{each.step}`, cell {each.cell} line {each.line} names {each.path}"
        for each in found[:_MOST]
    ]
    more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
    raise UsageError(
        "ITH913",
        f"{'; '.join(places)}{more}: {_REASON}",
        cure=_cure(list(dict.fromkeys(each.path for each in found))),
    )


def named_credentials(workflow: Workflow, root: Path) -> list[Diagnostic]:
    """The findings of `refuse_named_credentials` for `check`, without a snapshot.

    Args:
        workflow: The workflow.
        root: The project; its files are scanned only if some code may name credentials.

    Returns:
        An error for each place; `notebook` is empty unless the notebook is a composed one.
    """
    if not _may_name_credentials(workflow):
        return []
    return [
        Diagnostic(
            code="ITH913",
            severity="error",
            message=f"step `{each.step}` names {each.path}: {_REASON}",
            cure=_cure([each.path]),
            notebook=each.notebook,
            cell=each.cell,
            line=each.line,
        )
        for each in _named(workflow, _left_out(root), str(root))
    ]


class _Place(NamedTuple):
    """A place where a step's code names a path."""

    step: str
    cell: int
    line: int
    path: str
    notebook: str


def _cure(paths: Sequence[str]) -> str:
    return (
        "pass the step what it needs with a `secret:` tag; or, if it is not a secret, add "
        + " and ".join(f"`!/{path}`" for path in paths[:_MOST])
        + " to .ithacaignore (without the `!` if the step does not need it)"
    )


def _may_name_credentials(workflow: Workflow) -> bool:
    """Whether a string in the code names a file or folder that would be left out."""
    from ithaca.analysis.literals import literals
    from ithaca.store import Ignore

    defaults = Ignore()
    texts = {text for step in workflow.steps for code in step.code for text, _ in literals(code)}
    return any(
        defaults.credential_folder(text) or defaults.reason(text, folder=False) == "credential"
        for text in texts
        if text and "\n" not in text
    )


def _left_out(root: Path) -> Sequence[str]:
    from ithaca.store import Ignore
    from ithaca.store.snapshots.scan import FOLDER_FLAGS, Scan, opened

    try:
        with opened(os.path.realpath(root), FOLDER_FLAGS) as descriptor:
            ignore = Ignore.read(root, source=True)
            return Scan(descriptor, ignore, besides=(-1, -1), where=os.fspath(root)).left_out
    except (IthacaError, OSError):  # `run` reports it
        return ()


def _named(workflow: Workflow, left_out: Sequence[str], root: str) -> list[_Place]:
    if not left_out:
        return []
    from ithaca.analysis.literals import literals  # slow to import, rarely needed

    inside = PurePosixPath(workflow.source.notebook).parent.as_posix()
    folder = "" if inside == "." else inside
    found = (
        _Place(step.name, code.cell, line, path, code.notebook)
        for step in workflow.steps
        for code in step.code
        for text, line in literals(code)
        for path in left_out
        if _names(text, path, root, folder)
    )
    return list(dict.fromkeys(found))


def _names(text: str, path: str, root: str, folder: str) -> bool:
    """Whether a string literal refers to a path of the project.

    The literal may be the end of a path (`root + "/conf/.env"`, `Path("conf") / ".env"`), or a path
    with more in front. A bare word (`"credentials"`) must be the whole path.
    """
    if not text or "\n" in text or text.startswith("~"):
        return False
    if text.startswith(f"{root}/"):
        text = text[len(root) :]
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    wanted = path.rstrip("/").split("/")
    if path.endswith("/") and wanted[-1] in parts:  # a folder is left out with its content
        parts = parts[: parts.index(wanted[-1]) + 1]
    near = path.rstrip("/").removeprefix(f"{folder}/" if folder else "").split("/")
    if parts in (wanted, near):
        return True
    if not parts or text.startswith("/"):
        return False
    inside = parts[-len(wanted) :] == wanted
    bare = len(parts) == 1 and "." not in parts[0]
    return inside or (not bare and wanted[-len(parts) :] == parts)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (str(name), *_texts(inner))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)
