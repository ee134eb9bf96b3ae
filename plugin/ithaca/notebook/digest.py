"""The digest of a notebook's source, without the traces of running it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ithaca.notebook.read import RawNotebook

_LEFT_BY_TOOLS = frozenset(
    {"execution", "ExecuteTime", "papermill", "collapsed", "scrolled", "outputId", "widgets"}
)
"""Metadata that changes when a notebook is run or opened."""


def digest(raw: RawNotebook) -> str:
    """The digest of one notebook.

    Args:
        raw: The notebook, which has no outputs, execution counts and cell ids.

    Returns:
        64 hexadecimal digits.
    """
    return _hash(
        {
            "cells": [
                {
                    "kind": cell.kind,
                    "source": cell.source,
                    "metadata": _written(cell.metadata),
                }
                for cell in raw.cells
            ],
            # The last kernel wrote `language_info`.
            "metadata": _written(raw.metadata, "language_info"),
        }
    )


def joined(digests: Sequence[tuple[str, str]]) -> str:
    """The digest of a notebook with its included notebooks.

    Args:
        digests: Path and digest of each, the outer one first.

    Returns:
        For a single notebook its own digest, independent of its path.
    """
    return digests[0][1] if len(digests) == 1 else _hash(sorted(set(digests)))


def _written(metadata: dict[str, Any], *more: str) -> dict[str, Any]:
    return {k: v for k, v in metadata.items() if k not in _LEFT_BY_TOOLS and k not in more}


def _hash(content: object) -> str:
    from blake3 import blake3  # not needed to read or check a notebook's tags

    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return blake3(text.encode()).hexdigest()
