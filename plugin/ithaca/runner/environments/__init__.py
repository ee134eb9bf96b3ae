"""Environments that are restored: what steps import, built or taken once and kept as a snapshot.

A run's environment comes from its image (or this machine), from a *lock* (requirements, a
`pyproject.toml`, a `uv.lock`), or from the *capture* of a virtual environment. `wanted` says which
and is what travels on command lines; `lock` finds a lock and digests what counts of it; `building`
installs it with uv; `capture` takes the virtual environment that is there; `kept` is the document
that the store holds of either; `restored` brings it into a pod, onto the interpreter that is there.

A lock's environment is kept under `locks/<key>`: a digest of the lock, Python's minor version and
the platform with its C library, so that each kind of image gets its own. A captured one is a
document that is found by its digest.
"""
