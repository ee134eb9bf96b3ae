"""`ithaca snapshots`: the trees of files that runs start from and leave."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ithaca.cli.output import as_json, describe_value, moment, print_json, print_table, size

if TYPE_CHECKING:
    from ithaca.api.values import ValueChange
    from ithaca.snapshots import Entry, Store

DAMAGED = 4
"""Exit code for a store that does not verify."""


@click.group()
def snapshots() -> None:
    """Take, list, show, compare, restore and verify snapshots.

    SNAPSHOT is a digest, the unique start of one, or a URI.
    """


@snapshots.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@as_json
def take(folder: str, as_json: bool) -> None:
    """Store what the folder DIR holds and print the snapshot's digest."""
    from ithaca.api.project import find_project
    from ithaca.cli.waiting import Waiting
    from ithaca.snapshots import Ignore
    from ithaca.snapshots import take as take_snapshot

    root = Path(folder).absolute()
    store = find_project().store(create=True)
    with Waiting() as tell:
        told = tell.files("reading the folder's files")
        taken = take_snapshot(store, root, ignore=Ignore.read(root), progress=told)
    for notice in taken.notices:
        click.echo(f"{click.style('notice', fg='yellow')}: {notice}", err=True)
    if as_json:
        print_json(taken)
    else:
        click.echo(taken.digest)


@snapshots.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the store's snapshots, the newest first."""
    from ithaca.errors import NotFound
    from ithaca.snapshots import list_snapshots

    try:
        found = sorted(list_snapshots(_store()), key=lambda each: each.created, reverse=True)
    except NotFound:
        found = []
    if as_json:
        print_json(found)
        return
    print_table(
        ("snapshot", "taken", "files", "size"),
        [
            (each.digest[:16], moment(each.created), str(each.files), size(each.bytes))
            for each in found
        ],
    )


@snapshots.command()
@click.argument("snapshot")
@as_json
def show(snapshot: str, as_json: bool) -> None:
    """List what a snapshot holds: its files, and its values by name."""
    from ithaca.api.values import values_of
    from ithaca.snapshots import entries

    store = _store()
    digest = _resolve(store, snapshot)
    found = entries(store, digest)
    if as_json:
        rows = [{"path": str(path), **_facts(entry)} for path, entry in found.items()]
        print_json({"digest": digest, "entries": rows, "values": values_of(store, found)})
        return
    click.echo(digest)
    for path, entry in found.items():
        click.echo(f"{_mode(entry)}  {size(entry.size):>10}  {_printable(path)}{_target(entry)}")
    for value in values_of(store, found):
        click.echo(f"value {value.name}: {describe_value(value)}")


@snapshots.command()
@click.argument("first")
@click.argument("second")
@as_json
def diff(first: str, second: str, as_json: bool) -> None:
    """Print what differs between two snapshots: files (bytes, kind, executable bit) and values."""
    from ithaca.api.values import changed_values, is_part_of_values, values_of
    from ithaca.snapshots import diff as compare
    from ithaca.snapshots import entries

    store = _store()
    pair = [_resolve(store, text) for text in (first, second)]
    found = compare(store, *pair)
    values = changed_values(*(values_of(store, entries(store, digest)) for digest in pair))
    if as_json:
        print_json(
            [
                {
                    "path": str(each.path),
                    "kind": each.kind,
                    "before": _facts(each.before) if each.before else None,
                    "after": _facts(each.after) if each.after else None,
                }
                for each in found
            ]
            + [{"path": f"value {each.name}", **_changed_value(each)} for each in values]
        )
        return
    marks = {"added": ("A", "green"), "removed": ("D", "red"), "changed": ("M", "yellow")}
    files = [(each.kind, each.path) for each in found if not is_part_of_values(each.path)]
    for kind, what in [*files, *((each.kind, f"value {each.name}") for each in values)]:
        mark, colour = marks[kind]
        click.echo(f"{click.style(mark, fg=colour)}  {_printable(what)}")


@snapshots.command()
@click.argument("snapshot")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
def restore(snapshot: str, folder: str) -> None:
    """Restore a snapshot into the folder DIR, which must be empty or not exist."""
    from ithaca.errors import UsageError
    from ithaca.snapshots import restore as restore_snapshot

    store, target = _store(), Path(folder).absolute()
    digest = _resolve(store, snapshot)
    if target.exists() and any(target.iterdir()):
        raise UsageError(
            "ITH911",
            "the folder is not empty",
            where=str(target),
            cure="name a new one: restoring would remove what is there",
        )
    restore_snapshot(store, digest, target)
    click.echo(str(target))


@snapshots.command()
@as_json
@click.option("--repair", is_flag=True, help="Set aside what is damaged; a run writes it anew.")
def verify(as_json: bool, repair: bool) -> int:
    """Read everything in the store: is it what its digest or its name says?

    Exit codes: 0 all is well, 4 something is damaged.
    """
    from ithaca.api.verification import verify as verify_store

    found = verify_store(_store(), repair=repair)
    if as_json:
        print_json({"problems": [msgspec.to_builtins(each) for each in found]})
    else:
        for each in found:
            click.echo(f"{each.kind} {each.name}: {each.message}")
        click.echo(("set aside" if repair else "damaged") if found else "the store is sound")
    return DAMAGED if found else 0


def _store() -> Store:
    from ithaca.api.project import find_project

    return find_project().store()


def _resolve(store: Store, text: str) -> str:
    from ithaca.snapshots import resolve

    return resolve(store, re.sub(r"^ithaca://[^/]*/snapshots/", "", text.strip()))


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "size": entry.size,
        "digest": entry.digest or None,
        "executable": entry.executable,
        "target": _text(entry.target) or None,
        "mode": f"{entry.mode:o}",
    }


def _changed_value(change: ValueChange) -> dict[str, Any]:
    return {"kind": change.kind, "before": change.before, "after": change.after}


def _mode(entry: Entry) -> str:
    kind = {"dir": "d", "symlink": "l"}.get(entry.kind, "-")
    return f"{kind}{entry.mode & 0o7777:04o}"


def _target(entry: Entry) -> str:
    return f" -> {_printable(_text(entry.target))}" if entry.kind == "symlink" else ""


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _printable(path: str) -> str:
    """A file's name that cannot move the cursor or break a line."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in path
    )
