"""Steps that run from a pod's command line, over a remote that is a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from pod_project import Cluster, Pod
from step_project import RUN, Project, metric, parameter, step

from ithaca.model.run import AttemptStart, Execution, PlannedStep
from ithaca.model.workflow import Parameter, Volume
from ithaca.records import names
from ithaca.runner.pod.document import given, interpreter, run_id
from ithaca.runner.pod.ending import failures
from ithaca.runner.pod.options import parse
from ithaca.store import LocalStore, entries
from ithaca.store.remotes import Remote, pull

slow = pytest.mark.slow


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Cluster:
    return Cluster(project, tmp_path)


@slow
def test_a_pod_runs_a_step_and_pushes_its_results_to_the_remote(
    cluster: Cluster, tmp_path: Path
) -> None:
    (cluster.project.root / "data.txt").write_text("hello")
    cluster.project.define(
        step(
            "load",
            "import os\ntext = open('data.txt').read() * times\nprint(text, os.getcwd())",
            "loss = 0.5\nopen('out.txt', 'w').write(text)",
            writes=("text",),
            parameters=("times",),
        ),
        parameters=(parameter("times", 2),),
        metrics=(metric("loss", "load"),),
    )
    cluster.submit()
    pod = cluster.step("load", "--image=img:1")
    assert (pod.code, pod.message) == (0, ""), pod.output
    assert json.loads(pod.out("metrics")) == {"loss": 0.5}
    end = cluster.journal.attempt_end("load", 1)
    assert end is not None
    assert (end.status, end.execution) == ("succeeded", pod.out("execution"))
    start = cluster.journal.attempt_start("load", 1)
    assert start is not None
    assert start.writer == "pod-1"
    assert f"hellohello {pod.root}" in cluster.journal.log("load", 1)[0].decode()
    assert cluster.journal.notebook("load", 1)
    other = LocalStore.open(tmp_path / "other")
    pull(other, Remote.open(cluster.url), [str(end.after)], documents=[str(end.execution)])
    assert msgspec.json.decode(other.get(str(end.execution)), type=Execution).step == "load"
    memo = cluster.journal.store.read(names.environment("img:1", sys.executable))
    assert json.loads(memo)["image"] == "img:1"


def start_chain(cluster: Cluster) -> Pod:
    """Run the first of two steps; the second one reads its value."""
    cluster.project.define(
        step("a", "x = [1]", writes=("x",)),
        step("b", "print(x + [2])", reads=("x",), needs=("a",)),
    )
    cluster.submit()
    first = cluster.step("a")
    assert first.code == 0, first.output
    return first


@slow
def test_a_second_step_reads_a_value_and_the_next_pod_reuses_it(
    cluster: Cluster,
) -> None:
    first = start_chain(cluster)
    second = cluster.step("b", parents=(first.out("execution"),))
    assert second.code == 0, second.output
    assert "[1, 2]" in cluster.journal.log("b", 1)[0].decode()
    again = "01JRUNNER0000000000000000001"
    cluster.submit(id=again)
    third = cluster.pod("--step=a", run=again)
    assert third.code == 0, third.output
    end = cluster.journal_of(again).attempt_end("a", 1)
    assert end is not None
    assert (end.status, end.reused_from) == ("reused", RUN)
    assert third.out("execution") == first.out("execution")


@slow
def test_a_parent_can_be_named_by_its_step_in_the_runs_plan(cluster: Cluster) -> None:
    first = start_chain(cluster)
    trial = "01JRUNNER0000000000000000001"
    known = PlannedStep(step="a", action="reuse", execution=first.out("execution"))
    cluster.submit(id=trial, plan=(known, PlannedStep(step="b", action="run")))
    second = cluster.pod("--step=b", "--parents=@a", run=trial)
    assert second.code == 0, second.output
    assert "[1, 2]" in cluster.journal_of(trial).log("b", 1)[0].decode()


def test_a_failure_exits_with_1_before_the_last_attempt_and_with_65_after_it(
    cluster: Cluster,
) -> None:
    cluster.project.define(step("a", "y = 1\n1 / 0", retries=1))
    cluster.submit()
    first = cluster.step("a", "--retries=0")
    assert first.code == 1, first.output
    assert first.message == "step `a`, cell 1, line 2: ZeroDivisionError: division by zero"
    last = cluster.step("a", "--retries=1")
    assert last.code == 65, last.output
    none_left = cluster.step("a", "--retries=2")
    assert none_left.code == 65
    assert cluster.journal.attempts("a") == [1, 2]


@slow
@pytest.mark.parametrize("writer", ["gone", "pod-1"], ids=["another", "its own"])
def test_the_next_pod_ends_the_attempt_of_a_vanished_pod(cluster: Cluster, writer: str) -> None:
    cluster.project.define(step("a", "x = 1"))
    cluster.submit()
    gone = AttemptStart(step="a", attempt=1, started=1.0, writer=writer)
    cluster.journal.create(names.attempt(RUN, "a", 1, "start"), gone)
    pod = cluster.step("a")
    assert pod.code == 0, pod.output
    first, second = (cluster.journal.attempt_end("a", number) for number in (1, 2))
    assert first is not None
    assert second is not None
    assert first.error is not None
    assert (first.error.code, first.infrastructure) == ("ITH537", True)
    assert second.status == "succeeded"
    answer = cluster.step("a")
    assert (answer.code, answer.out("execution")) == (0, second.execution)


@slow
def test_the_first_pod_writes_a_missing_document_of_its_run(
    cluster: Cluster,
) -> None:
    cluster.project.define(
        step("a", "print('n is', n)", parameters=("n",)), parameters=(parameter("n", 1),)
    )
    cluster.submit()
    engine = ("--engine=argo/ns/w-1/uid-1", "--created=2026-01-02T03:04:05Z")
    arguments = '[{"name": "ithaca-run", "value": ""}, {"name": "n", "value": "7"}]'
    pod = cluster.pod("--step=a", *engine, f"--arguments={arguments}", run="")
    assert pod.code == 0, pod.output
    made = run_id("2026-01-02T03:04:05Z", "argo/ns/w-1/uid-1")
    journal = cluster.journal_of(made)
    assert (journal.run().backend, journal.run().arguments) == ("argo", {"n": 7})
    assert "n is 7" in journal.log("a", 1)[0].decode()
    assert cluster.pod("--end=Succeeded", *engine, run="").code == 0
    assert cluster.journal_of(made).state().status == "succeeded"


def test_a_workflow_that_was_not_pushed_is_an_error_with_a_cure(cluster: Cluster) -> None:
    cluster.project.define(step("a", "x = 1"))
    cluster.submit()
    engine = ("--engine=argo/ns/w-1/uid-1", "--created=2026-01-02T03:04:05Z")
    pod = cluster.pod("--step=a", *engine, f"--workflow={'0' * 64}", run="")
    assert pod.code == 65
    assert "ithaca compile NB --backend argo --push" in pod.message


def test_a_rejection_fails_the_step(cluster: Cluster) -> None:
    cluster.project.define(step("a", "x = 1", approval="Go on?", retries=3))
    cluster.submit()
    pod = cluster.step("a", "--decision=reject", "--by=ann", "--comment=too slow")
    assert pod.code == 65, pod.output
    assert pod.message == "step `a`: ann rejected `Go on?`: too slow"
    state = cluster.journal.state().step("a")
    assert state.status == "failed"
    assert state.answer is not None
    assert state.answer.kind == "reject"


def test_a_cancelled_run_starts_no_attempt(cluster: Cluster) -> None:
    cluster.project.define(step("a", "x = 1"))
    cluster.submit()
    cluster.journal.ask("cancel")
    assert cluster.step("a").code == 65
    assert cluster.journal.attempts("a") == []
    assert cluster.pod("--end=Failed").code == 0
    assert cluster.journal.state().status == "cancelled"


def test_the_end_of_a_killed_pod_reports_that_it_ran_out_of_memory(cluster: Cluster) -> None:
    cluster.project.define(step("fit", "x = 1"))
    cluster.submit()
    gone = AttemptStart(step="fit", attempt=1, started=1.0, writer="w-1-fit-123")
    cluster.journal.create(names.attempt(RUN, "fit", 1, "start"), gone)
    known = [{"displayName": "fit(0)", "podName": "w-1-fit-123", "message": "OOMKilled"}]
    pod = cluster.pod("--end=Failed", f"--failures={json.dumps(json.dumps(known))}")
    assert pod.code == 0, pod.output
    state = cluster.journal.state()
    error = state.step("fit").error
    assert error is not None
    assert (error.code, error.message) == ("ITH524", "out of memory")
    assert (state.status, state.message) == ("failed", "failed: fit")


@pytest.mark.parametrize("text", ["", "no JSON", "3", "[3]", "null"])
def test_unreadable_failures_are_ignored(text: str) -> None:
    assert failures(text) == []


@pytest.mark.parametrize(
    ("kind", "default", "text", "value"),
    [
        ("str", "", '"a"', "a"),
        ("str", "", "plain", "plain"),
        ("str", "", "12", "12"),
        ("float", 1.0, "2", 2.0),
        ("bool", False, "yes", True),
        ("list", [], "[1]", [1]),
    ],
)
def test_an_argument_is_json_or_plain_text(kind: Any, default: Any, text: str, value: Any) -> None:
    text_of_arguments = json.dumps([{"name": "p", "value": text}])
    assert given(text_of_arguments, [Parameter(name="p", type=kind, default=default)]) == {
        "p": value
    }


def test_the_interpreter_is_that_of_the_image_and_not_of_the_copied_ithaca(tmp_path: Path) -> None:
    for place in ("ithaca/bin", "usr/bin"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "python3").touch()
    path = os.pathsep.join(str(tmp_path / each) for each in ("ithaca/bin", "usr/bin"))
    found = interpreter("", path, tmp_path / "ithaca")
    assert found == str(tmp_path / "usr/bin/python3")
    assert interpreter("/opt/python", path, tmp_path / "ithaca") == "/opt/python"


@slow
def test_the_first_pod_reads_merge_rules_from_the_source_snapshot(
    cluster: Cluster,
) -> None:
    settings = '[tool.ithaca.reuse]\nignore = ["*.md"]\n[tool.ithaca.merge]\n"*.csv" = "last"\n'
    (cluster.project.root / "pyproject.toml").write_text(settings)
    cluster.project.define(step("a", "x = 1"))
    cluster.submit()
    engine = ("--engine=argo/ns/w-1/uid-1", "--created=2026-01-02T03:04:05Z")
    assert cluster.pod("--step=a", *engine, run="").code == 0
    run = cluster.journal_of(run_id("2026-01-02T03:04:05Z", "argo/ns/w-1/uid-1")).run()
    assert (run.merge_rules, run.reuse_ignore) == ({"*.csv": "last"}, ("*.md",))


@pytest.mark.parametrize(
    ("given", "last"),
    [
        (("--last-message=OOMKilled", "--last-exit-code=137"), ("OOMKilled", 137)),
        (("--last-message=pod deleted", "--last-exit-code=-1"), ("pod deleted", None)),
        (("--last-message={{last.message}}", "--last-exit-code={{last.code}}"), ("", None)),
        ((), ("", None)),
    ],
)
def test_a_placeholder_that_the_engine_did_not_replace_is_ignored(
    given: tuple[str, ...], last: tuple[str, int | None]
) -> None:
    assert parse([*given, "--unset=last."]).last == last


def test_a_wrong_option_ends_with_65() -> None:
    command = [sys.executable, "-P", "-m", "ithaca.runner", "--no-such=1", "--step=a"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 65


@slow
@pytest.mark.parametrize(
    ("cancel", "status", "code"), [(True, "cancelled", 65), (False, "failed", 1)]
)
def test_sigterm_cancels_only_after_a_cancel_request(
    cluster: Cluster, cancel: bool, status: str, code: int
) -> None:
    output = cluster.home / "began"
    source = f"open({str(output)!r}, 'w').close()\nimport time\ntime.sleep(600)"
    cluster.project.define(step("a", source))
    cluster.submit()

    def end() -> None:
        while not output.exists():
            time.sleep(0.05)
        if cancel:
            cluster.journal.ask("cancel")
        pods = psutil.Process().children(recursive=True)
        [pod] = [each for each in pods if "--step=a" in each.cmdline()]
        pod.terminate()

    watcher = threading.Thread(target=end)
    watcher.start()
    pod = cluster.step("a")
    watcher.join()
    assert pod.code == code, pod.output
    found = cluster.journal.attempt_end("a", 1)
    assert found is not None
    assert (found.status, found.infrastructure) == (status, not cancel)
    if not cancel:
        assert pod.message == "step `a`: the pod was terminated"


@slow
def test_a_join_uses_the_merge_rules_of_the_runs_document(cluster: Cluster) -> None:
    cluster.project.define(
        step("a", "open('out.txt', 'w').write('a')"),
        step("b", "open('out.txt', 'w').write('b')"),
        step("c", "import os; print(open('out.txt').read(), os.listdir())", needs=("a", "b")),
    )
    cluster.submit(merge_rules={"out.txt": "last"})
    parents = [cluster.step(name) for name in ("a", "b")]
    joined = cluster.step("c", parents=tuple(each.out("execution") for each in parents))
    assert joined.code == 0, joined.output
    assert "b ['.ithaca-volume', 'out.txt']" in cluster.journal.log("c", 1)[0].decode()


@slow
def test_a_mounted_volume_keeps_its_files_and_is_left_out_of_snapshots(
    cluster: Cluster,
) -> None:
    cluster.project.define(
        step("a", "print(open('data/kept.txt').read())"),
        volumes=(Volume(name="data", mount_path="/project/data", claim="c"),),
    )
    cluster.mounted = "data"
    cluster.submit()
    pod = cluster.step("a")
    assert pod.code == 0, pod.output
    assert (pod.root / "data" / "kept.txt").read_text() == "kept"
    assert "kept" in cluster.journal.log("a", 1)[0].decode()
    after = str(getattr(cluster.journal.attempt_end("a", 1), "after", ""))
    assert [
        str(path) for path in entries(cluster.journal.store, after) if "data" in str(path)
    ] == []
