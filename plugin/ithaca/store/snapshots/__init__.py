"""Snapshots: take, restore, merge, compare and verify immutable trees of files.

`format` specifies the bytes, `scan` and `archiver` turn a folder into a snapshot, `restorer` turns
a snapshot into a folder, `walker` reads one, `merger` and `editor` make one from others, `checker`
verifies a store. Import the public names from `ithaca.store`.
"""
