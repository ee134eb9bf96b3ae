"""Names: as DNS labels, and as names of steps."""

from __future__ import annotations

import re

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
    """A text as the name of a step; empty when it has no letter or digit of ASCII.

    Example:
        >>> identifier("Load Data")
        'load_data'
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = _NOT_DNS.sub("_", spaced.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name
