"""Settings: `[tool.ithaca]` of `pyproject.toml`, then `ITHACA_*`, then flags; the last wins."""

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
"""Settings with a single value; the second line is for remotes and clusters."""

TABLES: Mapping[str, tuple[str, ...]] = {
    "local": ("cpu", "memory", "gpu"),
    "merge": (),
    "reuse": ("ignore",),
    "source": ("max_bytes", "max_files"),
    "tune": (),
}
"""Tables and their keys; empty where the keys are patterns."""


@dataclass(frozen=True)
class Settings:
    """The settings of a project.

    Attributes:
        root: The project's root.
        values: Settings by name; tables such as `local` or `merge` are dicts.
        overrides: Names of the settings that come from the environment or a flag.
    """

    root: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    overrides: frozenset[str] = frozenset()

    @property
    def home(self) -> Path:
        """The folder for everything that Ithaca writes; by default `.ithaca` in the root."""
        return self.root / Path(self.values.get("home") or ".ithaca").expanduser()

    def text(self, name: str) -> str | None:
        """A setting as text; None if it is not set."""
        found = self.values.get(name)
        return None if found is None else str(found)

    def number(self, name: str, default: int) -> int:
        """A setting as a whole number.

        Raises:
            UsageError: It is not a whole number.
        """
        return whole_number(name, self.values.get(name), default)

    def table(self, name: str) -> dict[str, Any]:
        """A table such as `[tool.ithaca.local]`; empty if it is not set.

        Raises:
            UsageError: The setting is not a table.
        """
        found = self.values.get(name, {})
        if not isinstance(found, dict):
            cure = f"set its keys under [tool.ithaca.{name}] in pyproject.toml"
            raise wrong_setting(name, "a table", found, cure)
        return dict(found)


def wrong_setting(name: str, wanted: str, found: Any, cure: str = "") -> UsageError:
    """The error for a setting with a value that it cannot have.

    Args:
        name: Name of the setting.
        wanted: What it must be.
        found: Its value.
        cure: What to do.
    """
    return UsageError("ITH903", f"the setting `{name}` must be {wanted} (got {found!r})", cure=cure)


def whole_number(name: str, found: Any, default: int) -> int:
    """The value of a setting that must be a whole number.

    Args:
        name: Name of the setting, for the message.
        found: The value; None if it is not set.
        default: What to return if it is not set.

    Raises:
        UsageError: It is not a whole number.

    Example:
        >>> whole_number("parallel", "4", 2), whole_number("parallel", None, 2)
        (4, 2)
    """
    if found is None:
        return default
    try:
        return int(found)
    except (TypeError, ValueError):
        raise wrong_setting(name, "a whole number", found) from None


def load(root: Path, flags: Mapping[str, Any] | None = None) -> Settings:
    """Load the settings of a project.

    Args:
        root: The project's root.
        flags: Settings from the command line; None means not given.

    Returns:
        The settings. A relative `python` in `pyproject.toml` is relative to the root; from the
        environment or a flag, it is relative to the working directory.

    Raises:
        UsageError: `pyproject.toml` cannot be read, or has an unknown setting.
    """
    prefix = "ITHACA_"
    overrides = {
        name.removeprefix(prefix).lower(): text
        for name, text in os.environ.items()
        if name.startswith(prefix) and text
    }
    overrides.update({name: flag for name, flag in (flags or {}).items() if flag is not None})
    values = {**_project(root / "pyproject.toml"), **overrides}
    return Settings(root, values, frozenset(overrides))


def _project(path: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            "ITH904", f"cannot read the project's settings: {error}", where=str(path)
        ) from None
    tool = content.get("tool", {})
    found = tool.get("ithaca", {}) if isinstance(tool, dict) else {}
    if not isinstance(found, dict):
        raise UsageError("ITH903", "`tool.ithaca` must be a table", where=str(path))
    values = {name.replace("-", "_"): value for name, value in found.items()}
    _check_known(values, path)
    python = values.get("python")
    if isinstance(python, str) and os.sep in python:  # a plain name is searched on the PATH
        values["python"] = str(path.parent / Path(python).expanduser())
    return values


def _check_known(values: Mapping[str, Any], path: Path) -> None:
    """Refuse keys that nothing reads; they are usually misspelt."""
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
        cure=f"known settings: {', '.join(listed)}",
        where=str(path),
    )
