"""Names as Argo takes them, and texts in which it finds nothing to substitute."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.names import labels

if TYPE_CHECKING:
    from collections.abc import Iterable

DAG = "ithaca--dag"
END = "ithaca--end"
APPROVAL = "ithaca--approval"

_WORDS = frozenset(
    [
        "in",
        "not",
        "and",
        "or",
        "let",
        "if",
        "else",
        "true",
        "false",
        "nil",
        "matches",
        "contains",
        "startswith",
        "endswith",
    ]
)
"""Words of the language in which Argo evaluates `depends`; a task cannot be called so there."""


def tasks(steps: Iterable[str]) -> dict[str, str]:
    """The name of each step's task: a DNS label that `depends` takes.

    Example:
        >>> tasks(["train_model", "_2nd"])
        {'train_model': 'train-model', '_2nd': 's--2nd'}
    """
    # Nor can `depends` name a task that begins with a digit.
    return labels(steps, odd=lambda label: label[0].isdigit() or label in _WORDS)


def parameter(name: str) -> str:
    """A Python name as the name of an Argo parameter, which is ASCII.

    Example:
        >>> parameter("lr"), parameter("größe")
        ('lr', 'gr-u00f6--u00df-e')
    """
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"-u{ord(found[0]):04x}-", name)


def shown(text: str) -> str:
    """A text for people in one line, in which Argo finds nothing to substitute.

    Example:
        >>> shown("Is {{this}} right?")
        'Is { {this}} right?'
    """
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    while "{{" in text:
        text = text.replace("{{", "{ {")
    return text
