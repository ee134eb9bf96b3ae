"""Runs whose steps are executed from a pod's command line, over a remote that is a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from step_project import RUN, Project

import warm_program
from ithaca.model.run import RunDocument
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.store import Ignore, LocalStore, SharedStore, take
from ithaca.store.remotes import Remote, push
from run_documents import record_run


class Cluster:
    """A remote, and pods that share only the remote."""

    def __init__(self, project: Project, home: Path) -> None:
        self.project, self.home = project, home
        self.url = f"file://{home}/remote"
        self.pods = 0
        self.mounted: str | None = None

    def submit(self, **fields: Any) -> RunDocument:
        """Write a run to the remote, as a submission does."""
        project, store = self.project, self.project.store
        source = take(store, project.root, ignore=Ignore(source=True)).digest
        document = record_run(
            store, project.workflow, **{"id": RUN, "source": source, "store": self.url, **fields}
        )
        self.given = (f"--workflow={document.workflow}", f"--source={source}")
        push(
            store,
            Remote.open(self.url, create=True),
            [source],
            documents=[document.workflow],
            names=[names.run(document.id)],
        )
        return document

    def pod(self, *options: str, run: str = RUN) -> Pod:
        """Run a pod to its end."""
        self.pods += 1
        return Pod(self, self.pods, (f"--run={run}", *options))

    def step(self, name: str, *options: str, parents: tuple[str, ...] = ()) -> Pod:
        return self.pod(f"--step={name}", f"--parents={','.join(parents)}", *options)

    @property
    def journal(self) -> Journal:
        return self.journal_of(RUN)

    def journal_of(self, run: str) -> Journal:
        self.pods += 1
        seen = self.home / f"seen-{self.pods}"
        return Journal(
            SharedStore(LocalStore.open(seen), Remote.open(self.url), cache=seen / "cache"), run
        )


class Pod:
    """One pod that has ended."""

    def __init__(self, cluster: Cluster, number: int, options: tuple[str, ...]) -> None:
        home = cluster.home / f"pod-{number}"
        self.root, self.work = home / "project", home / "work"
        self.root.mkdir(parents=True)
        if cluster.mounted:
            (self.root / cluster.mounted).mkdir()
            (self.root / cluster.mounted / "kept.txt").write_text("kept")
        termination = home / "termination-log"
        termination.touch()
        fixed = (
            f"--store={cluster.url}",
            *cluster.given,
            f"--root={self.root}",
            f"--work={self.work}",
            f"--cache={home / 'none'}",
            f"--termination={termination}",
            f"--pod=pod-{number}",
            f"--python={sys.executable}",
        )
        done = warm_program.call_runner(*fixed, *options)
        self.code, self.output = done.returncode, done.stdout + done.stderr
        self.message = termination.read_text()

    def out(self, name: str) -> str:
        return (self.work / "out" / name).read_text()
