"""Makes this folder importable: what tests of several rooms share lies beside this file."""
