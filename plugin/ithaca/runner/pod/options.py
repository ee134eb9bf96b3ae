"""The command line of the runner in a pod."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from ithaca.errors import UsageError
from ithaca.records.ends import FINAL as FINAL

if TYPE_CHECKING:
    from collections.abc import Sequence

HOME = "/ithaca"
"""Where a copied Ithaca is."""

_MOST_SAID = 2048
"""Bytes of a termination message."""
_CLOCKS = 5
"""Seconds that the clocks of a cluster's machines may differ."""
_NUMBERS = ("deadline", "infrastructure_retries")
"""Options that are numbers, when they are given."""


class Options(msgspec.Struct, kw_only=True):
    """What the command line says; the options are those of `docs/clusters.md`.

    Attributes:
        check: Say whether a step could run here, and run none.
        argument: Arguments as `NAME=VALUE`, for engines that write no JSON.
        deadline: Seconds that the whole run may take.
        asked: The ApprovalTask that has the answer, as `PIPELINERUN/TASK`.
        last_message: What the engine says of the pod of the attempt before this one.
        last_exit_code: How that pod's runner ended.
        out: Folder for what the engine passes on; empty: one in the folder of the attempt.
        pod: Name of the pod, for the record.
        memory: How much memory the pod may use, for the record.
        image: Reference of the pod's image.
        environment: The environment that is restored; empty for the image's own.
        prepare: Install it, instead of executing a step; names the first step that waits for it.
        root: Where the project is.
        work: Everything else of the attempt.
        cache: What the node keeps, when the folder is there.
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
            created: When the run began, where the engine does not say it.
        """
        if self.deadline is None:
            return None
        began = seconds(self.created) if self.created else created
        return began + self.deadline - _CLOCKS

    @property
    def last(self) -> tuple[str, int | None]:
        """Message and exit code of the attempt before; nothing where the engine has neither.

        An engine that does not know a variable leaves it standing as it was written.
        """
        message, code = (
            "" if text.startswith("{{") else text
            for text in (self.last_message, self.last_exit_code)
        )
        return message, int(code) if code.isdigit() else None

    @property
    def home(self) -> Path:
        """Where the local store and what else is worth keeping is."""
        return Path(self.cache if Path(self.cache).is_dir() else self.work)

    @property
    def results(self) -> Path:
        """Where the engine finds what it passes on."""
        return Path(self.out or f"{self.work}/out")

    @property
    def backend(self) -> str:
        """What `--backend` calls the engine."""
        return self.engine.partition("/")[0] or "argo"

    @property
    def writer(self) -> str:
        """Who writes, for the record: a pod's host is called as the pod, cut off."""
        return self.pod or socket.gethostname()

    def say(self, text: str) -> None:
        """Leave the termination message, when the engine has made a file for it.

        Args:
            text: What went wrong, without secrets.
        """
        path = Path(self.termination)
        if path.is_file() and os.access(path, os.W_OK):
            with contextlib.suppress(OSError):
                path.write_bytes(text.encode("utf-8", "replace")[:_MOST_SAID])


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
    """A time as engines write it, in seconds since the epoch.

    Args:
        created: As RFC 3339.

    Raises:
        UsageError: It is none.
    """
    try:
        return datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise UsageError("ITH525", f"--created is no time: {created!r}") from None


def required(options: Options, *names: str) -> None:
    """Refuse a command line that lacks options.

    Args:
        options: What it says.
        names: Options that may not be empty.

    Raises:
        UsageError: One is.
    """
    missing = [f"--{name}" for name in names if not getattr(options, name)]
    if missing:
        raise UsageError(
            "ITH525",
            f"the pod's command line lacks {', '.join(missing)}",
            cure=f"print the manifests again: `ithaca compile NB --backend {options.backend}`",
        )
