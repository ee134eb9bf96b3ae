"""Writes data/train.json: made-up mRNA molecules, folded, with the degradation of every base.

Run `python generate.py` to write the committed file again: the same seed gives the same bytes on
every machine and Python version. Only `Random.random()` is drawn from, whose sequence Python
promises to keep, and all other arithmetic is in integers.

Each line of the file is one molecule, a JSON object:

| key                   | meaning                                                              |
|-----------------------|----------------------------------------------------------------------|
| `id`                  | name of the molecule                                                 |
| `sequence`            | its bases: `A`, `C`, `G`, `U`                                        |
| `structure`           | how it folds: `(` and `)` are bases that pair, `.` one that does not |
| `predicted_loop_type` | the surroundings of each base, see `loop_types`                      |
| `seq_length`          | number of bases                                                      |
| `seq_scored`          | how many of them, from the front, were measured                      |
| `reactivity`          | how reactive each measured base is to a probe of its flexibility     |
| `deg_Mg_pH10`         | how fast the chain breaks there at pH 10, with magnesium             |
| `deg_Mg_50C`          | the same at 50 °C                                                    |

How a molecule comes about:

1. **Sequence.** A leader, a body of random bases, half of the time with hairpins planted in it,
   and a tail. The tail stands for the primer site of the measurement, so it has no labels.
2. **Structure.** The fold of the best score, found by dynamic programming (`fold`).
3. **Labels.** Every base has a rate that depends on itself, on the base that follows, on its loop
   and, when it is paired, on how firm its helix is (`rates`). A molecule-wide gain and noise that
   grows with the rate are added.

The chemistry is simplified but has the known signs: paired bases are protected, weak helices open
at 50 °C, and an unpaired `U` or `C` before an `A` breaks most easily at high pH.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

SEED = 20
MOLECULES = 300
LEADER = "GGAAA"
BODY = 48
TAIL = "AAAGAAGAACAACA"

PAIR = {"GC": 3, "CG": 3, "AU": 2, "UA": 2, "GU": 1, "UG": 1}
"""Which bases pair, and how strongly."""

SMALLEST_HAIRPIN = 3
LARGEST_INTERNAL_LOOP = 5
HAIRPIN_COST = 9
INTERNAL_COST = 3
MULTILOOP_COST = 7

EASE = {"A": 900, "C": 350, "G": 750, "U": 500}
"""How flexible an unpaired base is, in thousandths."""

BREAKS = {"A": 600, "C": 450, "G": 500, "U": 550}
"""How fast the chain breaks after an unpaired base, in thousandths."""

BREAKS_BEFORE_A = {"C": 850, "U": 1100}
"""The same where an A follows."""

EXPOSED = {"E": 70, "X": 80, "H": 100, "B": 95, "I": 65, "M": 85}
"""How much of that shows in each kind of loop, in per cent."""

Helix = tuple[int, int]
"""The outermost pair of a helix: its first and its last base."""

Best = dict[tuple[int, int], tuple[int, tuple[Helix, ...]]]
"""For a stretch of bases: the best score, and the helices that it was made from."""


def below(random: Random, limit: int) -> int:
    """An integer from 0 up to, not including, the limit."""
    return int(random.random() * limit)


def bell(random: Random) -> int:
    """A bell-shaped integer of mean 0 and standard deviation 1000 (the sum of 12 even ones)."""
    return sum(below(random, 1001) - 500 for _ in range(12))


def bases(random: Random, count: int) -> str:
    """That many random bases."""
    return "".join("ACGU"[below(random, 4)] for _ in range(count))


def hairpin(random: Random) -> str:
    """A stem, a loop, and the stem's complement, with a G·U pair now and then."""
    stem = bases(random, 3 + below(random, 5))
    partner = {"A": "U", "C": "G", "G": "C", "U": "A"}
    back = "".join(
        "U" if base == "G" and below(random, 8) == 0 else partner[base] for base in reversed(stem)
    )
    return stem + bases(random, 3 + below(random, 6)) + back


def body(random: Random) -> str:
    """The designed part of a molecule: random bases, in half of the molecules with hairpins."""
    if below(random, 2):
        return bases(random, BODY)
    text = ""
    while len(text) < BODY:
        text += bases(random, below(random, 5)) + hairpin(random)
    return text[:BODY]


def fold(sequence: str) -> str:
    """The best-scoring fold of a sequence, in dot-bracket notation.

    A pair that stacks on another scores the strength of both; each loop costs a constant, bulges
    and internal loops also their size. Two tables are filled from short stretches to long ones:
    `closed[i, j]` is the best with i and j paired, `opened[i, j]` the best single helix anywhere
    within. A multiloop holds two helices besides the one that closes it.
    """
    closed: Best = {}
    opened: Best = {}
    for span in range(SMALLEST_HAIRPIN + 1, len(sequence)):
        for i in range(len(sequence) - span):
            j = i + span
            choices = [opened[part] for part in ((i + 1, j), (i, j - 1)) if part in opened]
            if sequence[i] + sequence[j] in PAIR:
                closed[i, j] = _best_inside(sequence, i, j, closed, opened)
                choices.append((closed[i, j][0], ((i, j),)))
            if choices:
                opened[i, j] = max(choices)
    return _draw(len(sequence), closed)


def _best_inside(
    sequence: str, i: int, j: int, closed: Best, opened: Best
) -> tuple[int, tuple[Helix, ...]]:
    """What the pair (i, j) encloses at best: a hairpin, another pair, or two helices."""
    best: tuple[int, tuple[Helix, ...]] = (-HAIRPIN_COST, ())
    strength = PAIR[sequence[i] + sequence[j]]
    for left in range(LARGEST_INTERNAL_LOOP + 1):
        for right in range(LARGEST_INTERNAL_LOOP + 1 - left):
            inner = (i + 1 + left, j - 1 - right)
            if inner not in closed:
                continue
            if left or right:
                gain = -INTERNAL_COST - left - right
            else:
                gain = strength + PAIR[sequence[i + 1] + sequence[j - 1]]
            best = max(best, (closed[inner][0] + gain, (inner,)))
    for k in range(i + 1 + SMALLEST_HAIRPIN, j - 1):
        first, second = opened.get((i + 1, k)), opened.get((k + 1, j - 1))
        if first and second:
            score = first[0] + second[0] - MULTILOOP_COST
            best = max(best, (score, first[1] + second[1]))
    return best


def _draw(length: int, closed: Best) -> str:
    """The brackets of the helices that, side by side, score best together."""
    best: list[tuple[int, tuple[Helix, ...]]] = [(0, ())]
    for j in range(length):
        helices = [
            (best[i][0] + closed[i, j][0], (*best[i][1], (i, j)))
            for i in range(j)
            if (i, j) in closed
        ]
        best.append(max([best[j], *helices]))
    structure = ["."] * length
    waiting = list(best[length][1])
    while waiting:
        i, j = waiting.pop()
        structure[i], structure[j] = "(", ")"
        waiting.extend(closed[i, j][1])
    return "".join(structure)


def partners(structure: str) -> list[int | None]:
    """For every base, the base that it pairs with."""
    found: list[int | None] = [None] * len(structure)
    waiting: list[int] = []
    for j, symbol in enumerate(structure):
        if symbol == "(":
            waiting.append(j)
        elif symbol == ")":
            i = waiting.pop()
            found[i], found[j] = j, i
    return found


def loop_types(structure: str) -> str:
    """The surroundings of every base, one letter each, as bpRNA names them.

    `S` stem, `H` hairpin loop, `B` bulge, `I` internal loop, `M` multiloop, `E` dangling end,
    `X` between two helices that nothing encloses.
    """
    partner = partners(structure)
    types = ["S" if other is not None else "" for other in partner]
    for i, j in enumerate(partner):
        if j is not None and i < j:
            _mark_loop(i, j, partner, types)
    paired = [i for i, other in enumerate(partner) if other is not None]
    for i, kind in enumerate(types):
        if not kind:
            between = bool(paired) and paired[0] < i < paired[-1]
            types[i] = "X" if between else "E"
    return "".join(types)


def _mark_loop(i: int, j: int, partner: list[int | None], types: list[str]) -> None:
    """Writes the type of the unpaired bases that the pair (i, j) encloses directly."""
    unpaired: list[int] = []
    helices: list[Helix] = []
    k = i + 1
    while k < j:
        other = partner[k]
        if other is None:
            unpaired.append(k)
            k += 1
        else:
            helices.append((k, other))
            k = other + 1
    if not helices:
        kind = "H"
    elif len(helices) > 1:
        kind = "M"
    else:
        k, other = helices[0]
        kind = "I" if k > i + 1 and other < j - 1 else "B"
    for k in unpaired:
        types[k] = kind


def firmness(sequence: str, partner: list[int | None], i: int) -> int:
    """How firmly a paired base is held: the strength of its pair and of those it stacks on."""
    j = partner[i]
    if j is None:
        return 0
    stacked = [(k, j + i - k) for k in (i - 1, i, i + 1) if 0 <= k < len(sequence)]
    return sum(PAIR[sequence[k] + sequence[m]] for k, m in stacked if partner[k] == m)


def rates(sequence: str, structure: str) -> list[tuple[int, int, int]]:
    """For every base: reactivity, breaking at pH 10, breaking at 50 °C, all in thousandths."""
    partner = partners(structure)
    loops = loop_types(structure)
    result = []
    for i, base in enumerate(sequence):
        following = sequence[i + 1] if i + 1 < len(sequence) else ""
        ease = EASE[base]
        breaks = BREAKS_BEFORE_A.get(base, BREAKS[base]) if following == "A" else BREAKS[base]
        if following in ("A", "G"):  # purines stack on their neighbour and hold it still
            ease = ease * 4 // 5
        if loops[i] == "S":
            loose = 9 - firmness(sequence, partner, i)  # 0 deep in a G·C helix, 8 for a lone G·U
            shown = (4 + 3 * loose, 5 + 2 * loose, 8 + 8 * loose)
        else:
            shown = (EXPOSED[loops[i]], EXPOSED[loops[i]], EXPOSED[loops[i]] * 9 // 10)
        result.append((ease * shown[0] // 100, breaks * shown[1] // 100, breaks * shown[2] // 100))
    return result


def molecule(random: Random, number: int) -> dict[str, Any]:
    """One line of the file."""
    sequence = LEADER + body(random) + TAIL
    structure = fold(sequence)
    scored = len(sequence) - len(TAIL)
    gain = 1000 + bell(random) // 12  # per molecule: the amount measured differs
    labels: list[list[float]] = [[], [], []]
    for base_rates in rates(sequence, structure)[:scored]:
        for label, rate in zip(labels, base_rates, strict=True):
            noise = (40 + rate // 8) * bell(random) // 1000
            label.append((rate * gain // 1000 + noise) / 1000)
    return {
        "id": f"made_up_{number:03d}",
        "sequence": sequence,
        "structure": structure,
        "predicted_loop_type": loop_types(structure),
        "seq_length": len(sequence),
        "seq_scored": scored,
        "reactivity": labels[0],
        "deg_Mg_pH10": labels[1],
        "deg_Mg_50C": labels[2],
    }


def generate(seed: int = SEED, count: int = MOLECULES) -> str:
    """The text of the file.

    Example:
        >>> generate(count=2) == generate(count=2)
        True
    """
    random = Random(seed)  # noqa: S311 (nothing secret depends on it)
    lines = [json.dumps(molecule(random, number), separators=(",", ":")) for number in range(count)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = Path(__file__).parent / "data" / "train.json"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(generate().encode())
