"""`ithaca snapshots`: the trees of files that runs start from and leave."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ithaca.cli.output import as_json, describe_value, moment, print_json, print_table, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.api.remotes import Travelled
    from ithaca.api.values import ValueChange
    from ithaca.snapshots import Entry, Problem, Store

DAMAGED = 4
"""Exit code for a store that does not verify."""


@click.group()
def snapshots() -> None:
    """Take, list, show, compare, restore, push, pull and verify snapshots.

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


_REMOTE = "s3://BUCKET/PREFIX, gs://…, az://… or file:///FOLDER."


def _travels(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments of `push` and `pull`."""
    for decorate in (
        as_json,
        click.option("--run", "runs", multiple=True, metavar="RUN", help="A run; repeatable."),
        click.option("--store", "url", required=True, envvar="ITHACA_STORE", help=_REMOTE),
        click.argument("digests", nargs=-1, metavar="[SNAPSHOT]..."),
    ):
        command = decorate(command)
    return command


@snapshots.command()
@_travels
def push(digests: tuple[str, ...], url: str, runs: tuple[str, ...], as_json: bool) -> None:
    """Send what a remote lacks of snapshots and runs; of everything when none is named.

    Repeat it when it was interrupted: what has arrived is not sent again.
    """
    from ithaca.api.project import find_project
    from ithaca.api.remotes import send
    from ithaca.cli.waiting import Waiting

    with Waiting() as tell:
        names = [_digest(one) for one in digests]
        done = send(find_project(), url, names, runs, tell.files("sending"))
    _tell("sent", done, as_json)


@snapshots.command()
@_travels
def pull(digests: tuple[str, ...], url: str, runs: tuple[str, ...], as_json: bool) -> None:
    """Fetch what the store lacks of snapshots and runs; of all of a remote when none is named.

    Repeat it when it was interrupted: what has arrived is not fetched again.
    """
    from ithaca.api.project import find_project
    from ithaca.api.remotes import fetch
    from ithaca.cli.waiting import Waiting

    with Waiting() as tell:
        names = [_digest(one) for one in digests]
        done = fetch(find_project(), url, names, runs, tell.files("fetching"))
    _tell("fetched", done, as_json)


@snapshots.command()
@as_json
@click.option("--repair", is_flag=True, help="Set aside what is damaged; a run writes it anew.")
@click.option("--store", "url", help=f"Read a remote instead: {_REMOTE}")
def verify(as_json: bool, repair: bool, url: str | None) -> int:
    """Read everything in the store: is it what its digest or its name says?

    Exit codes: 0 all is well, 4 something is damaged.
    """
    if url and repair:
        raise click.UsageError("--repair is for the project's own store, not for a remote")
    found = _verified(url, repair=repair)
    if as_json:
        print_json({"problems": [msgspec.to_builtins(each) for each in found]})
    else:
        for each in found:
            click.echo(f"{each.kind} {each.name}: {each.message}")
        click.echo(("set aside" if repair else "damaged") if found else "the store is sound")
    return DAMAGED if found else 0


def _verified(url: str | None, *, repair: bool) -> list[Problem]:
    from ithaca.api.verification import verify as verify_store
    from ithaca.cli.waiting import Waiting

    if not url:
        return verify_store(_store(), repair=repair)
    from ithaca.api.remotes import check

    with Waiting() as tell:
        return check(url, tell.files("reading the remote's packs"))


def _tell(what: str, done: Travelled, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    if done.missing:
        notice = click.style("notice", fg="yellow")
        listed = ", ".join(digest[:16] for digest in done.missing[:8])
        left = f"{len(done.missing)} snapshots and documents that runs name are not there"
        click.echo(f"{notice}: {left}, and were left out: {listed}", err=True)
    counts = f"{done.snapshots} snapshots, {done.objects} objects, {done.documents} documents"
    click.echo(f"{what} {counts}: {size(done.bytes)} in {done.requests} requests")


def _store() -> Store:
    from ithaca.api.project import find_project

    return find_project().store()


def _resolve(store: Store, text: str) -> str:
    from ithaca.snapshots import resolve

    return resolve(store, _digest(text))


def _digest(text: str) -> str:
    return re.sub(r"^ithaca://[^/]*/snapshots/", "", text.strip())


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
