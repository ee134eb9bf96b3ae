"""Snapshots: `take`, `restore`, `merge`, `diff` and `verify`. Import them from `ithaca.store`."""
