"""Reads and writes files with functions bound early: a step may patch `json` or `open`."""

from __future__ import annotations

import json
from io import open as _open
from os import getpid as _getpid
from os import replace as _replace
from pathlib import Path
from typing import Any, BinaryIO, cast

_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(indent=1).encode
_encode_sorted = json.JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode


def open_binary(path: Path, mode: str) -> BinaryIO:
    """A file, open for bytes.

    Args:
        path: The file.
        mode: Such as `rb` or `w+b`.
    """
    return cast("BinaryIO", _open(str(path), mode))


def read_bytes(path: Path) -> bytes:
    """All bytes of a file."""
    with open_binary(path, "rb") as file:
        return file.read()


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return _decode(read_bytes(path).decode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file."""
    with open_binary(path, "wb") as file:
        file.write(data)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a small file so that a reader sees either the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{_getpid()}")
    write_bytes(draft, data)
    _replace(str(draft), str(path))  # noqa: PTH105 - bound early


def to_json(document: Any) -> bytes:
    """JSON whose bytes depend only on the content."""
    return (_encode_sorted(document) + "\n").encode()


def report_to_json(document: Any) -> bytes:
    """JSON in insertion order and in ASCII, because a user's text may not be valid Unicode."""
    return (_encode(document) + "\n").encode()
