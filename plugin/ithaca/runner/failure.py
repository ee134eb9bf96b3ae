"""Why a step failed: one `StepError` with the user's own cell and line."""

from __future__ import annotations

import errno
import re
import signal
from typing import TYPE_CHECKING, Any

from ithaca.errors import IthacaError
from ithaca.model.run import StepError
from ithaca.records.journal import TERMINATED
from ithaca.runner.outputs import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.runner.notebook import Place

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MACHINE = (
    *(errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.EHOSTDOWN),
    *(errno.ENOMEM, errno.EAGAIN, errno.ENFILE, errno.EMFILE),
)
"""A disk or network that does not respond, a machine without resources; not a full disk."""
_LONGEST = 500
"""Characters of an exception's text in a record; the log has all of it."""

_PAST = {"load": "loaded", "save": "saved"}
_PROBLEM = re.compile(r"(?P<code>ITH\d{3}): (?P<message>.*?)(?:\s*→ (?P<cure>.*))?\s*", re.DOTALL)
"""The text of a `ValueProblem` of `ithaca_kernel`."""
_MODULE = re.compile(r"No module named '([^']+)'")
_LINE = re.compile(r"(?:Cell |Input )?In ?\[(\d+)\][^\n]*?(?:, line |<cell line: )(\d+)")
"""IPython's heading of a frame in a cell: execution count and line."""


def raised(
    place: Place,
    execution: int | None,
    content: dict[str, Any],
    report: Any,
    *,
    python: str = "",
) -> StepError:
    """The error of a cell that raised an exception.

    Args:
        place: Where the cell comes from.
        execution: Its execution count.
        content: The kernel's reply.
        report: What `ithaca_kernel` reports, or an empty dictionary.
        python: The kernel's interpreter, for modules that it cannot import.
    """
    name, value = _exception(content)
    own = report.get("error") or _problem(name, value)
    if own and place.role in ("load", "save"):
        return StepError(
            code=own.get("code", "ITH501"),
            message=own.get("message", ""),
            cure=own.get("cure", ""),
        )
    code = place.code
    seen = report.get("exception") or {}
    line = seen.get("line") if seen.get("name") == name else None
    message, cure = _explained(name, value, place)
    if name == "ModuleNotFoundError" and code and python:
        cure = _not_installed(value, python)
    return _at(
        place,
        code="ITH505" if "StdinNotImplemented" in name else "ITH501",
        message=message,
        cure=cure,
        line=place.line(line or _line(content, execution)) if code else None,
        name=name,
        value=value[:_LONGEST],
    )


def _at(place: Place | None, **fields: Any) -> StepError:
    """An error in a cell, or outside of the user's cells."""
    code = place.code if place else None
    if code is None:
        return StepError(**fields)
    return StepError(cell=code.cell, notebook=code.notebook, **fields)


def died(place: Place | None, status: int | None, output: str) -> StepError:
    """The error of a kernel that died.

    Args:
        place: The cell that ran, if any.
        status: Its exit status; negative for a signal.
        output: The end of what it wrote outside of its messages.
    """
    where = "" if place and place.code else " outside of the user's cells"  # `_at` names the cell
    cure = "check the log; a step cannot run code that ends the process (`os._exit`)"
    if status is not None and status < 0:
        name = _signal(-status)
        how = f"killed by {name}"
        if name == "SIGKILL":
            cure = (
                "most likely the machine ran out of memory: use less memory, or run fewer steps "
                "at once (`--parallel`)"
            )
        elif name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
            cure = "a compiled library crashed; the log may name it"
    else:
        how = f"exit status {status}"
    return _at(
        place,
        code="ITH502",
        message=f"the kernel died{where} ({how})",
        cure=cure,
        name="KernelDied",
        value=output.splitlines()[-1][:_LONGEST] if output else "",
    )


def is_death(error: BaseException) -> bool:
    """Whether an error says that the kernel is dead."""
    return type(error).__name__ == "DeadKernelError" or "Kernel died" in str(error)


def not_started(output: str) -> StepError:
    """The error of a kernel that died before its first cell.

    Args:
        output: The end of what it wrote.
    """
    last = output.splitlines()[-1] if output else "it printed nothing"
    return StepError(
        code="ITH504",
        message=f"the kernel did not start: {last}"[:_LONGEST],
        cure="check the log; a common cause is a file in the project with the name of a standard "
        "module (`random.py`)",
    )


def timed_out(place: Place | None, seconds: float) -> StepError:
    """The error of a step that exceeded its time limit."""
    return _at(
        place,
        code="ITH503",
        message=f"the step exceeded its time limit of {seconds:g} s",
        cure="raise the limit (`timeout:` tag), or do less in the step",
    )


def run_timed_out(place: Place | None, seconds: float) -> StepError:
    """The error of a step that was running at the deadline of the whole run."""
    return _at(
        place,
        code="ITH666",
        message=f"the run exceeded its deadline of {seconds:g} s",
        cure="raise the `deadline` setting; `ithaca runs retry` continues the run",
    )


def of(error: BaseException) -> StepError:
    """The error of a failure outside of the user's code."""
    if is_full(error):
        return StepError(
            code="ITH507",
            message=f"no space left on the device: {_with_place(error)}",
            cure="free some space, or set ITHACA_HOME to a folder on a larger disk; then "
            "`ithaca runs retry`",
        )
    if isinstance(error, IthacaError):
        place = f"{error.where}: " if error.where else ""
        return StepError(code=error.code, message=place + error.message, cure=error.cure)
    if isinstance(error, OSError):
        return StepError(
            code="ITH509",
            message=f"the step's folder cannot be used: {error}",
            cure="check the permissions and free space of its disk; then `ithaca runs retry`",
        )
    return StepError(
        code="ITH599",
        message=f"internal error: {type(error).__name__}: {error}",
        cure="please report it, with the step's log (`ithaca runs logs`)",
    )


def deleted(place: Place | None) -> StepError:
    """The error of a step that deleted the folder in which it ran."""
    return _at(
        place,
        code="ITH506",
        message="the step deleted its working directory, or Ithaca's folder in it",
        cure="delete only files that the step made; every attempt starts in a new folder anyway",
    )


def not_mounted(places: Sequence[str]) -> StepError:
    """The error of a step whose volumes cannot be mounted on this machine."""
    shown = ", ".join(places)
    return StepError(
        code="ITH540",
        message=f"no volume can be mounted at {shown}: this machine does not allow user and mount "
        "namespaces",
        cure=f"make {shown} a symbolic link to the volume's path, or mount the volume below "
        "/project",
    )


def terminated() -> StepError:
    """The error of a step whose pod was terminated by its node or its cluster."""
    return StepError(
        code=TERMINATED,
        message="the pod was terminated",
        cure="its node was drained, or a pod with a higher priority took its place; another "
        "attempt runs elsewhere",
    )


def rejected(question: str, who: str, comment: str) -> StepError:
    """The error of a step that a person rejected.

    Args:
        question: The step's question.
        who: The person.
        comment: Their comment; may be empty.
    """
    return StepError(
        code="ITH623",
        message=f"{who} rejected `{question or 'may it run?'}`"
        + (f": {comment}" if comment else ""),
        cure="`ithaca runs retry` asks again",
    )


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is a full disk."""
    return _has_number(error, _FULL)


def is_machine(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is the machine's and may not occur again."""
    return _has_number(error, _MACHINE)


def _has_number(error: BaseException | None, numbers: Sequence[int]) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in numbers:
            return True
        error = error.__cause__ or error.__context__
    return False


def _problem(name: str, value: str) -> dict[str, str] | None:
    """The error of Ithaca's part of the kernel when it could not write its report."""
    found = _PROBLEM.fullmatch(value) if name == "ValueProblem" else None
    return None if found is None else found.groupdict("")


def _explained(name: str, value: str, place: Place) -> tuple[str, str]:
    first = value.strip().splitlines()[0][:_LONGEST] if value.strip() else ""
    if "StdinNotImplemented" in name:
        return (
            "the cell asks for input, which a run does not have",
            "make it a parameter, or read it from a file or an environment variable",
        )
    if name == "SystemExit":
        status = f" ({first})" if first else ""
        return (
            f"the cell exits with SystemExit{status}",
            "use `if` to skip the rest of a step; an exit would lose its values",
        )
    if "[Errno 28]" in value:
        return f"{name}: {first}", "the disk is full: free some space, then `ithaca runs retry`"
    if place.role in _PAST:
        return f"the step's values cannot be {_PAST[place.role]}: {name}: {first}", ""
    return f"{name}: {first}" if first else name, ""


def _not_installed(value: str, python: str) -> str:
    """What to do about a module that the interpreter cannot import."""
    found = _MODULE.search(value)
    other = f"the kernel runs on {python}; choose another interpreter with `--python PATH`"
    if found is None or "." in found[1]:  # the package is installed, this module of it is missing
        return other
    return f"{other}, or install the package in the step before: `%pip install {found[1]}`"


def _exception(content: dict[str, Any]) -> tuple[str, str]:
    """Name and text of the exception."""
    name, value = str(content.get("ename", "")), plain(str(content.get("evalue", "")))
    lines = plain("\n".join(map(str, content.get("traceback") or ()))).strip().splitlines()
    if name == "NoneType" and lines:
        # ipykernel could not show a value: only the traceback names what its `__repr__` raised.
        name, _, value = lines[-1].partition(": ")
    return name, value


def _line(content: dict[str, Any], execution: int | None) -> int | None:
    """The line in the failing cell, from the innermost frame of the cell in the traceback."""
    found = None
    for entry in content.get("traceback") or ():
        for count, line in _LINE.findall(plain(str(entry))):
            if execution is None or int(count) == execution:
                found = int(line)
    return found


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _with_place(error: BaseException) -> str:
    text = error.message if isinstance(error, IthacaError) else str(error)
    place = getattr(error, "where", "") or getattr(error, "filename", "") or ""
    return f"{text} ({place})" if place and str(place) not in text else text
