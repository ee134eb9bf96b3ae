"""The local backend: runs plans on this machine, with one supervisor process for each run.

`admission` computes what steps ask for, `ledger` counts what all runs on the machine use, and
`schedule` chooses the next step. `attempt` runs one attempt in a runner process. `supervisor` ties
them together in a session of its own, so the client may exit; `session` starts it and checks by a
lock whether it lives. The room may import the runner's task, records and planning.
"""

from __future__ import annotations

from ithaca.backends.local.session import LocalBackend

__all__ = ["LocalBackend"]
