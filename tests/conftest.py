"""Makes this folder importable: what tests of several rooms share lies beside this file."""

from __future__ import annotations

import os
import tempfile

# Steps of tests that run side by side must not wait for each other's claims on the machine.
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="ithaca-tests-")
