"""Runs of several supervisors share one admission."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ithaca.backends.local import ledger as module
from ithaca.backends.local.admission import Capacity, shortage
from ithaca.backends.local.ledger import Ledger
from ithaca.errors import BackendError
from ithaca.model.workflow import Resources, Step

MACHINE = Capacity(cpu=2, memory=8e9, gpu=1)
HALF = Capacity(cpu=1)

HOLD = """
import sys
from pathlib import Path
from ithaca.backends.local.admission import Capacity, shortage
from ithaca.backends.local.ledger import Ledger
claim = Ledger(Path(sys.argv[1])).claim(Capacity(cpu=2), Capacity(cpu=2))
print(claim is not None, flush=True)
input()
"""


def test_what_one_run_claims_another_cannot(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path), Ledger(tmp_path)
    claims = [one.claim(HALF, MACHINE), other.claim(HALF, MACHINE)]
    assert None not in claims
    assert one.claim(HALF, MACHINE) is None
    assert one.used() == Capacity(cpu=2)


def test_a_released_claim_makes_room(tmp_path: Path) -> None:
    one = Ledger(tmp_path)
    first = one.claim(MACHINE, MACHINE)
    assert first is not None
    assert one.claim(HALF, MACHINE) is None
    first.release()
    first.release()
    assert one.claim(HALF, MACHINE) is not None


def test_a_step_that_asks_for_nothing_always_fits(tmp_path: Path) -> None:
    one = Ledger(tmp_path)
    assert one.claim(MACHINE, MACHINE) is not None
    assert one.claim(Capacity(), MACHINE) is not None


def test_alone_a_step_starts_even_on_a_machine_that_shrank(tmp_path: Path) -> None:
    assert Ledger(tmp_path).claim(Capacity(cpu=64), MACHINE) is not None


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


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "ithaca").symlink_to(tmp_path)
    with pytest.raises(BackendError) as raised:
        module.place()
    assert raised.value.code == "ITH626"


def test_a_step_without_room_says_what_it_lacks_and_one_with_room_does_not() -> None:
    step = Step(name="fit", resources=Resources(requests={"cpu": "2", "nvidia.com/gpu": "1"}))
    assert shortage(step, Capacity(), MACHINE) is None
    busy = shortage(step, Capacity(gpu=1), MACHINE)
    assert str(busy) == "Busy: it asks for 1 GPUs, and running steps use 1 of 1 GPUs"
