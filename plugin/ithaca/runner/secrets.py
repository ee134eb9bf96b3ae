"""Keeps secrets out of snapshots: searches the files that a step changed before they are taken.

The kernel refuses values whose pickle holds a secret; all other files are searched here, including
the buffers of arrays. A secret that a step encoded (compressed, encrypted, base64) is not found.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ithaca.model.run import StepError
from ithaca.store import fresh
from ithaca.values import OBJECTS, read_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Ignore, StatCache

SHORTEST = 8
"""Characters; shorter secrets occur in files by chance."""

_CHUNK = 4 << 20
_MOST = 5


def declared(workflow: Workflow) -> dict[str, str]:
    """The secrets of all steps that are set on this machine: variable to value.

    Where steps share a machine, a step can also find secrets that it did not ask for, although its
    kernel does not get their variables.
    """
    names = sorted({each.env for step in workflow.steps for each in step.secrets})
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def foreign(workflow: Workflow, step: Step) -> set[str]:
    """The variables that other steps declare as secrets and this one does not."""
    declared_by_all = {each.env for other in workflow.steps for each in other.secrets}
    return declared_by_all - {each.env for each in step.secrets}


def find(
    root: Path, secrets: Mapping[str, str], *, ignore: Ignore, cache: StatCache
) -> StepError | None:
    """The error of a step that left a secret in a file or value; None when it left none.

    Args:
        root: The step's folder.
        secrets: Variable to value.
        ignore: Files that are not part of the snapshot.
        cache: The files that the step started from.
    """
    wanted = {
        variable: _forms(secret) for variable, secret in secrets.items() if len(secret) >= SHORTEST
    }
    if not wanted:
        return None
    found = [
        (path, variable)
        for path in fresh(root, ignore=ignore, cache=cache)
        for variable in _holds(root / path, path, wanted)
    ]
    return _error(root, found) if found else None


def _forms(secret: str) -> list[bytes]:
    """A secret in the encodings that files use: text, JSON, and wide characters as in NumPy."""
    texts = dict.fromkeys([secret, json.dumps(secret)[1:-1]])
    return [
        text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "surrogatepass")
        for text in texts
        for encoding in ("utf-8", "utf-16-le", "utf-32-le")
    ]


def _holds(file: Path, path: str, wanted: Mapping[str, list[bytes]]) -> Iterator[str]:
    """The variables whose secrets are in a file or in its name."""
    name = os.fsencode(path)
    left = {
        variable: forms for variable, forms in wanted.items() if not any(f in name for f in forms)
    }
    yield from wanted.keys() - left.keys()
    overlap = max((len(form) for forms in left.values() for form in forms), default=1) - 1
    with file.open("rb") as opened:
        before = b""
        while left and (chunk := opened.read(_CHUNK)):
            window = before + chunk
            for variable in [v for v, forms in left.items() if any(f in window for f in forms)]:
                del left[variable]
                yield variable
            before = window[-overlap:] if overlap else b""


def _error(root: Path, found: list[tuple[str, str]]) -> StepError:
    values: dict[str, list[str]] = {}
    for each in read_folder(root):
        values.setdefault(each.object, []).append(each.name)
    places = []
    for path, variable in found:
        identity = path.removeprefix(f"{OBJECTS}/").split("/")[0]
        named = values.get(identity, []) if path.startswith(f"{OBJECTS}/") else []
        what = f"the value {' or '.join(named)}" if named else f"the file {path}"
        places.append(f"{what} contains the secret in {variable}")
    places = list(dict.fromkeys(places))
    more = f"; and {len(places) - _MOST} more" if len(places) > _MOST else ""
    return StepError(
        code="ITH518",
        message="; ".join(places[:_MOST]) + more,
        cure="read the environment variable where you need it, and do not write it to files or "
        "values: other people can read snapshots",
    )
