"""Why a step failed, as one `StepError` with the user's own cell and line."""

from __future__ import annotations

import errno
import re
import signal
from typing import TYPE_CHECKING, Any

from ithaca.errors import IthacaError
from ithaca.model.run import StepError
from ithaca.records.journal import TOLD_TO_END
from ithaca.runner.outputs import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.runner.notebook import Place

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MACHINE = (
    *(errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.EHOSTDOWN),
    *(errno.ENOMEM, errno.EAGAIN, errno.ENFILE, errno.EMFILE),
)
"""A disk or network that does not answer, a machine that has nothing left; not a full disk."""
_LONGEST = 500
"""Characters of an exception's text in a record; the log has it whole."""

_PAST = {"load": "loaded", "save": "saved"}
_PROBLEM = re.compile(r"(?P<code>ITH\d{3}): (?P<message>.*?)(?:\s*→ (?P<cure>.*))?\s*", re.DOTALL)
"""How a `ValueProblem` of `ithaca_kernel` reads as text."""
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
    """The error of a cell that raised.

    Args:
        place: Where the cell comes from.
        execution: Its execution count.
        content: The kernel's reply.
        report: What `ithaca_kernel` reports, or an empty dictionary.
        python: The kernel's interpreter, for what it cannot import.
    """
    name, value = _exception(content)
    told = report.get("error") or _spoken(name, value)
    if told and place.role in ("load", "save"):
        return StepError(
            code=told.get("code", "ITH501"),
            message=told.get("message", ""),
            cure=told.get("cure", ""),
        )
    code = place.code
    seen = report.get("exception") or {}
    line = seen.get("line") if seen.get("name") == name else None
    message, cure = _explained(name, value, place)
    if name == "ModuleNotFoundError" and code and python:
        cure = _not_installed(value, python)
    return StepError(
        code="ITH505" if "StdinNotImplemented" in name else "ITH501",
        message=message,
        cure=cure,
        cell=code.cell if code else None,
        line=place.line(line or _line(content, execution)) if code else None,
        name=name,
        value=value[:_LONGEST],
        notebook=code.notebook if code else "",
    )


def died(place: Place | None, status: int | None, said: str) -> StepError:
    """The error of a kernel that died.

    Args:
        place: The cell that it ran, if any.
        status: Its exit status; negative for a signal.
        said: The end of what it wrote outside of its messages.
    """
    code = place.code if place else None
    where = "" if code else " outside of the user's cells"  # the place names the cell
    cure = "look into the log; code that ends the process (`os._exit`) cannot be part of a step"
    if status is not None and status < 0:
        name = _signal(-status)
        how = f"killed by {name}"
        if name == "SIGKILL":
            cure = (
                "most likely the machine ran out of memory: use less of it, or run fewer steps "
                "at once (`--parallel`)"
            )
        elif name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
            cure = "a compiled library crashed; the log may name it"
    else:
        how = f"exit status {status}"
    return StepError(
        code="ITH502",
        message=f"the kernel died{where} ({how})",
        cure=cure,
        cell=code.cell if code else None,
        name="KernelDied",
        value=said.splitlines()[-1][:_LONGEST] if said else "",
        notebook=code.notebook if code else "",
    )


def is_death(error: BaseException) -> bool:
    """Whether an error says that the kernel is gone."""
    said = str(error)
    return type(error).__name__ == "DeadKernelError" or "Kernel died" in said


def not_started(said: str) -> StepError:
    """The error of a kernel that died before its first cell.

    Args:
        said: The end of what it wrote.
    """
    last = said.splitlines()[-1] if said else "it said nothing"
    return StepError(
        code="ITH504",
        message=f"the kernel did not start: {last}"[:_LONGEST],
        cure="the log has what it wrote; a file of the project that is named like a module of "
        "Python (`random.py`) is a frequent reason",
    )


def timed_out(place: Place | None, seconds: float) -> StepError:
    """The error of a step that ran past its limit."""
    code = place.code if place else None
    return StepError(
        code="ITH503",
        message=f"the step ran longer than its limit of {seconds:g} s",
        cure="give it more time (`timeout:` tag), or less to do",
        cell=code.cell if code else None,
        notebook=code.notebook if code else "",
    )


def run_timed_out(place: Place | None, seconds: float) -> StepError:
    """The error of a step that ran when the time for the whole run was over."""
    code = place.code if place else None
    return StepError(
        code="ITH666",
        message=f"the run's deadline of {seconds:g} s was over",
        cure="give the run more time (`deadline` setting), or `ithaca runs retry` goes on",
        cell=code.cell if code else None,
        notebook=code.notebook if code else "",
    )


def of(error: BaseException) -> StepError:
    """The error of whatever else went wrong, on Ithaca's side."""
    if is_full(error):
        return StepError(
            code="ITH507",
            message=f"no space left on the device: {_strip(error)}",
            cure="make room, or set ITHACA_HOME to a folder on a larger disk; then "
            "`ithaca runs retry`",
        )
    if isinstance(error, IthacaError):
        place = f"{error.where}: " if error.where else ""
        return StepError(code=error.code, message=place + error.message, cure=error.cure)
    if isinstance(error, OSError):
        return StepError(
            code="ITH509",
            message=f"the step's folder cannot be used: {error}",
            cure="check rights and free space of its disk; then `ithaca runs retry`",
        )
    return StepError(
        code="ITH599",
        message=f"Ithaca itself failed: {type(error).__name__}: {error}",
        cure="please report it with the step's log (`ithaca runs logs`)",
    )


def deleted(place: Place | None) -> StepError:
    """The error of a step that deleted the folder that it ran in."""
    code = place.code if place else None
    return StepError(
        code="ITH506",
        message="the step deleted its working directory, or Ithaca's folder in it",
        cure="let it delete what it made itself; every attempt starts from a fresh folder anyway",
        cell=code.cell if code else None,
        notebook=code.notebook if code else "",
    )


def not_mounted(places: Sequence[str]) -> StepError:
    """The error of a step whose volumes cannot be mounted here."""
    return StepError(
        code="ITH540",
        message=f"nothing can be mounted at {', '.join(places)}: this machine allows no user and "
        "mount namespaces",
        cure="make it a symbolic link to the volume's path, or mount the volume below /project",
    )


def told_to_end() -> StepError:
    """The error of a step whose pod was ended by its node or its cluster."""
    return StepError(
        code=TOLD_TO_END,
        message="the pod was told to end",
        cure="its node was drained, or something more important needed the room: another attempt "
        "goes elsewhere",
    )


def rejected(question: str, who: str, why: str) -> StepError:
    """The error of a step that a person refused.

    Args:
        question: What was asked.
        who: Who answered.
        why: The comment; may be empty.
    """
    said = f" and said: {why}" if why else ""
    return StepError(
        code="ITH623",
        message=f"{who} answered no to `{question or 'may it run?'}`{said}",
        cure="`ithaca runs retry` asks again",
    )


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that a disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def is_machine(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is the machine's and may be gone next time."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _MACHINE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _spoken(name: str, value: str) -> dict[str, str] | None:
    """The error of Ithaca's side of the kernel whose report could not be written."""
    found = _PROBLEM.fullmatch(value) if name == "ValueProblem" else None
    return None if found is None else found.groupdict("")


def _explained(name: str, value: str, place: Place) -> tuple[str, str]:
    first = value.strip().splitlines()[0][:_LONGEST] if value.strip() else ""
    if "StdinNotImplemented" in name:
        return (
            "the cell asks for input, and nobody is there to answer",
            "make it a parameter, or read it from a file or an environment variable",
        )
    if name == "SystemExit":
        said = f" ({first})" if first else ""
        return (
            f"the cell ends the program with SystemExit{said}",
            "use `if` to leave out the rest of a step; an exit would lose its values",
        )
    if "[Errno 28]" in value:
        return f"{name}: {first}", "the disk is full: make room, then `ithaca runs retry`"
    if place.role in _PAST:
        return f"the step's values cannot be {_PAST[place.role]}: {name}: {first}", ""
    return f"{name}: {first}" if first else name, ""


def _not_installed(value: str, python: str) -> str:
    """What to do about a module that the interpreter cannot import."""
    found = _MODULE.search(value)
    other = f"the kernel runs on {python}: choose another one with `--python PATH`"
    if found is None or "." in found[1]:  # the package is there, this part of it is not
        return other
    return f"{other}, or install it in the step before: `%pip install {found[1]}`"


def _exception(content: dict[str, Any]) -> tuple[str, str]:
    """Name and text of the exception."""
    name, value = str(content.get("ename", "")), plain(str(content.get("evalue", "")))
    lines = plain("\n".join(map(str, content.get("traceback") or ()))).strip().splitlines()
    if name == "NoneType" and lines:
        # ipykernel's word for a value that could not be shown: only the traceback names what
        # its `__repr__` raised.
        name, _, value = lines[-1].partition(": ")
    return name, value


def _line(content: dict[str, Any], execution: int | None) -> int | None:
    """The line of the failing cell, from the traceback; the innermost frame of this cell."""
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


def _strip(error: BaseException) -> str:
    text = error.message if isinstance(error, IthacaError) else str(error)
    place = getattr(error, "where", "") or getattr(error, "filename", "") or ""
    return f"{text} ({place})" if place and str(place) not in text else text
