"""The texts that the program holds: what its compiled modules can print or read."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from pkgutil import walk_packages
from types import CodeType
from typing import TYPE_CHECKING

import ithaca
import ithaca_argo
import ithaca_tekton

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = (ithaca, ithaca_argo, ithaca_tekton)


def all_texts() -> list[str]:
    """Every text of every module, as often as it occurs."""
    return [text for code in modules() for text in constants(code)]


def constants(code: CodeType) -> Iterator[str]:
    """The texts that a compiled module holds."""
    waiting: list[object] = [code]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case tuple() | frozenset() as several:
                waiting += several
            case CodeType() as inner:
                waiting += inner.co_consts


def modules() -> Iterator[CodeType]:
    """Every module of Ithaca, compiled, whether it can be imported here or not."""
    for package in PACKAGES:
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            spec = found.module_finder.find_spec(found.name, None)  # type: ignore[call-arg]
            assert isinstance(spec.loader, SourceFileLoader)  # type: ignore[union-attr]
            code = spec.loader.get_code(found.name)  # type: ignore[union-attr]
            assert code is not None
            yield code
