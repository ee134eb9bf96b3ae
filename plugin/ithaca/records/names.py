"""Where the documents of a run are kept in the store, and the URIs that views link.

```
runs/<id>/run                                RunDocument
runs/<id>/notebook                           the notebook as it was submitted
runs/<id>/steps/<step>/<attempt>/start       AttemptStart
runs/<id>/steps/<step>/<attempt>/end         AttemptEnd
runs/<id>/steps/<step>/<attempt>/reason      AttemptEnd: why a pod was terminated, known later
runs/<id>/steps/<step>/<attempt>/progress    Progress, a hint that is overwritten
runs/<id>/steps/<step>/<attempt>/reports     Reports, a hint too
runs/<id>/steps/<step>/<attempt>/notebook.ipynb   the executed notebook
runs/<id>/steps/<step>/<attempt>/log/000000  chunks of the log, in order
runs/<id>/events/<ulid>                      Event
runs/<id>/end                                RunEnd
studies/<name>/study                         StudyDocument
studies/<name>/sessions/<ulid>/start, …/end  SessionStart, SessionEnd
studies/<name>/trials/<number>/<attempt>/start   TrialStart
studies/<name>/trials/<number>/<attempt>/pruned  TrialPruned
studies/<name>/trials/<number>/end           TrialEnd
studies/<name>/stops/<ulid>                  a request to start no further trial
```

Beside the runs: `keys/<key>` (planning), `notebooks/<digest>`, `environments/<digest>`,
`packages/<identity>`, `engines/<digest>` and `locks/<key>`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import blake3

from ithaca.errors import UsageError

AUTHORITY = "local"
"""The authority of this machine's own store in a URI."""


def run(run_id: str, name: str = "run") -> str:
    """Name of a document of a run: `run`, `end` or `notebook`."""
    return f"runs/{run_id}/{name}"


def attempt(run_id: str, step: str, number: int, name: str) -> str:
    """Name of a document of an attempt: `start`, `end`, `reason`, `progress`, and others."""
    return f"runs/{run_id}/steps/{step}/{number}/{name}"


def log(run_id: str, step: str, number: int, chunk: int) -> str:
    """Name of a chunk of an attempt's log, counted from 0."""
    return attempt(run_id, step, number, f"log/{chunk:06d}")


def event(run_id: str, event_id: str) -> str:
    """Name of an event."""
    return f"runs/{run_id}/events/{event_id}"


def study(name: str, document: str = "study") -> str:
    """Name of a document of a study."""
    return f"studies/{name}/{document}"


def trials(study_name: str) -> str:
    """Name of the folder with a study's trials."""
    return study(study_name, "trials/")


def trial(study_name: str, number: int, document: str) -> str:
    """Name of a document of a trial."""
    return f"{trials(study_name)}{number:06d}/{document}"


def notebook(digest: str) -> str:
    """Name of a notebook that was pushed for runs that an engine starts by itself.

    Args:
        digest: The workflow's `source.digest`.
    """
    return f"notebooks/{digest}"


def environment(image: str, python: str) -> str:
    """Name of the document of an image's environment, a hint that pods overwrite.

    Args:
        image: The image's reference.
        python: Its interpreter; empty for the first on the PATH.
    """
    described = "\0".join((image, python)).encode()
    return f"environments/{blake3.blake3(described).hexdigest()}"


def packages(identity: str) -> str:
    """Name of the document with the versions of an environment's distributions.

    Args:
        identity: The environment's identity digest.
    """
    return f"packages/{identity}"


def engine(name: str) -> str:
    """Name of the document with the run of an engine's object that started by itself.

    Args:
        name: `BACKEND/NAMESPACE/NAME/UID`; only the last part matters.
    """
    return f"engines/{blake3.blake3(name.rpartition('/')[2].encode()).hexdigest()}"


def lock(key: str) -> str:
    """Name of the document of a lock's environment.

    Args:
        key: Digest of the lock and of its platform.
    """
    return f"locks/{key}"


def uri(kind: str, *parts: str) -> str:
    """The URI of an entity.

    Example:
        >>> uri("runs", "01J0", "train")
        'ithaca://local/runs/01J0/train'
    """
    return "/".join((f"ithaca://{AUTHORITY}", kind, *parts))


class Reference(NamedTuple):
    """A reference to a run or one of its steps: `RUN`, `RUN/STEP` or a URI of either."""

    run: str
    step: str | None


def parse_reference(text: str) -> Reference:
    """Parse a reference to a run or one of its steps.

    Raises:
        UsageError: It is not `RUN`, `RUN/STEP` or a URI of either.
    """
    plain = re.sub(r"^ithaca://[^/]*/runs/", "", text.strip())
    parts = plain.split("/")
    if "://" in plain or len(parts) > 2 or not all(parts):
        raise UsageError(
            "ITH901",
            f"`{text}` is not a reference to a run",
            cure="give an id, the start of one, `latest` or ithaca://…/runs/ID, with /STEP for one "
            "of its steps; `ithaca runs list` shows the ids",
        )
    return Reference(parts[0], parts[1] if len(parts) == 2 else None)
