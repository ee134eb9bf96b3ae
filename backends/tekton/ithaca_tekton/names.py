"""Names that Tekton accepts, and texts in which it substitutes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.names import LONGEST, ascii_name, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

END = "ithaca--end"
GATE = "ithaca--gate"


def parameters(names: Iterable[str]) -> dict[str, str]:
    """The names of a Pipeline's parameters: ASCII, and distinct regardless of case.

    Example:
        >>> parameters(["lr", "größe", "LR", "ö"])
        {'lr': 'lr', 'größe': 'gr-u00f6--u00df-e', 'LR': 'LR-2', 'ö': 'u00f6-'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for each in names:
        plain = ascii_name(each).lstrip("-")
        name, number = plain, 2
        while name.lower() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.lower())
        found[each] = name
    return found


def task(workflow: str, what: str) -> str:
    """The name of a Task that pods of a notebook share.

    Example:
        >>> task("digits", "step")
        'digits--step'
    """
    end = f"--{what}"
    return workflow[: LONGEST - len(end)].rstrip("-") + end


def shown(text: str) -> str:
    """A text for people in one line, in which Tekton substitutes nothing.

    Example:
        >>> shown("Is $(params.lr) right?")
        'Is $ (params.lr) right?'
    """
    return one_line(text).replace("$(", "$ (")


def gate(task: str) -> str:
    """The name of the task that waits for a person before another task.

    Example:
        >>> gate("train")
        'approve--train'
    """
    return f"approve--{task}"[:LONGEST].rstrip("-")
