"""Runs of several supervisors share one admission."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ithaca.backends.local import lock
from ithaca.backends.local.admission import Capacity, shortage
from ithaca.backends.local.ledger import Claim, Ledger
from ithaca.model.workflow import Resources, Step

MACHINE = Capacity(cpu=2, memory=8e9, gpu=1)
HALF = Claim(run="1", step="half", cpu=1)
ALL = Claim(run="2", step="all", cpu=2, memory=8e9, gpu=1)

HOLD = """
import sys
from pathlib import Path
from ithaca.backends.local.admission import Capacity
from ithaca.backends.local.ledger import Claim, Ledger
ledger = Ledger(Path(sys.argv[1]))
held = ledger.claim(Claim(run="3", step="a", cpu=2), Capacity(cpu=2))
print(held is not None, flush=True)
input()
"""


def test_what_one_run_claims_another_cannot(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    held = [one.claim(HALF, MACHINE), other.claim(HALF, MACHINE)]
    assert None not in held
    assert one.claim(HALF, MACHINE) is None
    assert one.claims() == [HALF, HALF]


def test_a_released_claim_makes_room(tmp_path: Path) -> None:
    one = Ledger(tmp_path)
    first = one.claim(ALL, MACHINE)
    assert first is not None
    assert one.claim(HALF, MACHINE) is None
    first.release()
    first.release()
    assert one.claim(HALF, MACHINE) is not None


def test_a_step_that_asks_for_nothing_always_fits(tmp_path: Path) -> None:
    one = Ledger(tmp_path)
    assert one.claim(ALL, MACHINE) is not None
    assert one.claim(Claim(run="1", step="free"), MACHINE) is not None


def test_alone_a_step_starts_even_on_a_machine_that_shrank(tmp_path: Path) -> None:
    assert Ledger(tmp_path).claim(Claim(run="1", step="big", cpu=64), MACHINE) is not None


def test_the_claims_of_a_supervisor_that_was_killed_do_not_count(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    one = Ledger(tmp_path)
    assert one.claim(HALF, MACHINE) is None
    holder.kill()
    holder.communicate()
    assert one.claim(HALF, MACHINE) is not None


def test_reading_claims_never_disturbs_a_supervisor_that_makes_one(tmp_path: Path) -> None:
    ledger, over = Ledger(tmp_path), threading.Event()

    def read() -> None:
        while not over.is_set():
            Ledger(tmp_path).claims()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(300):
            held = ledger.claim(HALF, MACHINE)
            assert held is not None
            held.release()
    finally:
        over.set()
        reader.join()


def test_reading_claims_creates_nothing(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "none").claims() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "file", "missing"])
def test_where_claims_cannot_be_shared_a_supervisor_counts_its_own_steps(
    tmp_path: Path, kind: str
) -> None:
    place = tmp_path / "claims"
    if kind == "link":
        place.symlink_to(tmp_path)
    elif kind == "file":
        place.touch()
    else:
        place = tmp_path / "claims" / "below"
        place.parent.touch()
    one = Ledger(place)
    first = one.claim(ALL, MACHINE)
    assert first is not None
    assert one.claim(HALF, MACHINE) is None
    assert one.claims() == []
    first.release()
    assert one.claim(HALF, MACHINE) is not None


def test_a_claim_that_a_killed_supervisor_began_is_removed(tmp_path: Path) -> None:
    os.close(lock.hold(tmp_path / ".new-1"))
    assert Ledger(tmp_path).claim(HALF, MACHINE) is not None
    assert not (tmp_path / ".new-1").exists()


def test_a_step_without_room_says_what_it_lacks_and_one_with_room_does_not() -> None:
    step = Step(name="fit", resources=Resources(requests={"cpu": "2", "nvidia.com/gpu": "1"}))
    assert shortage(step, Capacity(), MACHINE) is None
    busy = shortage(step, Capacity(gpu=1), MACHINE)
    assert str(busy) == "Busy: it asks for 1 GPUs, and running steps use 1 of 1 GPUs"
