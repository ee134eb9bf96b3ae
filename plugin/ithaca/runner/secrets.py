"""No secret goes into a snapshot: the files that a step changed are searched before they are taken.

The kernel's side refuses values whose pickle holds one; here are all other files, among them the
buffers of arrays. A secret that a step encoded (compressed, encrypted, base64) is not found.
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
"""A shorter secret is found in files by chance."""

_CHUNK = 4 << 20
_MOST = 5


def declared(workflow: Workflow) -> dict[str, str]:
    """The secrets of all steps that this machine knows: variable to value.

    Also a step that does not ask for a secret may come by it, where steps share a machine, though
    its kernel is not given the variable.
    """
    names = sorted({each.env for step in workflow.steps for each in step.secrets})
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def foreign(workflow: Workflow, step: Step) -> set[str]:
    """The variables that other steps declare as secrets, and this one does not."""
    everybody = {each.env for other in workflow.steps for each in other.secrets}
    return everybody - {each.env for each in step.secrets}


def find(
    root: Path, secrets: Mapping[str, str], *, ignore: Ignore, cache: StatCache
) -> StepError | None:
    """The error of a step that left a secret in a file or value; None when it did not.

    Args:
        root: The step's folder.
        secrets: Variable to value.
        ignore: What does not go into the snapshot.
        cache: What is known of the files that the step started from.
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
    """A secret as files hold it: as text, in JSON, and as NumPy and others hold characters."""
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
    told = []
    for path, variable in found:
        identity = path.removeprefix(f"{OBJECTS}/").split("/")[0]
        named = values.get(identity, []) if path.startswith(f"{OBJECTS}/") else []
        what = f"the value {' or '.join(named)}" if named else f"the file {path}"
        told.append(f"{what} contains the secret in {variable}")
    told = list(dict.fromkeys(told))
    more = f"; and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return StepError(
        code="ITH518",
        message="; ".join(told[:_MOST]) + more,
        cure="read the environment variable where it is used, and write it nowhere: snapshots are "
        "read by others",
    )
