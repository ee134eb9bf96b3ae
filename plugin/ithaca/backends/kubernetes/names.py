"""Names that Kubernetes accepts, and texts in which it and engines substitute nothing.

A step's DNS label never has two hyphens in a row, so names that have are Ithaca's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from ithaca.errors import UsageError
from ithaca.notebook.model import dns_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ithaca.backends.kubernetes.settings import ClusterSettings

LONGEST = 63
"""Characters of a label, and of the names that become labels."""

_ULID = 26
_GENERATED = 5
_NUMBER = 8


def labels(
    names: Iterable[str], *, odd: Callable[[str], bool] = lambda _label: False
) -> dict[str, str]:
    """Distinct DNS labels for names.

    Args:
        names: The names.
        odd: Which labels the engine does not accept; they get the prefix `s--`.

    Example:
        >>> labels(["train_model", "_2nd"])
        {'train_model': 'train-model', '_2nd': '2nd'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for each in names:
        label = dns_label(each) or "step"
        label = f"s--{label}"[:LONGEST].rstrip("-") if odd(label) else label
        name, number = label, 2
        while name in taken:  # `check` reports such steps; a workflow made by hand may have them
            end = f"--{number}"
            name, number = label[: LONGEST - len(end)] + end, number + 1
        taken.add(name)
        found[each] = name
    return found


def workflow(name: str, run: str | None = None) -> str:
    """The name of a run's object or, without a run, the prefix of its generated name.

    Example:
        >>> workflow("digits", "01JAAAAAAAAAAAAAAAAAAAAAAA"), workflow("digits")
        ('digits-01jaaaaaaaaaaaaaaaaaaaaaaa', 'digits-')
    """
    if run is None:
        return name[: LONGEST - _GENERATED - 1].rstrip("-") + "-"
    return f"{name[: LONGEST - _ULID - 1].rstrip('-')}-{run.lower()}"


def template(study: str, content: Any) -> str:
    """The name of a template that a study's runs share: another content has another name.

    Example:
        >>> template("search", {"parallelism": 2})
        'search-9bb3b0e5'
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    number = hashlib.sha256(text.encode()).hexdigest()[:_NUMBER]
    return f"{study[: LONGEST - _NUMBER - 1].rstrip('-')}-{number}"


def json_text(value: Any) -> str:
    r"""JSON without variables of Argo (`{{`), Tekton or Kubernetes (`$(`).

    Where it matters both can only be inside strings, and there they are escaped.

    Example:
        >>> print(json_text("{{workflow.uid}} $(HOME)"))
        "\u007b\u007bworkflow.uid}} \u0024(HOME)"
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    # DEL too: Argo quotes like Go when it substitutes, and JSON has no \x7f.
    for letters, escaped in (("{{", r"\u007b\u007b"), ("$", r"\u0024"), ("\x7f", r"\u007f")):
        text = text.replace(letters, escaped)
    return text


def ascii_name(name: str) -> str:
    """A Python name in ASCII; hyphens surround what stands for other letters.

    Example:
        >>> ascii_name("größe")
        'gr-u00f6--u00df-e'
    """
    return re.sub(r"[^A-Za-z0-9_]", lambda letter: f"-u{ord(letter[0]):04x}-", name)


def one_line(text: str) -> str:
    """A text for people without line breaks and control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def environment_value(text: str) -> str:
    """Escape a text so that Kubernetes gives it to a container unchanged.

    Example:
        >>> environment_value("$(HOME) costs 5$")
        '$$(HOME) costs 5$$'
    """
    return text.replace("$", "$$")


def refuse_variables(content: Any, where: str, settings: ClusterSettings) -> None:
    """Reject texts in which the engine would substitute something, which cannot be escaped.

    Args:
        content: Texts, in lists and dicts of any depth.
        where: The place, for the message.
        settings: The backend's settings, which know the engine.

    Raises:
        UsageError: A text contains a variable of the engine (ITH652).
    """
    if isinstance(content, dict):
        for key, value in content.items():
            refuse_variables(key, where, settings)
            refuse_variables(value, f"{where}.{key}", settings)
    elif isinstance(content, (list, tuple)):
        for value in content:
            refuse_variables(value, where, settings)
    elif isinstance(content, str) and (found := settings.variable.search(content)):
        allowed = " and ".join(f"`{name}`" for name in sorted(settings.may_use_variables))
        only = f"; only {allowed} may use {settings.engine}'s variables" if allowed else ""
        raise UsageError(
            "ITH652",
            f"{settings.engine} would substitute `{found[0]}` in {content!r}",
            where=where,
            cure=f"write it without `{found[0]}`{only}",
        )
