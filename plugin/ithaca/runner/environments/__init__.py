"""Environments of steps, installed or captured once and kept as a snapshot.

A run's environment comes from its image (or this machine), from a *lock* (requirements, a
`pyproject.toml`, a `uv.lock`), or from the *capture* of a virtual environment. `wanted` parses the
setting and the form that travels on command lines; `lock` finds a lock and computes its digest;
`building` installs it with uv, `local` once for this machine; `capture` takes an existing virtual
environment; `kept` is the store's document of either; `restored` puts it into a pod, on top of the
interpreter there.

The environment of a lock is kept under `locks/<key>`: a digest of the lock, Python's minor version
and the platform with its C library, so each kind of image has its own. A captured one is a document
that is found by its digest.
"""
