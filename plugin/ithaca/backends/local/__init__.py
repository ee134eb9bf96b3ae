"""The local backend: runs plans on this machine, under one supervisor process a run.

`admission` says how many steps the machine takes at once, `schedule` which step comes next (both
pure), `attempt` runs one attempt in a runner process, and `supervisor` ties them together in a
session of its own, so that the client may leave. `session` starts it and finds out whether it
lives, by a lock that it holds. The room may import the runner's task, records and planning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca.backends.local.session import LocalBackend as LocalBackend

__all__ = ["LocalBackend"]


def __getattr__(name: str) -> object:
    if name == "LocalBackend":
        from ithaca.backends.local.session import LocalBackend

        return LocalBackend
    raise AttributeError(name)
