"""Names that Argo accepts, and texts in which it substitutes nothing."""

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
"""Keywords of Argo's expression language; a task with such a name cannot be used in `depends`."""


def tasks(steps: Iterable[str]) -> dict[str, str]:
    """The name of each step's task: a DNS label that is valid in `depends`.

    Example:
        >>> tasks(["train_model", "_2nd"])
        {'train_model': 'train-model', '_2nd': 's--2nd'}
    """
    # A name that begins with a digit is not valid in `depends` either.
    return labels(steps, odd=lambda label: label[0].isdigit() or label in _WORDS)


def parameter(name: str) -> str:
    """The name of the Argo parameter for a Python name; it must be ASCII.

    Example:
        >>> parameter("lr"), parameter("größe")
        ('lr', 'gr-u00f6--u00df-e')
    """
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"-u{ord(found[0]):04x}-", name)


def shown(text: str) -> str:
    """A text for people in one line, in which Argo substitutes nothing.

    Example:
        >>> shown("Is {{this}} right?")
        'Is { {this}} right?'
    """
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    while "{{" in text:
        text = text.replace("{{", "{ {")
    return text
