"""How pandas objects are pickled: with the knowledge of what lies in the same memory.

Under copy on write, a frame and a column taken from it share memory until one of them is written
to; the blocks know each other by a shared `BlockValuesRefs`, which a plain pickle forgets. Then
views that share memory again after loading would leak writes into each other. Kept together, they
do what they did before.
"""

from __future__ import annotations

import sys
from typing import Any, Optional

from . import rebuild


def block_type() -> Optional[type]:
    """The type of pandas' blocks, once pandas is imported and its blocks know each other."""
    internals = sys.modules.get("pandas._libs.internals")
    return internals.Block if internals and hasattr(internals, "BlockValuesRefs") else None


def references_type() -> Optional[type]:
    """The type of what blocks share."""
    internals = sys.modules.get("pandas._libs.internals")
    return getattr(internals, "BlockValuesRefs", None)


def column_type() -> Optional[type]:
    """The type of what holds the one block of a series."""
    managers = sys.modules.get("pandas.core.internals.managers")
    return getattr(managers, "SingleBlockManager", None)


def index_type() -> Optional[type]:
    """The type of labels, which nobody changes."""
    pandas = sys.modules.get("pandas")
    return getattr(pandas, "Index", None)


def reduce_block(_pickler: Any, block: Any) -> Any:
    """The reduction of a block: pandas' own, and what it shares."""
    make, arguments = block.__reduce__()[:2]
    return rebuild.block, (make, tuple(arguments), block.refs)


def reduce_references(_pickler: Any, _references: Any) -> Any:
    """The reduction of what blocks share: its identity is all that counts."""
    return rebuild.block_references, ()


def reduce_column(_pickler: Any, manager: Any) -> Any:
    """The reduction of what holds a series: pandas' own knows its values but not its block."""
    return type(manager), (manager.blocks[0], manager.axes[0])


def shared_by_class(frame: Any) -> Any:
    """The list of a pandas class that its pickles contain, although all frames have it."""
    return getattr(type(frame), "_metadata", None)


def is_frame(thing: Any) -> bool:
    """Whether a thing is a frame or a series."""
    generic = sys.modules.get("pandas.core.generic")
    return generic is not None and isinstance(thing, getattr(generic, "NDFrame", ()))


def copies_on_write() -> bool:
    """Whether writing to one pandas object never shows in another."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    if int(pandas.__version__.split(".")[0]) >= 3:
        return True
    return getattr(pandas.options.mode, "copy_on_write", False) is True
