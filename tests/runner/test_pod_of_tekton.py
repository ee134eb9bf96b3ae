"""The runner on an engine without times, exit codes and gates."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from step_project import RUN, Project, parameter, step

import warm_program
from ithaca.model.run import Event
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.store import Ignore, LocalStore, Store, take
from ithaca.store.remotes import Remote, push
from ithaca.store.shared import SharedStore
from run_documents import run_document

ENGINE = "--engine=tekton/ns/digits-x/8f3c"


class Pods:
    """A remote with a workflow, and its pods."""

    def __init__(self, project: Project, home: Path) -> None:
        self.project, self.home, self.count = project, home, 0
        self.url = f"file://{home}/remote"
        self.lock = threading.Lock()

    def push(self) -> None:
        """Push the workflow and its source, but no run."""
        store = self.project.store
        self.source = take(store, self.project.root, ignore=Ignore(source=True)).digest
        self.workflow = store.put(self.project.workflow.to_json().encode())
        remote = Remote.open(self.url, create=True)
        push(store, remote, [self.source], documents=[self.workflow])

    def submit(self) -> None:
        """Push the workflow and write the document of a run, as a submission does."""
        self.push()
        document = run_document(id=RUN, workflow=self.workflow, source=self.source, store=self.url)
        self.store("submitter").create(names.run(RUN), msgspec.json.encode(document))

    def store(self, name: str) -> Store:
        home = self.home / name
        return SharedStore(LocalStore.open(home), Remote.open(self.url), cache=home / "cache")

    def journal(self, run: str = RUN) -> Journal:
        with self.lock:
            self.count += 1
        return Journal(self.store(f"seen-{self.count}"), run)

    def pod(self, *options: str) -> subprocess.CompletedProcess[str]:
        with self.lock:
            self.count += 1
        home = self.home / f"pod-{self.count}"
        (home / "project").mkdir(parents=True)
        fixed = (
            f"--store={self.url}",
            f"--workflow={self.workflow}",
            f"--source={self.source}",
            f"--root={home / 'project'}",
            f"--work={home / 'work'}",
            f"--out={home / 'out'}",
            f"--cache={home / 'none'}",
            f"--pod={home.name}",
            f"--python={sys.executable}",
        )
        done = warm_program.call_runner(*fixed, *options)
        done.out = {one.name: one.read_text() for one in home.glob("out/*")}  # type: ignore[attr-defined]
        return done


@pytest.fixture
def pods(project: Project, tmp_path: Path) -> Pods:
    return Pods(project, tmp_path)


@pytest.mark.slow
def test_all_pods_of_an_object_without_an_age_belong_to_one_run(pods: Pods) -> None:
    pods.project.define(
        step("a", "x = n", parameters=("n",), writes=("x",)),
        step("b", "y = 2"),
        parameters=(parameter("n", 1),),
    )
    pods.push()
    options = ("--argument", "n=7", ENGINE)
    done: list[Any] = []
    threads = [
        threading.Thread(target=lambda name=name: done.append(pods.pod(f"--step={name}", *options)))
        for name in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    (name,) = Remote.open(pods.url).children("runs")
    run = pods.journal(name).run()
    assert (run.backend, run.arguments) == ("tekton", {"n": 7})
    assert run.engine == "tekton/ns/digits-x/8f3c"
    assert pods.pod("--end=Succeeded", ENGINE, "--exit-failed=1").returncode == 0
    assert pods.journal(name).state().status == "succeeded"


def answer(pods: Pods, kind: str) -> None:
    journal = pods.journal()
    event = Event(id="01JB", kind=kind, at=1.0, by="ann", step="a")  # type: ignore[arg-type]
    journal.create(names.event(RUN, event.id), event)


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_a_gate_returns_the_answer(pods: Pods, kind: str) -> None:
    pods.project.define(step("a", "x = 1", approval="Go on?"))
    pods.submit()
    done: list[Any] = []
    gate = threading.Thread(target=lambda: done.append(pods.pod("--gate=a", f"--run={RUN}")))
    gate.start()
    answer(pods, kind)
    gate.join()
    assert done[0].returncode == 0, done[0].stderr
    assert done[0].out == {"decision": kind}


def test_a_restarted_gate_finds_an_earlier_answer(pods: Pods) -> None:
    pods.project.define(step("a", "x = 1", approval="Go on?"))
    pods.submit()
    answer(pods, "approve")
    assert pods.pod("--gate=a", f"--run={RUN}").out == {"decision": "approve"}  # type: ignore[attr-defined]


def test_a_gate_of_a_cancelled_run_ends(pods: Pods) -> None:
    pods.project.define(step("a", "x = 1", approval="Go on?"))
    pods.submit()
    event = Event(id="01JB", kind="cancel", at=1.0, by="ann")
    pods.journal().create(names.event(RUN, event.id), event)
    assert pods.pod("--gate=a", f"--run={RUN}").returncode == 65


@pytest.mark.parametrize(("code", "verdict"), [("0", 0), ("65", 0), ("1", 1), ("-9", 1), ("x", 1)])
def test_a_pod_fails_only_if_another_attempt_can_help(
    tmp_path: Path, code: str, verdict: int
) -> None:
    (tmp_path / "code").write_text(code)
    (tmp_path / "out").mkdir()
    if code == "0":
        (tmp_path / "out" / "execution").write_text("abc")
    done = warm_program.call_runner(f"--judge={tmp_path / 'code'}", f"--out={tmp_path / 'out'}")
    assert done.returncode == verdict
    kept = {one.name: one.read_text() for one in (tmp_path / "out").iterdir()}
    expected = {0: {"execution": "abc" if code == "0" else "", "metrics": ""}, 1: {}}
    assert kept == expected[verdict]


@pytest.mark.slow
def test_a_run_fails_even_if_its_engine_continued_after_a_failure(pods: Pods) -> None:
    pods.project.define(step("a", "1 / 0"), step("b", "x = 1"))
    pods.submit()
    assert pods.pod("--step=a", f"--run={RUN}").returncode == 65
    assert pods.pod("--step=b", f"--run={RUN}").returncode == 0
    failures = [{"displayName": "b", "message": "Succeeded"}]
    done = pods.pod(
        f"--run={RUN}", "--end=Succeeded", "--exit-failed=1", f"--failures={json.dumps(failures)}"
    )
    assert (done.returncode, done.stderr.strip()) == (1, "failed: a")
    assert pods.journal().state().status == "failed"
