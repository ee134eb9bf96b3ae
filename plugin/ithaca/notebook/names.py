"""Names: how they look as DNS labels, and which known name a mistyped one is nearest to."""

from __future__ import annotations

import re
from collections.abc import Iterable

DNS_LABEL_LENGTH = 63
"""Longest name of a Kubernetes object's label-like part."""

_NOT_DNS = re.compile(r"[^a-z0-9]+")


def dns_label(text: str) -> str:
    """A text as a DNS label: lower case, everything else but letters and digits a hyphen.

    Args:
        text: Any text, such as a step's name or a title.

    Returns:
        At most 63 characters; empty when the text has no letter or digit of ASCII.

    Example:
        >>> dns_label("Dog breed_v2.ipynb")
        'dog-breed-v2-ipynb'
    """
    return _NOT_DNS.sub("-", text.lower()).strip("-")[:DNS_LABEL_LENGTH].rstrip("-")


def identifier(text: str) -> str:
    """The step name that is nearest to a text, or an empty string when there is none.

    Example:
        >>> identifier("Load Data")
        'load_data'
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = _NOT_DNS.sub("_", spaced.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def distance(one: str, other: str) -> int:
    """How many letters were changed, left out, added or swapped between two words.

    Example:
        >>> distance("block", "bolck")
        1
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def nearest(word: str, known: Iterable[str], *, limit: int | None = None) -> str | None:
    """The known word that was probably meant.

    Args:
        word: What was written.
        known: What there is; of equally near words the first is chosen.
        limit: Largest distance that still counts; by default a third of the word, at least one.

    Returns:
        None when nothing is near enough.

    Example:
        >>> nearest("trian", ["load", "train"])
        'train'
    """
    allowed = max(1, len(word) // 3) if limit is None else limit
    best: tuple[int, str] | None = None
    for candidate in known:
        if abs(len(candidate) - len(word)) > allowed:
            continue
        found = distance(word, candidate)
        if found <= allowed and (best is None or found < best[0]):
            best = (found, candidate)
    return best[1] if best else None
