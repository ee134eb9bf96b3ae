"""Names that Argo accepts, and texts in which it substitutes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.names import ascii_name, labels, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

DAG = "ithaca--dag"
END = "ithaca--end"
APPROVAL = "ithaca--approval"

_UNUSABLE = re.compile(
    r"\d.*|in|not|and|or|let|if|else|true|false|nil|matches|contains|startswith|endswith"
)
"""Names of tasks that `depends` cannot use: keywords of Argo's expressions, and numbers first."""


def tasks(steps: Iterable[str]) -> dict[str, str]:
    """The name of each step's task: a DNS label that is valid in `depends`.

    Example:
        >>> tasks(["train_model", "_2nd"])
        {'train_model': 'train-model', '_2nd': 's--2nd'}
    """
    return labels(steps, odd=lambda label: bool(_UNUSABLE.fullmatch(label)))


def parameter(name: str) -> str:
    """The name of the Argo parameter for a Python name; it must be ASCII.

    Example:
        >>> parameter("lr"), parameter("größe")
        ('lr', 'gr-u00f6--u00df-e')
    """
    return ascii_name(name)


def shown(text: str) -> str:
    """A text for people in one line, in which Argo substitutes nothing.

    Example:
        >>> shown("Is {{this}} right?")
        'Is { {this}} right?'
    """
    text = one_line(text)
    while "{{" in text:
        text = text.replace("{{", "{ {")
    return text
