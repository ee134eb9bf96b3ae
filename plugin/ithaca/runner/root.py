"""Where a step sees its root: the plan of its private view, and whether the machine allows one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ithaca.runner.environment import Environment
    from ithaca.runner.volumes import Mount

ENTER = Path(__file__).with_name("enter.py")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How a step's kernel sees its folder.

    Attributes:
        root: The project root's path.
        work_root: The step's folder.
        private: True when the kernel sees `work_root` at `root`.
        keep: Paths under `root` that stay visible there, and whether read-only.
        mounts: Volumes: what is seen where (relative to the root, or absolute), and whether
            read-only.
    """

    root: str
    work_root: str
    private: bool
    keep: tuple[tuple[str, bool], ...] = ()
    mounts: tuple[tuple[str, str, bool], ...] = ()

    @property
    def seen(self) -> str:
        """Absolute path of the step's folder as its kernel sees it."""
        return self.root if self.private else self.work_root


def choose(
    root: Path,
    work_root: Path,
    environment: Environment,
    runtime: Path,
    *,
    mounts: Sequence[Mount] = (),
    private: bool = True,
) -> View:
    """Plan a step's view, which is private where this machine allows it.

    Source folders on the interpreter's path (an editable install of the project itself) are not
    kept: the step uses its own copy.

    Args:
        root: The project root; it need not exist on this machine.
        work_root: The restored folder of the step.
        environment: The kernel's interpreter, which must stay visible.
        runtime: Folder with the kernel's sockets and Ithaca's kernel package.
        mounts: Volumes.
        private: False to use no namespace.
    """
    own = str(work_root.resolve())
    seen = tuple((each.source, each.target, each.read_only) for each in mounts)
    plain = View(root=str(root), work_root=own, private=False, mounts=seen)
    base = root.resolve()
    if not private or not base.is_dir() or base in (Path(base.anchor), Path(own)):
        return plain
    wanted = [
        (environment.prefix, True),
        (environment.base_prefix, True),
        (str(Path(environment.base_executable).parent), True),
        *((path, True) for path in environment.sites),
        (str(runtime), False),
    ]
    if base in {Path(path).resolve() for path, _ in wanted}:
        return plain  # the project is its own virtual environment: they cannot be separated
    keep = _under(base, Path(own), wanted)
    view = View(root=str(base), work_root=own, private=True, keep=keep, mounts=seen)
    with mount_points(view):
        return view if _works(view) else plain


def can_be_private(root: Path) -> bool:
    """Whether a step can see its files at the root's own path on this machine.

    Args:
        root: The project root.
    """
    with tempfile.TemporaryDirectory(prefix="ithaca-") as folder:
        return _works(View(root=str(root.resolve()), work_root=folder, private=True))


@contextlib.contextmanager
def mount_points(view: View) -> Iterator[None]:
    """Create the empty folders that mounts need; remove them at the end.

    Without a namespace, volumes below the root are symbolic links.
    """
    places = [str(Path(path).relative_to(view.root)) for path, _ in view.keep]
    places += [place for _, place, _ in view.mounts if view.private and not place.startswith("/")]
    made: list[Path] = []
    for place in places:
        _make(Path(view.work_root) / place, made)
    for source, place, _ in view.mounts:
        link = Path(view.work_root) / place
        if not view.private and not place.startswith("/") and not link.exists():
            _make(link.parent, made)
            link.symlink_to(source, target_is_directory=True)
            made.append(link)
    try:
        yield
    finally:
        for each in reversed(made):
            with contextlib.suppress(OSError):  # a step wrote something into it
                each.unlink() if each.is_symlink() else each.rmdir()


def _make(target: Path, made: list[Path]) -> None:
    for folder in [*reversed(target.parents), target]:
        if not folder.exists():
            folder.mkdir()
            made.append(folder)


def _under(
    base: Path, work_root: Path, wanted: list[tuple[str, bool]]
) -> tuple[tuple[str, bool], ...]:
    """The outermost of the wanted folders under `base`."""
    kept: dict[Path, bool] = {}
    for text, read_only in sorted(wanted, key=lambda each: len(Path(each[0]).parts)):
        for path in {Path(text), Path(text).resolve()}:
            inside = base in path.parents and path.is_dir()
            if not inside or path == work_root or work_root in path.parents:
                continue
            if not any(outer == path or outer in path.parents for outer in kept):
                kept[path] = read_only
    return tuple((str(path), read_only) for path, read_only in kept.items())


def _works(view: View) -> bool:
    if sys.platform != "linux":
        return False
    config = {**msgspec.to_builtins(view), "owner_fd": None, "folder": "."}
    command = [sys.executable, "-I", "-S", str(ENTER), json.dumps(config), "--probe"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
