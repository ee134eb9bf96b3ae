"""Starts a step's kernel: `python -I -S enter.py CONFIG -- COMMAND…`. Stdlib only, then `exec`.

1. Where the machine allows it, it creates a user and mount namespace in which the step's folder is
   bound over the project root's own path: every step of every run sees its root at one absolute
   path. Interpreters and packages below the project root are bound into the step's folder first, so
   they stay visible.
2. It starts a death watch, which is not a child of the kernel: it blocks on a pipe that the runner
   holds. When the pipe closes (the runner was killed), it ends the kernel's process group and
   whatever the step started outside of it.
3. It becomes the kernel.

CONFIG is JSON: `root` (the project root's path), `work_root` (the step's folder), `private` (create
the namespace), `keep` (paths under `root` that stay visible, each `[path, read_only]`), `mounts`
(folders to mount, each `[source, target, read_only]`, the target relative to the root or absolute),
`folder` (working directory, relative), `owner_fd` (read end of the pipe), `mark` (bytes in the
environment of every process of the step), `grace` (seconds between SIGTERM and SIGKILL) and
`runtime` (a folder that the watch deletes when its owner cannot). With `--probe` in place of
COMMAND the exit status tells whether the namespace works.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000
READ_ONLY, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 32, 4096, 16384, 1 << 18
LOCKED = 2 | 4 | 8 | 1024 | 2048 | (1 << 21)
"""nosuid, nodev, noexec, noatime, nodiratime, relatime: a remount must keep those that are set."""


def unshare() -> None:
    """Enter a new mount namespace; without root's rights through a user namespace.

    Raises:
        OSError: This machine does not allow it.
    """
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if uid == 0 and libc.unshare(NEW_MOUNTS) == 0:
        return  # root keeps its rights over other users' files
    if libc.unshare(NEW_USER | NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "no namespace")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mount(source: str, target: str, flags: int) -> None:
    """Mount `source` at `target`.

    Raises:
        OSError: It is not possible.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.mount(os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None)
    if done != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def protect(target: str) -> None:
    """Make a mount read-only.

    Raises:
        OSError: It is not possible.
    """
    locked = os.statvfs(target).f_flag & LOCKED
    mount("none", target, BIND | REMOUNT | READ_ONLY | locked)


def make_private(
    root: str,
    work_root: str,
    keep: list[tuple[str, bool]],
    mounts: list[tuple[str, str, bool]],
) -> None:
    """Let this process see `work_root` at `root`; mount points must exist."""
    unshare()
    mount("none", "/", RECURSIVE | PRIVATE)
    for path, read_only in keep:
        target = os.path.join(work_root, os.path.relpath(path, root))
        mount(path, target, BIND | RECURSIVE)
        if read_only:
            with contextlib.suppress(OSError):  # better writable than invisible
                protect(target)
    for source, place, read_only in mounts:
        target = os.path.join(work_root, place)  # an absolute place is outside of it
        mount(source, target, BIND | RECURSIVE)
        if read_only:
            protect(target)
    mount(work_root, root, BIND | RECURSIVE)


def outlived(mark: bytes) -> list[int]:
    """Ids of other processes whose environment holds the mark (Linux; elsewhere none)."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                    if mark in file.read():
                        found.append(int(name))
    return found


def remove(folder: str) -> None:
    """Delete a folder; what cannot be deleted stays."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                remove(entry.path)
            else:
                os.unlink(entry.path)
        os.rmdir(folder)


def watch(owner_fd: int, kernel: int, mark: bytes, grace: float, runtime: str) -> None:
    """Wait until the pipe closes, then end the kernel's group and what the step left behind."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    while os.read(owner_fd, 1):
        pass
    group = os.getpgrp()
    os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    with contextlib.suppress(OSError):
        while time.monotonic() < deadline:
            os.kill(kernel, 0)
            time.sleep(0.05)
    for process in outlived(mark):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    if runtime:
        remove(runtime)
    os.killpg(group, signal.SIGKILL)


def leave_watch(owner_fd: int, mark: bytes, grace: float, runtime: str) -> None:
    """Start the death watch as a process that is not a child of the future kernel.

    A notebook that calls `os.wait()` must not wait for it.
    """
    kernel = os.getpid()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            try:
                watch(owner_fd, kernel, mark, grace, runtime)
            finally:
                os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(owner_fd)


def main(arguments: list[str]) -> None:
    """Set up the view and the watch, then become the command."""
    config = json.loads(arguments[0])
    root, work_root = config["root"], config["work_root"]
    if config["private"]:
        make_private(root, work_root, config["keep"], config["mounts"])
    if arguments[1:] == ["--probe"]:
        return
    if config["owner_fd"] is not None:
        mark = os.fsencode(config["mark"])
        leave_watch(config["owner_fd"], mark, config["grace"], config["runtime"])
    base = root if config["private"] else work_root
    os.chdir(os.path.join(base, config["folder"]))
    os.execv(arguments[2], arguments[2:])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
