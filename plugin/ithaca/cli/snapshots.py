"""`ithaca snapshots`: the folders that steps start from and leave."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ithaca.cli.options import FORMS, RunName, as_json, flags, project, remote_options
from ithaca.cli.output import (
    describe_value,
    entry_facts,
    entry_mode,
    entry_target,
    moment,
    print_json,
    print_notice,
    print_table,
    printable,
    size,
)
from ithaca.cli.progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.runs.contents import Difference
    from ithaca.runs.references import Owner
    from ithaca.store import Problem, Store
    from ithaca.store.remotes import Transfer

    Move = Callable[..., Transfer]

DAMAGED = 4
"""Exit code of `verify` for a damaged store."""

snapshot_argument = click.argument("snapshot", type=RunName())
looks = remote_options("Also read snapshots from this remote store.")


@click.group()
def snapshots() -> None:
    """Take, list, show, compare, restore, push, pull and verify snapshots.

    SNAPSHOT is RUN/STEP for what a step left (such as `latest/train`), RUN/STEP@before for what
    it started from, a digest, the unique start of a digest, or a URI.
    """


@snapshots.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@as_json
def take(folder: str, as_json: bool) -> None:
    """Store the folder DIR as a snapshot and print the snapshot's digest."""
    from ithaca.store import Ignore
    from ithaca.store import take as take_snapshot

    root = Path(folder).absolute()
    store = project().store(create=True)
    with ProgressLine() as report:
        progress = report.files("reading the folder's files")
        taken = take_snapshot(store, root, ignore=Ignore.read(root), progress=progress)
    for notice in taken.notices:
        print_notice(notice)
    if as_json:
        print_json(taken)
    else:
        click.echo(taken.digest)


@snapshots.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the store's snapshots, newest first.

    Each is listed with the runs and steps that it belongs to.
    """
    from ithaca.errors import NotFound
    from ithaca.runs.references import owners
    from ithaca.store import list_snapshots

    try:
        store = project().store()
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
                _owners_text(owned.get(each.digest, [])),
            )
            for each in found
        ],
    )


@snapshots.command()
@snapshot_argument
@looks
@as_json
def show(snapshot: str, as_json: bool) -> None:
    """List the files, installed libraries and values of a snapshot.

    --json also lists the files in which Ithaca keeps values and libraries.
    """
    from ithaca.runs.contents import contents
    from ithaca.store import entries

    digest, store = _resolve(snapshot)
    found = contents(store, digest)
    if as_json:
        rows = [
            {"path": str(path), **entry_facts(each)}
            for path, each in entries(store, digest).items()
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
        click.echo(
            f"{entry_mode(entry)}  {size(entry.size):>10}  {printable(path)}{entry_target(entry)}"
        )
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
    """Print the differences between two snapshots.

    These are files (content, kind or executable bit), installed libraries and values.
    """
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
            f"{what}{printable(each.name)}{_from_to(each)}"
        )
    counts = [(kind, sum(each.kind == kind for each in found)) for kind in colours]
    summary = ", ".join(f"{count} {kind}" for kind, count in counts if count)
    click.echo(summary or "no differences")


def _diff_as_json(store: Store, first: str, second: str) -> None:
    from ithaca.runs.contents import differences
    from ithaca.store import diff as compare

    files = [
        (each.path, each.kind, each.before and entry_facts(each.before),
         each.after and entry_facts(each.after))
        for each in compare(store, first, second)
    ]  # fmt: skip
    values = [
        (f"value {each.name}", each.kind, each.before, each.after)
        for each in differences(store, first, second)
        if each.what == "value"
    ]
    keys = ("path", "kind", "before", "after")
    print_json([dict(zip(keys, row, strict=True)) for row in (*files, *values)])


@snapshots.command()
@snapshot_argument
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@looks
@click.option(
    "--values",
    "with_values",
    is_flag=True,
    help="Also restore the folder .ithaca-volume, which holds values and installed libraries.",
)
def restore(snapshot: str, folder: str, with_values: bool) -> None:
    """Restore the files of a snapshot into a folder.

    The folder DIR must be empty or not exist. For example,
    `ithaca snapshots restore latest/train out` restores what the step `train` left.
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
            cure="name a new folder, or an empty one",
        )
    digest, store = _resolve(snapshot)
    restore_snapshot(store, digest, target, without=() if with_values else (RESERVED,))
    click.echo(str(target))


def _transfer(
    doing: str, done: str, *, writing: bool = False
) -> Callable[[Callable[[], Move]], Callable[..., None]]:
    """The options and the work of `push` and `pull`.

    Args:
        doing: The verb of the progress line.
        done: The verb of the result.
        writing: Whether the command writes to the remote.

    Returns:
        A decorator for a command that returns its function of `ithaca.runs.remotes`.
    """

    def decorate(command: Callable[[], Move]) -> Callable[..., None]:
        @click.argument("digests", nargs=-1, metavar="[SNAPSHOT]...")
        @remote_options(f"Remote store: {FORMS}.")
        @click.option(
            "--run",
            "runs",
            multiple=True,
            metavar="RUN",
            help="Transfer a run with everything that it needs; can be repeated.",
        )
        @as_json
        @functools.wraps(command)
        def call(digests: tuple[str, ...], runs: tuple[str, ...], as_json: bool) -> None:
            found = project()
            url = found.store_url(writing=writing)
            with ProgressLine() as report:
                moved = command()(found, url, digests, runs, report.files(doing))
            if as_json:
                print_json(moved)
            else:
                _print_transfer(done, moved)

        return call

    return decorate


@snapshots.command()
@_transfer("sending", "sent", writing=True)
def push() -> Move:
    """Send snapshots and runs to a remote store.

    Without SNAPSHOT and --run, everything is sent. Only what the remote lacks is transferred; if
    the command is interrupted, run it again to continue.
    """
    from ithaca.runs.remotes import send

    return send


@snapshots.command()
@_transfer("fetching", "fetched")
def pull() -> Move:
    """Fetch snapshots and runs from a remote store.

    Without SNAPSHOT and --run, everything is fetched. Only what is missing here is transferred; if
    the command is interrupted, run it again to continue.
    """
    from ithaca.runs.remotes import fetch

    return fetch


def _print_transfer(verb: str, done: Transfer) -> None:
    if done.missing:
        listed = ", ".join(digest[:16] for digest in done.missing[:8])
        more = ", …" if len(done.missing) > 8 else ""
        print_notice(f"skipped {len(done.missing)} missing snapshots and documents: {listed}{more}")
    counts = f"{done.snapshots} snapshots, {done.objects} objects, {done.documents} documents"
    click.echo(f"{verb} {counts}: {size(done.bytes)} in {done.requests} requests")


@snapshots.command()
@as_json
@click.option(
    "--repair",
    is_flag=True,
    help="Move damaged files to the folder `damaged`; runs write them again.",
)
@remote_options(f"Remote store to verify: {FORMS}.", default="the local store")
def verify(as_json: bool, repair: bool) -> int:
    """Read everything in the store and check it against its digests.

    Exit codes: 0 the store is sound, 4 it is damaged.
    """
    url = project().store_url() if flags().get("store") else None
    if url and repair:
        raise click.UsageError(
            "--repair cannot be used with --store: it works on the local store only"
        )
    found = _verified(url, repair=repair)
    if as_json:
        print_json({"problems": [msgspec.to_builtins(each) for each in found]})
    else:
        for each in found:
            click.echo(f"{each.kind} {each.name}: {each.message}")
        damaged = "the damaged files were moved to `damaged`" if repair else "the store is damaged"
        click.echo(damaged if found else "the store is sound")
    return DAMAGED if found else 0


def _verified(url: str | None, *, repair: bool) -> list[Problem]:
    from ithaca.runs.verification import verify as verify_store

    if not url:
        return verify_store(project().store(), repair=repair)
    from ithaca.store.remotes import Remote
    from ithaca.store.remotes import verify as verify_remote

    with ProgressLine() as report:
        progress = report.files("reading the remote's packs")
        return verify_remote(Remote.open(url), progress=progress)


def _resolve(text: str) -> tuple[str, Store]:
    from ithaca.runs.references import find_snapshot

    return find_snapshot(project(), text)


def _owners_text(owners: Sequence[Owner]) -> str:
    more = f" (+{len(owners) - 1})" if len(owners) > 1 else ""
    return f"{owners[0]}{more}" if owners else ""


def _from_to(change: Difference) -> str:
    """`: 1.0 → 1.1`, without a side that is unknown."""
    sides = [
        each if isinstance(each, str) else describe_value(each)
        for each in (change.before, change.after)
        if each is not None
    ]
    return ": " + " → ".join(sides) if sides else ""
