"""From cells to steps: the whole of what a notebook's tags and metadata say."""

from __future__ import annotations

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.notebook.compose import Draft, Part, assemble
from ithaca.notebook.digest import joined
from ithaca.notebook.graph import cycles, order
from ithaca.notebook.model import TaggedNotebook, TaggedStep
from ithaca.notebook.names import DNS_LABEL_LENGTH, dns_label
from ithaca.notebook.read import RawNotebook
from ithaca.notebook.settings import settle


def outline(raw: RawNotebook) -> tuple[TaggedNotebook, list[Diagnostic]]:
    """Group a notebook's cells into steps.

    Args:
        raw: The notebook, as `read` returns it.

    Returns:
        The steps with their needs and settings, and everything that is wrong with tags and
        metadata. When steps need each other in a circle they are in notebook order.

    Example:
        >>> tagged, diagnostics = outline(read(Path("train.ipynb")))  # doctest: +SKIP
    """
    part = assemble(raw)
    found = list(part.diagnostics)
    found += _nothing_there(raw, part)
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


def _nothing_there(raw: RawNotebook, part: Part) -> list[Diagnostic]:
    """A notebook without any step, said in the way that helps most."""
    if part.drafts or any(found.severity == "error" for found in part.diagnostics):
        return []
    code = [cell for cell in raw.cells if cell.kind == "code"]
    cure = "tag its cells with `step:NAME`, and with `prev:NAME` what a step needs"
    if not raw.cells:
        message, code_id = "the notebook has no cells", "ITH106"
    elif not code:
        message, code_id = "the notebook has no code cells", "ITH106"
    elif not part.tagged:
        message, code_id = "no cell of the notebook has a tag that Ithaca knows", "ITH107"
    else:
        message, code_id = "the notebook has no step", "ITH107"
    return [
        Diagnostic(code=code_id, severity="error", message=message, cure=cure, notebook=raw.shown)
    ]


def _names(drafts: list[Draft]) -> list[Diagnostic]:
    """Names that engines could not tell apart, or not take."""
    found: list[Diagnostic] = []
    taken: dict[str, Draft] = {}
    for draft in drafts:
        label = dns_label(draft.name)
        if not label:
            found.append(_bad_name(draft, "has no letter or digit", "ITH123"))
        elif len(draft.name) > DNS_LABEL_LENGTH:
            found.append(
                _bad_name(draft, f"is longer than {DNS_LABEL_LENGTH} characters", "ITH123")
            )
        elif label in taken:
            other = taken[label]
            found.append(
                _bad_name(
                    draft,
                    f"and {other.name} (cell {other.cell.number}) are both {label!r} to a cluster",
                    "ITH122",
                )
            )
        else:
            taken[label] = draft
    return found


def _bad_name(draft: Draft, reason: str, code: str) -> Diagnostic:
    return Diagnostic(
        code=code,
        severity="error",
        message=f"the step name {draft.name} {reason}",
        cure="rename the step, also where `prev:` names it",
        notebook=draft.shown,
        cell=draft.cell.number,
    )


def _circles(part: Part, graph: dict[str, tuple[str, ...]]) -> list[Diagnostic]:
    drafts = {draft.name: draft for draft in part.drafts}
    found: list[Diagnostic] = []
    for path in cycles(graph) if order(graph) is None else []:
        first = drafts[path[0]]
        text, cell, shown = first.needs[path[1] if len(path) > 1 else path[0]]
        said = (
            f"the step {path[0]} needs itself"
            if len(path) == 1
            else "steps need each other in a circle: " + " → ".join([*path, path[0]])
        )
        found.append(
            Diagnostic(
                code="ITH121",
                severity="error",
                message=said,
                cure="take away one of their `prev:` tags",
                notebook=shown,
                cell=cell or first.cell.number,
                source=text,
                column=1 if text else None,
                end_column=len(text) + 1 if text else None,
            )
        )
    return found
