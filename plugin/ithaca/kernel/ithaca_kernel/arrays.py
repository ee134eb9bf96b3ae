"""How to pickle NumPy arrays: memory once, and views as views.

NumPy's own reduction copies a view, so that arrays no longer share memory. Here the array that owns
the memory becomes one out-of-band buffer, and every other array a view of it.
"""

from __future__ import annotations

import array as arrays_of_python
import pickle
import sys
from typing import Any, Collection

from . import rebuild
from .rebuild import flat, memory_order


def owner_of(array: Any) -> Any:
    """The object that owns an array's memory: itself, another array, or a mutable buffer.

    An array over anonymous memory (a mapped file, a foreign library) counts as its own owner, so
    that an array from a file is saved as it was before.
    """
    numpy = sys.modules["numpy"]
    owner = array
    while isinstance(owner.base, numpy.ndarray):
        owner = owner.base
    base = owner.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, (bytearray, arrays_of_python.array)) else owner


def reduce_array(array: Any, lone: Collection[int]) -> Any:
    """The reduction of an array.

    Args:
        array: An array whose type is exactly `ndarray`.
        lone: Ids of owners whose memory no other array uses; only the used part of such memory is
            saved.

    Returns:
        A reduction for pickle, or NotImplemented to use NumPy's own.
    """
    owner = owner_of(array)
    if array.dtype.itemsize == 0 or array.size == 0:
        return NotImplemented
    if owner is array:
        return _reduce_owner(array)
    if id(owner) in lone and array.nbytes < _size(owner):
        return NotImplemented if array.dtype.hasobject else _reduce_owner(_compact(array))
    return _reduce_view(array, owner)


def _reduce_owner(array: Any) -> Any:
    if array.dtype.hasobject or memory_order(array) is None:
        return NotImplemented
    numpy = sys.modules["numpy"]
    # As bytes, because the buffer protocol does not support dates and foreign dtypes.
    memory = flat(array).view(numpy.uint8)
    return rebuild.array, (pickle.PickleBuffer(memory), array.dtype, array.shape, array.strides)


def _reduce_view(array: Any, owner: Any) -> Any:
    numpy = sys.modules["numpy"]
    if isinstance(owner, numpy.ndarray):
        if memory_order(owner) is None:
            raise pickle.PicklingError("a view of an array that is not dense in memory")
        start = owner.__array_interface__["data"][0]
    else:
        start = numpy.frombuffer(owner, numpy.uint8).__array_interface__["data"][0]
    offset = array.__array_interface__["data"][0] - start
    place = (offset, array.dtype, array.shape, array.strides, bool(array.flags.writeable))
    return rebuild.view, (owner, *place)


def _compact(array: Any) -> Any:
    copied = array.copy(order="K")
    copied.flags.writeable = array.flags.writeable
    return copied


def _size(owner: Any) -> int:
    return int(memoryview(owner).nbytes if not hasattr(owner, "nbytes") else owner.nbytes)
