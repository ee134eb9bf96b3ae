"""Backends: what runs a plan.

`protocol` is the contract; `registry` finds backends by entry point; `local` runs plans on this
machine; `kubernetes` is the toolkit for engines on a cluster. The protocol imports only the models
of the workflow and of runs. A backend starts a run whose document is in the store, and it and its
runners write everything they find out back to the store.
"""

from __future__ import annotations

from ithaca.backends.protocol import PROTOCOL_VERSION, Backend, Manifest, Observation, Session
from ithaca.backends.registry import available, backend

__all__ = [
    "PROTOCOL_VERSION",
    "Backend",
    "Manifest",
    "Observation",
    "Session",
    "available",
    "backend",
]
