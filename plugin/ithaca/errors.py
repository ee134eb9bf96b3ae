"""Every error that Ithaca raises, as one tree.

```
IthacaError                 exit 1   any error of Ithaca
├── UsageError              exit 2   a wrong option, parameter, id or version
├── NotebookError           exit 3   the notebook cannot become a workflow; carries diagnostics
├── RunFailed               exit 1   a run did not succeed
│   ├── StepFailed          exit 1   a step failed; names the cell and line
│   └── MergeConflict       exit 1   two branches left different content at one path
├── StoreError              exit 4   the store cannot be read, written or trusted
│   ├── NotFound            exit 2   no such snapshot, document, run or step
│   ├── Corrupt             exit 4   stored bytes do not match their digest
│   └── UnsafeSnapshot      exit 4   a snapshot names a path outside its root
├── BackendError            exit 4   the backend is unreachable or refused the run
└── Cancelled               exit 130 the run was cancelled
```

An error has a stable code (`ITH…`) and says what happened, where, and what to do. Ranges of codes:
`ITH1xx` notebook and tags, `ITH2xx` analysis, `ITH3xx` parameters and workflow, `ITH4xx` store and
snapshots, `ITH5xx` steps at run time, `ITH6xx` backends and records, `ITH9xx` usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ithaca.diagnostics import Diagnostic


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name.

    Args:
        name: What the user wrote.
        known: The names that exist.

    Returns:
        Empty when no known name is similar.

    Example:
        >>> suggest("trian", ["load", "train"])
        '; did you mean "train"?'
    """
    found = nearest(name, known)
    return f'; did you mean "{found}"?' if found else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to another; None when none is similar."""
    from difflib import get_close_matches  # needed for messages only

    cutoff = 0.65 if len(name) == 3 else 0.75  # one wrong letter of three is similar
    found = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return found[0] if found else None


class IthacaError(Exception):
    r"""Any error of Ithaca.

    Args:
        code: The stable code, such as `ITH602`.
        message: What happened, in one sentence without the code.
        cure: What to do about it, as an instruction; empty when nothing helps.
        where: The place: a path, a step or `step/cell`; empty when there is none.

    Example:
        >>> str(IthacaError("ITH602", 'no run "x"', cure="see `ithaca runs list`"))
        'ITH602: no run "x"\n  → see `ithaca runs list`'
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, cure: str = "", where: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.cure = cure
        self.where = where

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f"\n  → {self.cure}" if self.cure else ""
        return f"{self.code}: {place}{self.message}{cure}"


class UsageError(IthacaError):
    """A wrong option, parameter, id or version."""

    exit_code = 2


class NotebookError(IthacaError):
    """The notebook cannot become a workflow.

    Args:
        diagnostics: All problems, at least one of them an error.
    """

    exit_code = 3

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        errors = [found for found in diagnostics if found.severity == "error"]
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first.code, first.message + more, cure=first.cure, where=first.place)
        self.diagnostics = tuple(diagnostics)


class RunFailed(IthacaError):
    """A run did not succeed."""


class StepFailed(RunFailed):
    """A step failed; `where` is `step/cell`."""


class MergeConflict(RunFailed):
    """Two steps that do not need each other left different content at one path.

    Args:
        paths: The conflicting paths (or `value NAME`), each with the steps that wrote it.
    """

    def __init__(self, paths: Sequence[tuple[str, tuple[str, ...]]], *, where: str = "") -> None:
        listed = "; ".join(f"{path} ({', '.join(steps)})" for path, steps in paths)
        values = sum(1 for path, _ in paths if path.startswith("value "))
        edits = ["let one step need the other (`prev:`)"]
        edits += ["use different variable names"] if values else []
        edits += ["write to different files"] if values < len(paths) else []
        cure = f"{', or '.join(edits)}, then `ithaca run` again"
        if not values:  # merge rules are for files
            cure += "; or set a rule in [tool.ithaca.merge], then `ithaca runs retry`"
        super().__init__(
            "ITH410",
            f"parallel steps left different content: {listed}",
            cure=cure,
            where=where,
        )
        self.paths = tuple(paths)


class StoreError(IthacaError):
    """The store cannot be read, written or trusted."""

    exit_code = 4


class NotFound(StoreError):
    """No such snapshot, document, run or step."""

    exit_code = 2


class Corrupt(StoreError):
    """Stored bytes do not match their digest."""


class UnsafeSnapshot(StoreError):
    """A snapshot names a path outside its root."""


class BackendError(IthacaError):
    """The backend is unreachable or refused the run."""

    exit_code = 4


class Cancelled(IthacaError):
    """The run was cancelled."""

    exit_code = 130
