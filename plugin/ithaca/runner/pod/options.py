"""The command line of the runner in a pod: what its backend and its engine say of the attempt."""

from __future__ import annotations

import argparse
import socket
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from ithaca.errors import UsageError
from ithaca.model.run import FINAL

if TYPE_CHECKING:
    from collections.abc import Sequence

HOME = "/ithaca"
"""Where a copied Ithaca is."""

_CLOCKS = 5
"""Seconds by which the clocks of a cluster's machines may differ."""
_NUMBERS = ("deadline", "infrastructure_retries")
"""Options without a default whose values are numbers."""


class Options(msgspec.Struct, kw_only=True):
    """The options of the command line, as specified in `docs/clusters.md`.

    Attributes:
        check: Report whether a step could run here, and run none.
        argument: Arguments as `NAME=VALUE`, for engines that cannot write JSON.
        deadline: Seconds that the whole run may take.
        asked: Where the answer to the step's question is, as `MODULE:REFERENCE`.
        last_message: What the engine reports of the pod of the previous attempt.
        last_exit_code: Exit code of that pod's runner.
        unset: Text that marks a value which the engine did not fill in.
        out: Folder for what the engine passes on; empty: one in the folder of the attempt.
        pod: Name of the pod, for the record.
        memory: The pod's limit of memory, for the record.
        image: Reference of the pod's image.
        environment: The environment to restore; empty for the image's own.
        prepare: Install the environment instead of executing a step; the first step that needs it.
        root: Where the project is.
        work: Everything else of the attempt.
        cache: What the node keeps, when the folder exists.
        termination: File for the termination message.
    """

    store: str = ""
    workflow: str = ""
    source: str = ""
    run: str = ""
    engine: str = ""
    created: str = ""
    step: str = ""
    parents: str = ""
    arguments: str = "[]"
    argument: list[str] = []
    deadline: int | None = None
    infrastructure_retries: int | None = None
    retries: int = 0
    decision: str = ""
    asked: str = ""
    by: str = ""
    comment: str = ""
    last_message: str = ""
    last_exit_code: str = ""
    unset: str = ""
    python: str = ""
    image: str = ""
    environment: str = ""
    prepare: str = ""
    pod: str = ""
    memory: str = ""
    end: str | None = None
    failures: str = "[]"
    exit_failed: int = 0
    gate: str = ""
    judge: str = ""
    out: str = ""
    install: str | None = None
    check: bool = False
    root: str = "/project"
    work: str = "/ithaca-work"
    cache: str = "/ithaca-cache"
    termination: str = "/dev/termination-log"

    def ends(self, created: float) -> float | None:
        """When the engine ends the whole run; a little earlier, since clocks differ.

        Args:
            created: When the run began, for engines that do not report it.
        """
        if self.deadline is None:
            return None
        began = seconds(self.created) if self.created else created
        return began + self.deadline - _CLOCKS

    @property
    def last(self) -> tuple[str, int | None]:
        """Message and exit code of the previous attempt's pod, as far as the engine gives them."""
        message, code = (
            "" if self.unset and self.unset in text else text
            for text in (self.last_message, self.last_exit_code)
        )
        return message, int(code) if code.isdigit() else None

    @property
    def home(self) -> Path:
        """Where the local store and its caches are."""
        return Path(self.cache if Path(self.cache).is_dir() else self.work)

    @property
    def results(self) -> Path:
        """Where the engine finds what it passes on."""
        return Path(self.out or f"{self.work}/out")

    @property
    def backend(self) -> str:
        """The backend's name, as `--backend` takes it."""
        return self.engine.partition("/")[0] or "BACKEND"

    @property
    def writer(self) -> str:
        """Who writes, for the record: the pod's name, else the host's, which is its beginning."""
        return self.pod or socket.gethostname()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage()
        self.exit(FINAL, f"{message}\n")


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the process with exit code 65 when it is wrong.

    Args:
        arguments: The options.

    Example:
        >>> parse(["--store=file:///s", "--step=train", "--retries=1"]).retries
        1
    """
    parser = _Parser(prog="python -m ithaca.runner", allow_abbrev=False)
    for field in msgspec.structs.fields(Options):
        name, default = f"--{field.name.replace('_', '-')}", field.default
        if field.name == "argument":
            parser.add_argument(name, nargs="*", default=[])
        elif isinstance(default, bool):
            parser.add_argument(name, action="store_true")
        else:
            number = isinstance(default, int) or field.name in _NUMBERS
            parser.add_argument(name, type=int if number else str, default=default)
    return Options(**vars(parser.parse_args(list(arguments))))


def seconds(created: str) -> float:
    """Convert a time as engines write it to seconds since the epoch.

    Args:
        created: As RFC 3339.

    Raises:
        UsageError: It is not a time.
    """
    try:
        return datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise UsageError("ITH525", f"--created must be a time (got {created!r})") from None


def required(options: Options, *names: str) -> None:
    """Check that options are given.

    Args:
        options: The command line.
        names: Options that may not be empty.

    Raises:
        UsageError: One is empty.
    """
    missing = [f"--{name}" for name in names if not getattr(options, name)]
    if missing:
        raise UsageError(
            "ITH525",
            f"the pod's command line has no {', '.join(missing)}",
            cure=f"print the manifests again: `ithaca compile NB --backend {options.backend}`",
        )
