"""Names as Argo takes them, and texts that Argo and Kubernetes must leave as they are.

A step's name never has two hyphens in a row once it is a DNS label, so names with two are ours.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ithaca.errors import UsageError
from ithaca.notebook.names import dns_label

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

_LONGEST = 63
_ULID = 26
_GENERATED = 5


def tasks(steps: Iterable[str]) -> dict[str, str]:
    """The name of each step's task: a DNS label that `depends` takes.

    Example:
        >>> tasks(["train_model", "_2nd"])
        {'train_model': 'train-model', '_2nd': 's--2nd'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for step in steps:
        label = dns_label(step) or "step"
        # Nor can `depends` name a task that begins with a digit.
        odd = label[0].isdigit() or label in _WORDS
        label = f"s--{label}"[:_LONGEST].rstrip("-") if odd else label
        name, number = label, 2
        while name in taken:  # `check` reports such steps; a hand-made IR may still have them
            end = f"--{number}"
            name, number = label[: _LONGEST - len(end)] + end, number + 1
        taken.add(name)
        found[step] = name
    return found


def parameter(name: str) -> str:
    """A Python name as the name of an Argo parameter, which is ASCII.

    Example:
        >>> parameter("lr"), parameter("größe")
        ('lr', 'gr-u00f6--u00df-e')
    """
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"-u{ord(found[0]):04x}-", name)


def workflow(name: str, run: str | None = None) -> str:
    """A Workflow's name or, without a run, what its generated name begins with."""
    if run is None:
        return name[: _LONGEST - _GENERATED - 1].rstrip("-") + "-"
    return f"{name[: _LONGEST - _ULID - 1].rstrip('-')}-{run.lower()}"


def json_text(value: Any) -> str:
    r"""JSON that neither Argo (`{{`) nor Kubernetes (`$(`) finds anything to substitute in.

    Both letters can only stand inside of strings where it matters, and there they are escaped.

    Example:
        >>> print(json_text("{{workflow.uid}} $(HOME)"))
        "\u007b\u007bworkflow.uid}} \u0024(HOME)"
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    # DEL too: Argo quotes what it substitutes as Go does, and JSON has no \x7f.
    for letters, escaped in (("{{", r"\u007b\u007b"), ("$", r"\u0024"), ("\x7f", r"\u007f")):
        text = text.replace(letters, escaped)
    return text


def environment_value(text: str) -> str:
    """A text that Kubernetes gives to a container as it is.

    Example:
        >>> environment_value("$(HOME) costs 5$")
        '$$(HOME) costs 5$$'
    """
    return text.replace("$", "$$")


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


def refuse_variables(content: Any, where: str) -> None:
    """Refuse texts in which Argo would substitute something: it has no way to escape them.

    Args:
        content: Texts, in lists and dicts of any depth.
        where: What the message calls the place.

    Raises:
        UsageError: One has two opening braces in a row.
    """
    if isinstance(content, dict):
        for key, value in content.items():
            refuse_variables(key, where)
            refuse_variables(value, f"{where}.{key}")
    elif isinstance(content, (list, tuple)):
        for value in content:
            refuse_variables(value, where)
    elif isinstance(content, str) and "{{" in content:
        raise UsageError(
            "ITH652",
            f"Argo would substitute what stands in {content!r}, and cannot be told not to",
            where=where,
            cure="write it without `{{`; only `pod_patch` may use Argo's variables",
        )
