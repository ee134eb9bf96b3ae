"""Backends: what runs a plan.

`protocol` is the contract, two pages long, `registry` finds backends by entry point, and `local`
runs plans on this machine. The protocol imports nothing of Ithaca but the models of the workflow
and of the records. A backend takes a run whose document is in the store already, and everything
that it and its runners have to say goes back there.
"""

from __future__ import annotations

from ithaca.backends.protocol import PROTOCOL_VERSION, Backend, Observation, Session
from ithaca.backends.registry import available, backend

__all__ = ["PROTOCOL_VERSION", "Backend", "Observation", "Session", "available", "backend"]
