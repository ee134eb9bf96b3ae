"""The state of a process besides variables: generators, folder, environment, module path."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .files import read_bytes, read_json, to_json, write_atomically

_ROOT = "{root}"


class Session:
    """The state of the process: restored at the start of a step, saved at its end if it changed.

    Args:
        folder: The folder `values/session` of the volume.
        root: The root as the kernel sees it; paths below it are saved relative to it.
        secrets: Environment variables that are never saved.
    """

    def __init__(self, folder: Path, root: Path, secrets: Tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._root = root
        self._secrets = set(secrets)
        # At the start of the process, which is the same in each step.
        self._environ = dict(os.environ)
        self._path = list(sys.path)
        self._restored: Dict[str, bytes] = {}

    def restore_place(self) -> None:
        """Restore the working directory, the environment and the module path for the values."""
        self._apply("environ.json", self._set_environ)
        self._apply("path.json", self._set_path)
        self._apply("cwd.json", lambda folder: os.chdir(self._inside(folder)))

    def restore_generators(self) -> None:
        """Restore the random generators, and record the current state."""
        self._apply("random.json", _set_random)
        self._apply("numpy.json", _set_numpy)
        torch_state = self._folder / "torch.bin"
        if torch_state.exists():
            _set_torch(read_bytes(torch_state))
        self._restored = self._now()

    def save(self) -> None:
        """Save what changed since it was restored."""
        now = self._now()
        changed = [name for name in sorted(now) if self._restored.get(name) != now[name]]
        if "numpy.json" in changed and "numpy.json" not in self._restored and _numpy_is_untouched():
            changed.remove("numpy.json")
        if "torch.bin" in changed and "torch.bin" not in self._restored and _torch_is_untouched():
            changed.remove("torch.bin")
        for name in changed:
            write_atomically(self._folder / name, now[name])

    def _apply(self, name: str, use: Any) -> None:
        path = self._folder / name
        if path.exists():
            use(read_json(path))

    def _now(self) -> Dict[str, bytes]:
        found: Dict[str, Optional[bytes]] = {
            "random.json": to_json(random.getstate()),
            "numpy.json": _numpy_state(),
            "torch.bin": _torch_state(),
            "environ.json": to_json(self._environ_changes()),
            "path.json": to_json(self._path_changes()),
            "cwd.json": self._cwd(),
        }
        return {name: state for name, state in found.items() if state is not None}

    def _environ_changes(self) -> Dict[str, Any]:
        now = {name: os.environ[name] for name in os.environ if name not in self._secrets}
        return {
            "set": {k: self._relative(v) for k, v in now.items() if self._environ.get(k) != v},
            "removed": sorted(set(self._environ) - set(os.environ) - self._secrets),
        }

    def _set_environ(self, changes: Dict[str, Any]) -> None:
        os.environ.update({name: self._inside(value) for name, value in changes["set"].items()})
        for name in changes["removed"]:
            os.environ.pop(name, None)

    def _path_changes(self) -> Dict[str, Any]:
        """New entries, each with the entry before it, and removed entries."""
        added, before = [], None
        for entry in sys.path:
            if entry not in self._path:
                added.append([before, self._relative(entry)])
            before = self._relative(entry)
        removed = [self._relative(entry) for entry in self._path if entry not in sys.path]
        return {"added": added, "removed": removed}

    def _set_path(self, changes: Dict[str, Any]) -> None:
        removed = {self._inside(entry) for entry in changes["removed"]}
        sys.path[:] = [entry for entry in sys.path if entry not in removed]
        for before, text in changes["added"]:
            entry, anchor = self._inside(text), before and self._inside(before)
            if entry in sys.path:
                continue
            if before is None:
                sys.path.insert(0, entry)
            elif anchor in sys.path:
                sys.path.insert(sys.path.index(anchor) + 1, entry)
            else:
                sys.path.append(entry)

    def _cwd(self) -> Optional[bytes]:
        try:
            return to_json(self._relative(str(Path.cwd())))
        except FileNotFoundError:  # the step removed its working directory
            return None

    def _relative(self, text: str) -> str:
        root = str(self._root)
        if text == root or text.startswith(root + os.sep):
            return _ROOT + text[len(root) :]
        return text

    def _inside(self, text: str) -> str:
        return str(self._root) + text[len(_ROOT) :] if text.startswith(_ROOT) else text


def _set_random(state: Any) -> None:
    version, internal, gauss = state
    random.setstate((version, tuple(internal), gauss))


def _numpy_state() -> Optional[bytes]:
    numpy = sys.modules.get("numpy")
    if numpy is None or "numpy.random" not in sys.modules:
        return None
    state: Dict[str, Any] = numpy.random.get_state(legacy=False)
    if state.get("bit_generator") != "MT19937":  # the user's code replaced it
        return None
    inner = state["state"]
    return to_json({**state, "state": {"key": inner["key"].tolist(), "pos": int(inner["pos"])}})


def _set_numpy(state: Dict[str, Any]) -> None:
    import numpy as np

    key = np.array(state["state"]["key"], dtype=np.uint32)
    np.random.set_state({**state, "state": {**state["state"], "key": key}})


def _numpy_is_untouched() -> bool:
    """Whether NumPy's generator is unused since the import: seeded by the system, nothing drawn."""
    numpy = sys.modules["numpy"]
    now = numpy.random.get_state(legacy=False)
    sequence = getattr(numpy.random.mtrand._rand._bit_generator, "seed_seq", None)
    if sequence is None or now["has_gauss"]:  # `numpy.random.seed` leaves no sequence
        return False
    first = numpy.random.MT19937(numpy.random.SeedSequence(sequence.entropy)).state["state"]
    inner = now["state"]
    return bool(inner["pos"] == first["pos"] and (inner["key"] == first["key"]).all())


def _torch_state() -> Optional[bytes]:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_rng_state"):
        return None
    return bytes(torch.get_rng_state().tolist())


def _set_torch(state: bytes) -> None:
    import torch

    torch.set_rng_state(torch.tensor(list(state), dtype=torch.uint8))


def _torch_is_untouched() -> bool:
    """Whether torch's generator is unused since the import: default seed, nothing drawn."""
    torch = sys.modules["torch"]
    fresh = torch.Generator()
    fresh.manual_seed(torch.initial_seed())
    default = torch.initial_seed() == 67280421310721  # torch's fixed default
    return bool(default and torch.equal(fresh.get_state(), torch.get_rng_state()))
