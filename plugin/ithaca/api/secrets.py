"""What must not be in a run: secrets in its parameters, files of credentials that are not there."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ithaca.workflow.model import Workflow

SHORTEST = 8
"""A shorter secret is found in texts by chance."""

_MOST = 5


def refuse_secret_arguments(workflow: Workflow, arguments: Mapping[str, Any]) -> None:
    """Refuse parameters that hold the value of a secret: they are written down in the open.

    Args:
        workflow: Its secrets are read from the environment.
        arguments: Value of every parameter.

    Raises:
        UsageError: One does; all of them are named, no value is.
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
            cure="read the environment variable in the step that uses it; parameters are kept in "
            "records that others read",
        )


def refuse_named_credentials(workflow: Workflow, left_out: Sequence[str], root: str) -> None:
    """Refuse steps whose code names a file that was left out because it looks like credentials.

    Args:
        workflow: The workflow.
        left_out: Relative paths; those of folders end with `/`.
        root: Absolute path of the project.

    Raises:
        UsageError: One does; all of them are named, with cell and line.
    """
    if not left_out:
        return
    folder = PurePosixPath(workflow.source.notebook).parent.as_posix()
    found = dict.fromkeys(_named(workflow, left_out, root, "" if folder == "." else folder))
    if not found:
        return
    places = [
        f"step `{step}`, cell {cell} line {line} names {path}"
        for step, cell, line, path in list(found)[:_MOST]
    ]
    more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
    paths = list(dict.fromkeys(path for *_, path in found))
    raise UsageError(
        "ITH913",
        f"{'; '.join(places)}{more}: left out of the snapshot, because it looks like credentials",
        cure="give the step what it needs by a `secret:` tag; or, where it is no secret, write "
        + " and ".join(f"`!/{path}`" for path in paths[:_MOST])
        + " into .ithacaignore (without the `!` if the step can do without it)",
    )


def _named(
    workflow: Workflow, left_out: Sequence[str], root: str, folder: str
) -> Iterator[tuple[str, int, int, str]]:
    from ithaca.analysis.literals import literals  # only projects with such files need it

    for step in workflow.steps:
        for code in step.code:
            for text, line in literals(code):
                for path in left_out:
                    if _names(text, path, root, folder):
                        yield step.name, code.cell, line, path


def _names(text: str, path: str, root: str, folder: str) -> bool:
    """Whether a literal means a path of the project, wherever the code puts it together.

    A literal may be the end of a path (`root + "/conf/.env"`, `Path("conf") / ".env"`) or one with
    more before it; a bare word (`"credentials"`) counts only where it is the whole path.
    """
    if not text or "\n" in text or text.startswith("~"):
        return False
    if text.startswith(f"{root}/"):
        text = text[len(root) :]
    said = [part for part in text.split("/") if part not in ("", ".", "..")]
    wanted = path.rstrip("/").split("/")
    if path.endswith("/"):
        said = _up_to(said, wanted)
    near = path.rstrip("/").removeprefix(f"{folder}/" if folder else "").split("/")
    if said in (wanted, near):
        return True
    if not said or text.startswith("/"):
        return False
    inside = said[-len(wanted) :] == wanted
    bare = len(said) == 1 and "." not in said[0]
    return inside or (not bare and wanted[-len(said) :] == said)


def _up_to(said: list[str], wanted: list[str]) -> list[str]:
    """A path cut after the name of a folder: what lies in it is left out with it."""
    last = wanted[-1]
    return said[: said.index(last) + 1] if last in said else said


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (str(name), *_texts(inner))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)
