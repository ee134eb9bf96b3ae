"""`ithaca snapshots`: the trees of files that runs start from and leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ithaca.cli.output import (
    RunName,
    as_json,
    describe_value,
    moment,
    print_json,
    print_table,
    size,
)
from ithaca.cli.remotes import FORMS, flags, project, remote_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.runs.contents import Difference
    from ithaca.runs.references import Owner
    from ithaca.store import Entry, Problem, Store
    from ithaca.store.remotes import Transfer

DAMAGED = 4
"""Exit code for a store that does not verify."""


snapshot_argument = click.argument("snapshot", type=RunName())
looks = remote_options("Remote to look on as well.")


@click.group()
def snapshots() -> None:
    """Take, list, show, compare, restore, push, pull and verify snapshots.

    SNAPSHOT is RUN/STEP for what a step left (`latest/train`), RUN/STEP@before for what it started
    from, a digest, the unique start of one, or a URI.
    """


@snapshots.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@as_json
def take(folder: str, as_json: bool) -> None:
    """Store what the folder DIR holds and print the snapshot's digest."""
    from ithaca.cli.waiting import Waiting
    from ithaca.store import Ignore
    from ithaca.store import take as take_snapshot

    root = Path(folder).absolute()
    store = project().store(create=True)
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
    """List the store's snapshots, the newest first, each with the run and step that it is from."""
    from ithaca.errors import NotFound
    from ithaca.runs.references import owners
    from ithaca.store import list_snapshots

    try:
        store = _store()
        found = sorted(list_snapshots(store), key=lambda each: each.created, reverse=True)
        owned = owners(store)
    except NotFound:
        found, owned = [], {}
    if as_json:
        print_json(
            [{**msgspec.to_builtins(each), "of": owned.get(each.digest, [])} for each in found]
        )
        return
    print_table(
        ("snapshot", "taken", "files", "size", "of"),
        [
            (
                each.digest[:16],
                moment(each.created),
                str(each.files),
                size(each.bytes),
                _whose(owned.get(each.digest, [])),
            )
            for each in found
        ],
    )


@snapshots.command()
@snapshot_argument
@looks
@as_json
def show(snapshot: str, as_json: bool) -> None:
    """List what a snapshot holds: its files, what steps installed, and its values by name.

    With --json also the files in which Ithaca keeps values and libraries.
    """
    from ithaca.runs.contents import contents
    from ithaca.store import entries

    digest, store = _resolve(snapshot)
    found = contents(store, digest)
    if as_json:
        rows = [
            {"path": str(path), **_facts(each)} for path, each in entries(store, digest).items()
        ]
        print_json(
            {
                "digest": digest,
                "entries": rows,
                "values": found.values,
                "libraries": found.libraries,
            }
        )
        return
    click.echo(digest)
    for path, entry in found.files.items():
        click.echo(f"{_mode(entry)}  {size(entry.size):>10}  {_printable(path)}{_target(entry)}")
    for name, version in found.libraries.items():
        click.echo(f"library {name} {version}")
    for value in found.values:
        click.echo(f"value {value.name}: {describe_value(value)}")


@snapshots.command()
@click.argument("first", type=RunName())
@click.argument("second", type=RunName())
@looks
@as_json
def diff(first: str, second: str, as_json: bool) -> None:
    """Print what differs between two snapshots: files (bytes, kind, executable bit) and values."""
    from ithaca.runs.contents import differences

    one, _ = _resolve(first)
    other, store = _resolve(second)
    pair = (one, other)
    if as_json:
        _diff_as_json(store, *pair)
        return
    colours = {"added": "green", "removed": "red", "changed": "yellow"}
    found = differences(store, *pair)
    for each in found:
        what = "" if each.what == "file" else f"{each.what} "
        click.echo(
            f"{click.style(each.kind, fg=colours[each.kind])}{' ' * (9 - len(each.kind))}"
            f"{what}{_printable(each.name)}{_from_to(each)}"
        )
    counts = [(kind, sum(each.kind == kind for each in found)) for kind in colours]
    told = ", ".join(f"{count} {kind}" for kind, count in counts if count)
    click.echo(f"from the first to the second: {told or 'nothing differs'}")


def _diff_as_json(store: Store, first: str, second: str) -> None:
    from ithaca.runs.values import changed_values, values_of
    from ithaca.store import diff as compare
    from ithaca.store import entries

    values = changed_values(
        *(values_of(store, entries(store, digest)) for digest in (first, second))
    )
    print_json(
        [
            {
                "path": str(each.path),
                "kind": each.kind,
                "before": _facts(each.before) if each.before else None,
                "after": _facts(each.after) if each.after else None,
            }
            for each in compare(store, first, second)
        ]
        + [
            {
                "path": f"value {each.name}",
                "kind": each.kind,
                "before": each.before,
                "after": each.after,
            }
            for each in values
        ]
    )


@snapshots.command()
@snapshot_argument
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@looks
@click.option(
    "--values",
    "with_values",
    is_flag=True,
    help="Also the folder .ithaca-volume, in which values and what steps installed are kept.",
)
def restore(snapshot: str, folder: str, with_values: bool) -> None:
    """Restore the files of a snapshot into the folder DIR, which must be empty or not exist.

    `ithaca snapshots restore latest/train out` gives you the files that the step left.
    """
    from ithaca.errors import UsageError
    from ithaca.store import restore as restore_snapshot
    from ithaca.store.snapshots.model import RESERVED

    target = Path(folder).absolute()
    if target.exists() and any(target.iterdir()):
        raise UsageError(
            "ITH911",
            "the folder is not empty",
            where=str(target),
            cure="name a new one: restoring would remove what is there",
        )
    digest, store = _resolve(snapshot)
    restore_snapshot(store, digest, target, without=() if with_values else (RESERVED,))
    click.echo(str(target))


def _travels(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments of `push` and `pull`."""
    for decorate in (
        as_json,
        click.option("--run", "runs", multiple=True, metavar="RUN", help="A run; repeatable."),
        remote_options(f"The remote: {FORMS}."),
        click.argument("digests", nargs=-1, metavar="[SNAPSHOT]..."),
    ):
        command = decorate(command)
    return command


@snapshots.command()
@_travels
def push(digests: tuple[str, ...], runs: tuple[str, ...], as_json: bool) -> None:
    """Send what a remote lacks of snapshots and runs; of everything when none is named.

    Repeat it when it was interrupted: what has arrived is not sent again.
    """
    from ithaca.cli.waiting import Waiting
    from ithaca.runs.remotes import send

    found = project()
    url = found.store_url(writing=True)
    with Waiting() as tell:
        done = send(found, url, digests, runs, tell.files("sending"))
    _tell("sent", done, as_json)


@snapshots.command()
@_travels
def pull(digests: tuple[str, ...], runs: tuple[str, ...], as_json: bool) -> None:
    """Fetch what the store lacks of snapshots and runs; of all of a remote when none is named.

    Repeat it when it was interrupted: what has arrived is not fetched again.
    """
    from ithaca.cli.waiting import Waiting
    from ithaca.runs.remotes import fetch

    found = project()
    url = found.store_url()
    with Waiting() as tell:
        done = fetch(found, url, digests, runs, tell.files("fetching"))
    _tell("fetched", done, as_json)


@snapshots.command()
@as_json
@click.option("--repair", is_flag=True, help="Set aside what is damaged; a run writes it anew.")
@remote_options(f"Read a remote instead: {FORMS}.")
def verify(as_json: bool, repair: bool) -> int:
    """Read everything in the store: is it what its digest or its name says?

    Exit codes: 0 all is well, 4 something is damaged.
    """
    url = project().store_url() if flags().get("store") else None
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
    from ithaca.cli.waiting import Waiting
    from ithaca.runs.verification import verify as verify_store

    if not url:
        return verify_store(_store(), repair=repair)
    from ithaca.runs.remotes import check

    with Waiting() as tell:
        return check(url, tell.files("reading the remote's packs"))


def _tell(what: str, done: Transfer, as_json: bool) -> None:
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
    return project().store()


def _resolve(text: str) -> tuple[str, Store]:
    from ithaca.runs.references import find_snapshot

    return find_snapshot(project(), text)


def _whose(owners: Sequence[Owner]) -> str:
    more = f" (+{len(owners) - 1})" if len(owners) > 1 else ""
    return f"{owners[0]}{more}" if owners else ""


def _from_to(change: Difference) -> str:
    """`: 1.0 → 1.1`, as far as it is known."""
    told = [
        each if isinstance(each, str) else describe_value(each)
        for each in (change.before, change.after)
        if each is not None
    ]
    return ": " + " → ".join(told) if told else ""


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "size": entry.size,
        "digest": entry.digest or None,
        "executable": entry.executable,
        "target": _text(entry.target) or None,
        "mode": f"{entry.mode:o}",
    }


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
