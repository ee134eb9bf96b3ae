"""How NumPy arrays are pickled: memory once, views as views of it.

NumPy's own reduction copies a view, so that two arrays that shared memory no longer do. Here the
array that owns the memory is pickled as one out-of-band buffer, every other as its place in it.
"""

from __future__ import annotations

import array as arrays_of_python
import pickle
import sys
from typing import Any, Collection

from . import rebuild
from .rebuild import flat, memory_order


def owner_of(array: Any) -> Any:
    """The object whose memory an array shows: itself, another array, or a mutable buffer.

    An array over anonymous memory (a mapped file, a foreign library) counts as its own owner, so
    that what was loaded from a file is saved just as it was before.
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
        lone: The ids of owners whose memory nothing else shows; a small part of such memory is
            saved alone.

    Returns:
        A reduction for pickle, or NotImplemented where NumPy's own is right.
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
    # Bytes, because the buffer protocol knows no dates and no foreign dtypes.
    memory = flat(array).view(numpy.uint8)
    return rebuild.array, (pickle.PickleBuffer(memory), array.dtype, array.shape, array.strides)


def _reduce_view(array: Any, owner: Any) -> Any:
    numpy = sys.modules["numpy"]
    if isinstance(owner, numpy.ndarray):
        if memory_order(owner) is None:
            raise pickle.PicklingError("a view of an array that does not lie densely in memory")
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
