from __future__ import annotations

import errno

import pytest

from ithaca.errors import StoreError
from ithaca.runner.failure import is_machine


def chained(number: int) -> StoreError:
    """An error of the store that came from one of the system."""
    try:
        try:
            raise OSError(number, "no")
        except OSError as error:
            raise StoreError("ITH405", "the store cannot be written") from error
    except StoreError as error:
        return error


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EMFILE])
def test_a_machine_that_fails_is_told_apart_from_the_step(number: int) -> None:
    assert is_machine(OSError(number, "no"))
    assert is_machine(chained(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.ENOENT])
def test_a_full_disk_or_a_wrong_path_is_not_the_machines_fault(number: int) -> None:
    assert not is_machine(OSError(number, "no"))
    assert not is_machine(chained(number))
