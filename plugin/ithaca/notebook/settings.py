"""Settings of a step: collected from its tags and merged with the defaults.

A *slot* is one thing that can be set once: a limit of one resource, one environment variable, the
image. Layers of slots override each other: a step's own tags come first, then the defaults of its
notebook, then the tags of the `notebook:` cell that includes it, then the defaults of the including
notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ithaca.diagnostics import Diagnostic, about_tag
from ithaca.model.workflow import Secret
from ithaca.notebook.model import Settings
from ithaca.notebook.tags import Tag, is_label_value

Slot = tuple[str, str]
"""The word (`env` for secrets too, because both set a variable) and the key."""

Slots = Mapping[Slot, Any]

Placed = tuple[Tag, int | None]
"""A tag and the number of its cell; None for a default from the notebook's metadata."""

_SUFFIX = {
    "n": Decimal(10) ** -9, "u": Decimal(10) ** -6, "m": Decimal(10) ** -3, "k": Decimal(10) ** 3,
    **{unit: Decimal(10) ** (6 + 3 * i) for i, unit in enumerate("MGTPE")},
    **{f"{unit}i": Decimal(2) ** (10 + 10 * i) for i, unit in enumerate("KMGTPE")},
}  # fmt: skip


def collect(tags: Iterable[Placed]) -> tuple[dict[Slot, Any], list[Diagnostic]]:
    """Put setting tags into their slots.

    Args:
        tags: The setting tags of one layer, in notebook order.

    Returns:
        The slots, and a diagnostic for each slot that two tags set differently; the first wins.
    """
    slots: dict[Slot, Any] = {}
    first: dict[Slot, Placed] = {}
    found: list[Diagnostic] = []
    for tag, cell in tags:
        if tag.kind == "report":
            continue
        slot = ("env" if tag.kind == "secret" else tag.kind, tag.name)
        if slot not in slots:
            slots[slot] = tag.value
            first[slot] = (tag, cell)
        elif slots[slot] != tag.value:
            found.append(_conflict(first[slot], (tag, cell)))
        if tag.kind in ("label", "node") and not is_label_value(tag.value):
            found.append(_invalid_label(tag, cell))
    return slots, found


def settle(step: str, *layers: Slots) -> tuple[Settings, list[Diagnostic]]:
    """Merge the settings of a step.

    Args:
        step: Its name, for messages and for an `approval` without a question.
        layers: Slots, the strongest layer first.

    Returns:
        The settings, with keys sorted, and a diagnostic for each contradiction.
    """
    slots: dict[Slot, Any] = {}
    for layer in reversed(layers):
        slots.update(layer)
    values = (slots[slot] for slot in sorted(slots))
    settings = Settings(
        requests=_keyed(slots, "request"),
        limits=_keyed(slots, "limit"),
        annotations=_keyed(slots, "annotation"),
        labels=_keyed(slots, "label"),
        image=slots.get(("image", "")),
        env={k: v for k, v in _keyed(slots, "env").items() if not isinstance(v, Secret)},
        secrets=tuple(value for value in values if isinstance(value, Secret)),
        node=_keyed(slots, "node"),
        retries=slots.get(("retry", ""), 0),
        timeout=slots.get(("timeout", "")),
        cache=slots.get(("cache", ""), True),
        approval=_question(slots.get(("approval", "")), step),
    )
    return settings, _requests_above_limits(step, settings)


def _keyed(slots: Slots, kind: str) -> dict[str, Any]:
    return {key: slots[word, key] for word, key in sorted(slots) if word == kind}


def _question(question: str | None, step: str) -> str | None:
    return question if question is None or question else f"Run step {step}?"


def _conflict(first: Placed, second: Placed) -> Diagnostic:
    (tag, cell), (other, place) = first, second
    where = "steps_defaults" if cell is None else f"cell {cell}"
    message = f'tag "{other.text}" contradicts "{tag.text}" of {where}'
    cure = "keep one of them: all cells of a step share its settings"
    return about_tag("ITH115", message, cure, other.text, cell=place)


def _invalid_label(tag: Tag, cell: int | None) -> Diagnostic:
    return about_tag(
        "ITH119",
        f"{tag.value!r} is not a valid {tag.kind} value in Kubernetes",
        "use at most 63 letters, digits and `-_.`, or use an annotation",
        tag.text,
        severity="warning",
        cell=cell,
        start=len(tag.text) - len(tag.value),
    )


def _requests_above_limits(step: str, settings: Settings) -> list[Diagnostic]:
    return [
        about_tag(
            "ITH117",
            f'step "{step}" requests {amount} of {name}, more than its limit of '
            f"{settings.limits[name]}",
            "raise the limit or lower the request",
        )
        for name, amount in settings.requests.items()
        if name in settings.limits and quantity(amount) > quantity(settings.limits[name])
    ]


def quantity(text: str) -> Decimal:
    """A Kubernetes quantity as a number.

    Example:
        >>> quantity("500m") < quantity("1")
        True
    """
    for length in (2, 1):
        if text[-length:] in _SUFFIX:
            return Decimal(text[:-length]) * _SUFFIX[text[-length:]]
    return Decimal(text)
