"""From cells to steps: reads all tags and metadata of a notebook."""

from __future__ import annotations

import msgspec

from ithaca.diagnostics import Diagnostic, about_tag
from ithaca.notebook.compose import Draft, Part, assemble
from ithaca.notebook.digest import joined
from ithaca.notebook.graph import cycles, order
from ithaca.notebook.model import DNS_LABEL_LENGTH, TaggedNotebook, TaggedStep, dns_label
from ithaca.notebook.read import RawNotebook
from ithaca.notebook.settings import settle


def outline(raw: RawNotebook) -> tuple[TaggedNotebook, list[Diagnostic]]:
    """Group a notebook's cells into steps.

    Args:
        raw: The notebook, as `read` returns it.

    Returns:
        The steps with their needs and settings, and all problems of tags and metadata. Steps that
        need each other in a circle are in notebook order.

    Example:
        >>> tagged, diagnostics = outline(read(Path("train.ipynb")))  # doctest: +SKIP
    """
    part = assemble(raw)
    found = list(part.diagnostics)
    found += _no_steps(raw, part)
    found += _names(part.drafts)
    steps, problems = _steps(part)
    found += problems
    graph = {step.name: step.needs for step in steps}
    found += _circles(part, graph)
    names = order(graph) or tuple(graph)
    by_name = {step.name: step for step in steps}
    metadata = part.metadata
    tagged = TaggedNotebook(
        path=raw.relative,
        name=metadata.name,
        description=metadata.description,
        kernel=raw.kernel,
        steps=tuple(by_name[name] for name in names),
        scopes=tuple(part.scopes),
        volumes=metadata.volumes,
        study=metadata.study,
        digest=joined(part.digests),
        shown=part.shown,
    )
    return tagged, found


def _steps(part: Part) -> tuple[list[TaggedStep], list[Diagnostic]]:
    steps: list[TaggedStep] = []
    found: list[Diagnostic] = []
    for draft in part.drafts:
        settings, problems = settle(draft.name, *draft.layers)
        found += [
            msgspec.structs.replace(problem, notebook=draft.shown, cell=draft.cell.number)
            for problem in problems
        ]
        steps.append(
            TaggedStep(
                name=draft.name,
                needs=tuple(draft.needs),
                cells=tuple(draft.cells),
                settings=settings,
                scope=draft.scope,
            )
        )
    return steps, found


def _no_steps(raw: RawNotebook, part: Part) -> list[Diagnostic]:
    """Report a notebook without steps, as specifically as possible."""
    if part.drafts or any(found.severity == "error" for found in part.diagnostics):
        return []
    code = [cell for cell in raw.cells if cell.kind == "code"]
    cure = "tag cells with `step:NAME`, and with `prev:NAME` for each step that they need"
    if not raw.cells:
        message, code_id = "the notebook has no cells", "ITH106"
    elif not code:
        message, code_id = "the notebook has no code cells", "ITH106"
    elif not part.tagged:
        message, code_id = "the notebook has no Ithaca tags", "ITH107"
    else:
        message, code_id = "the notebook has no steps", "ITH107"
    return [about_tag(code_id, message, cure, notebook=raw.shown)]


def _names(drafts: list[Draft]) -> list[Diagnostic]:
    """Report names that a cluster cannot use or cannot tell apart."""
    found: list[Diagnostic] = []
    taken: dict[str, Draft] = {}
    for draft in drafts:
        label = dns_label(draft.name)
        if not label:
            found.append(_bad_name(draft, "has no letters or digits", "ITH123"))
        elif len(draft.name) > DNS_LABEL_LENGTH:
            found.append(
                _bad_name(draft, f"is longer than {DNS_LABEL_LENGTH} characters", "ITH123")
            )
        elif label in taken:
            other = taken[label]
            found.append(
                _bad_name(
                    draft,
                    f'and "{other.name}" (cell {other.cell.number}) both become "{label}" in a '
                    "cluster",
                    "ITH122",
                )
            )
        else:
            taken[label] = draft
    return found


def _bad_name(draft: Draft, reason: str, code: str) -> Diagnostic:
    return about_tag(
        code,
        f'step name "{draft.name}" {reason}',
        "rename the step, and update the `prev:` tags that name it",
        notebook=draft.shown,
        cell=draft.cell.number,
    )


def _circles(part: Part, graph: dict[str, tuple[str, ...]]) -> list[Diagnostic]:
    drafts = {draft.name: draft for draft in part.drafts}
    found: list[Diagnostic] = []
    for path in cycles(graph) if order(graph) is None else []:
        first = drafts[path[0]]
        text, cell, shown = first.needs[path[1] if len(path) > 1 else path[0]]
        message = (
            f'step "{path[0]}" needs itself'
            if len(path) == 1
            else "steps need each other in a circle: " + " → ".join([*path, path[0]])
        )
        cure = "remove one of their `prev:` tags"
        place = cell or first.cell.number
        found.append(about_tag("ITH121", message, cure, text, notebook=shown, cell=place))
    return found
