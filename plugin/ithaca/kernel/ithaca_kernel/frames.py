"""How to pickle pandas objects that share memory.

Under copy on write, a frame and a column taken from it share memory until one of them is written
to. Their blocks have a common `BlockValuesRefs`, which a plain pickle loses. Without it, views that
share memory after loading would leak writes into each other.
"""

from __future__ import annotations

import sys
from typing import Any, Optional

from . import rebuild


def block_type() -> Optional[type]:
    """The type of pandas' blocks, once pandas is imported and uses `BlockValuesRefs`."""
    internals = sys.modules.get("pandas._libs.internals")
    return internals.Block if internals and hasattr(internals, "BlockValuesRefs") else None


def references_type() -> Optional[type]:
    """The type of the references that blocks share."""
    internals = sys.modules.get("pandas._libs.internals")
    return getattr(internals, "BlockValuesRefs", None)


def column_type() -> Optional[type]:
    """The type that holds the single block of a series."""
    managers = sys.modules.get("pandas.core.internals.managers")
    return getattr(managers, "SingleBlockManager", None)


def index_type() -> Optional[type]:
    """The type of labels, which are immutable."""
    pandas = sys.modules.get("pandas")
    return getattr(pandas, "Index", None)


def reduce_block(_pickler: Any, block: Any) -> Any:
    """The reduction of a block: pandas' own, with the shared references."""
    make, arguments = block.__reduce__()[:2]
    return rebuild.block, (make, tuple(arguments), block.refs)


def reduce_references(_pickler: Any, _references: Any) -> Any:
    """The reduction of the references that blocks share: only their identity matters."""
    return rebuild.block_references, ()


def reduce_column(_pickler: Any, manager: Any) -> Any:
    """The reduction of the manager of a series, with its block: pandas' own has only values."""
    return type(manager), (manager.blocks[0], manager.axes[0])


def shared_by_class(frame: Any) -> Any:
    """The list that pickles of a pandas class contain, although all its frames share it."""
    return getattr(type(frame), "_metadata", None)


def is_frame(thing: Any) -> bool:
    """Whether a thing is a data frame or a series."""
    generic = sys.modules.get("pandas.core.generic")
    return generic is not None and isinstance(thing, getattr(generic, "NDFrame", ()))


def copies_on_write() -> bool:
    """Whether a write to one pandas object never shows in another."""
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False
    if int(pandas.__version__.split(".")[0]) >= 3:
        return True
    return getattr(pandas.options.mode, "copy_on_write", False) is True
