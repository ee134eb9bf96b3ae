"""Settings: `[tool.ithaca]` of `pyproject.toml`, then `ITHACA_*`, then flags; later wins."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLAIN = (
    *("home", "backend", "python", "parallel", "infrastructure_retries"),
    *("store", "store_access", "image", "namespace", "service_account", "environment"),
)
"""Settings that are one value; those of the second line are of remotes and clusters."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "local": ("cpu", "memory", "gpu"),
    "merge": (),
    "reuse": ("ignore",),
    "source": ("max_bytes", "max_files"),
}
"""Tables and their keys; none are listed where every key is a pattern."""


@dataclass(frozen=True)
class Settings:
    """What is set for a project.

    Attributes:
        root: The project's root.
        values: The settings by name; tables such as `local` or `merge` are dicts.
        told: Names of those that the user said by the environment or a flag, not the project.
    """

    root: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    told: frozenset[str] = frozenset()

    @property
    def home(self) -> Path:
        """Where everything of Ithaca lives: `ITHACA_HOME`, else `.ithaca`, from the root."""
        told = self.values.get("home")
        return (self.root / Path(told).expanduser()) if told else self.root / ".ithaca"

    def text(self, name: str, default: str | None = None) -> str | None:
        """A setting as text."""
        found = self.values.get(name)
        return default if found is None else str(found)

    def number(self, name: str, default: int) -> int:
        """A setting as a whole number.

        Raises:
            UsageError: It is none.
        """
        return whole_number(name, self.values.get(name), default)

    def table(self, name: str) -> dict[str, Any]:
        """A table such as `[tool.ithaca.local]`; empty when it is not there.

        Raises:
            UsageError: Something else is there.
        """
        found = self.values.get(name, {})
        if not isinstance(found, dict):
            raise UsageError(
                "ITH903",
                f"the setting `{name}` is not a table: {found!r}",
                cure=f"write its keys under [tool.ithaca.{name}] in pyproject.toml",
            )
        return dict(found)


def whole_number(name: str, found: Any, default: int) -> int:
    """A setting that must be a whole number.

    Args:
        name: What the message calls it.
        found: What is set; None when nothing is.
        default: What counts then.

    Raises:
        UsageError: It is none.

    Example:
        >>> whole_number("parallel", "4", 2), whole_number("parallel", None, 2)
        (4, 2)
    """
    if found is None:
        return default
    try:
        return int(found)
    except (TypeError, ValueError):
        raise UsageError(
            "ITH903", f"the setting `{name}` is not a whole number: {found!r}"
        ) from None


def load(root: Path, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings of a project.

    Args:
        root: The project's root.
        flags: What the command line says; None stands for "not said".

    Returns:
        The settings. A relative `python` of `pyproject.toml` is taken from the root, one of the
        environment or a flag from the working directory, as in a shell.

    Raises:
        UsageError: `pyproject.toml` cannot be read, or has a setting that there is not.
    """
    prefix = "ITHACA_"
    said = {
        name.removeprefix(prefix).lower(): text
        for name, text in os.environ.items()
        if name.startswith(prefix) and text
    }
    said.update({name: told for name, told in (flags or {}).items() if told is not None})
    return Settings(root, {**_project(root / "pyproject.toml"), **said}, frozenset(said))


def _project(path: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            "ITH904", f"the project's settings cannot be read: {error}", where=str(path)
        ) from None
    tool = content.get("tool", {})
    found = tool.get("ithaca", {}) if isinstance(tool, dict) else {}
    if not isinstance(found, dict):
        raise UsageError("ITH903", "`tool.ithaca` is not a table", where=str(path))
    values = {name.replace("-", "_"): value for name, value in found.items()}
    _refuse_unknown(values, path)
    python = values.get("python")
    if isinstance(python, str) and os.sep in python:  # else it is looked for on the PATH
        values["python"] = str(path.parent / Path(python).expanduser())
    return values


def _refuse_unknown(values: Mapping[str, Any], path: Path) -> None:
    """Refuse keys that nothing reads, which are most often misspelt."""
    for name, value in values.items():
        if name in TABLES:
            known = TABLES[name]
            for key in value if known and isinstance(value, dict) else ():
                if key not in known:
                    raise _unknown(f"{name}.{key}", [f"{name}.{each}" for each in known], path)
        elif name not in PLAIN:
            known_names = [*PLAIN, *TABLES]
            # A table unlike any of these belongs to a backend that is not installed here.
            if suggest(name, known_names) or not isinstance(value, dict):
                raise _unknown(name, known_names, path)


def _unknown(name: str, known: Iterable[str], path: Path) -> UsageError:
    listed = sorted(known)
    return UsageError(
        "ITH903",
        f'unknown setting "{name}"{suggest(name, listed)}',
        cure=f"settings are: {', '.join(listed)}",
        where=str(path),
    )
