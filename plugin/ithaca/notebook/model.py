"""A tagged notebook: cells grouped by their tags, before any analysis."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ithaca.model.workflow import Secret, Study, Volume

DNS_LABEL_LENGTH = 63
"""Longest DNS label in Kubernetes."""

_NOT_DNS = re.compile(r"[^a-z0-9]+")


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of a notebook.

    Attributes:
        number: Position among all cells of its notebook, from 1.
        kind: `code`, `markdown` or `raw`.
        source: The text.
        tags: Its tags, in order.
        metadata: Its whole metadata.
        notebook: Path of its notebook, relative to the root, `/` as separator.
    """

    number: int
    kind: str
    source: str
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    notebook: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a step from tags and defaults; the fields are those of the IR."""

    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}
    image: str | None = None
    env: dict[str, str] = {}
    secrets: tuple[Secret, ...] = ()
    node: dict[str, str] = {}
    retries: int = 0
    timeout: float | None = None
    cache: bool = True
    approval: str | None = None


class TaggedStep(msgspec.Struct, frozen=True, kw_only=True):
    """The cells that run together.

    Attributes:
        name: As in the IR (steps of included notebooks are `OUTER-inner`).
        needs: Names of the steps in its `prev:` tags, in order of appearance, without repeats.
        cells: Its code cells in notebook order.
        settings: Resources and other settings.
        scope: Index in `TaggedNotebook.scopes` of the notebook whose shared cells it uses.
    """

    name: str
    needs: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    settings: Settings = Settings()
    scope: int = 0


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The shared cells of one notebook (a composed workflow has several notebooks).

    Attributes:
        notebook: Path relative to the root.
        imports: Cells tagged `imports`, in order.
        functions: Cells tagged `functions`, in order.
        shared: `imports` and `functions` cells together, in notebook order.
        parameters: Cells tagged `pipeline-parameters`.
        metrics: Cells tagged `pipeline-metrics`.
        untagged: Cells above the first tag, which do not run; kept for messages.
        skipped: Cells tagged `skip`; kept for messages.
    """

    notebook: str = ""
    imports: tuple[Cell, ...] = ()
    functions: tuple[Cell, ...] = ()
    shared: tuple[Cell, ...] = ()
    parameters: tuple[Cell, ...] = ()
    metrics: tuple[Cell, ...] = ()
    untagged: tuple[Cell, ...] = ()
    skipped: tuple[Cell, ...] = ()


class TaggedNotebook(msgspec.Struct, frozen=True, kw_only=True):
    """A notebook, with its included notebooks, after its tags were read.

    Attributes:
        path: Path of the notebook relative to the root.
        name: The workflow's name (a DNS label).
        description: From the metadata, else empty.
        kernel: Name of the kernelspec in the metadata, else `python3`.
        steps: In topological order, notebook order where free.
        scopes: The shared cells; scope 0 is the outer notebook.
        volumes: From the metadata.
        study: From the metadata (also `katib_metadata`), else None.
        digest: Digest of its source and of its included notebooks.
        shown: For each notebook, by its path relative to the root, the path for messages.
    """

    path: str
    name: str
    description: str = ""
    kernel: str = "python3"
    steps: tuple[TaggedStep, ...] = ()
    scopes: tuple[Scope, ...] = (Scope(),)
    volumes: tuple[Volume, ...] = ()
    study: Study | None = None
    digest: str = ""
    shown: dict[str, str] = {}


def dns_label(text: str) -> str:
    """A text as a DNS label: lower case, with a hyphen for everything but letters and digits.

    Args:
        text: Any text, such as a step's name or a title.

    Returns:
        At most 63 characters; empty when the text has no ASCII letter or digit.

    Example:
        >>> dns_label("Dog breed_v2.ipynb")
        'dog-breed-v2-ipynb'
    """
    return _NOT_DNS.sub("-", text.lower()).strip("-")[:DNS_LABEL_LENGTH].rstrip("-")


def identifier(text: str) -> str:
    """A text as the name of a step; empty when it has no ASCII letter or digit.

    Example:
        >>> identifier("Load Data")
        'load_data'
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = _NOT_DNS.sub("_", spaced.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name
