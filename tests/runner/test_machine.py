from __future__ import annotations

import errno

import pytest

from ithaca.errors import StoreError
from ithaca.runner.failure import is_machine


def store_error(number: int) -> StoreError:
    """An error of the store that came from one of the system."""
    try:
        try:
            raise OSError(number, "no")
        except OSError as error:
            raise StoreError("ITH405", "the store cannot be written") from error
    except StoreError as error:
        return error


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EMFILE])
def test_an_error_of_the_machine_is_an_infrastructure_error(number: int) -> None:
    assert is_machine(OSError(number, "no"))
    assert is_machine(store_error(number))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.ENOENT])
def test_a_full_disk_or_a_wrong_path_is_not_an_infrastructure_error(number: int) -> None:
    assert not is_machine(OSError(number, "no"))
    assert not is_machine(store_error(number))
