"""Logs, reports and exit codes of runs, here and on another machine."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from outside import Outside
from places import Place, statuses


@pytest.mark.shows("`runs logs`, `runs notebook`")
def test_logs_and_notebooks_of_steps_can_be_read_after_the_run(place: Place) -> None:
    place.notebook(("step:one", "print('first')"), ("step:two prev:one", "print('second')"))
    _, result = place.run()
    text = place.ithaca("runs", "logs", result["id"]).stdout
    assert text.index("== one") < text.index("first") < text.index("== two") < text.index("second")
    assert "second" in place.ithaca("runs", "notebook", "latest/two").stdout


@pytest.mark.shows("`runs logs`, `runs notebook`")
def test_a_log_can_be_followed_while_its_step_runs(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:slow", "print('begun')\noutside('gate', 'slow')\nprint('done')"),
    )
    run = place.start()
    follower = place.begin("runs", "logs", "-f", f"{run}/slow")
    assert follower.stdout is not None
    while "begun" not in (line := follower.stdout.readline()):
        assert line or follower.poll() is None, follower.communicate()
    assert outside.waiting["slow"]
    outside.open("slow")
    rest, errors = follower.communicate()
    assert (follower.returncode, "done" in rest) == (0, True), errors


@pytest.mark.shows("`--junit`, exit codes")
def test_a_junit_report_lists_every_step_and_the_exit_code_is_1_after_a_failure(
    place: Place,
) -> None:
    place.notebook(
        ("step:good", "x = 1"),
        ("step:bad", "print('about to fail')\n1 / 0"),
        ("step:after prev:bad", "pass"),
        ("pipeline-metrics", "x"),
    )
    code, result = place.run("--junit", "report.xml")
    assert code == 1
    suite = ET.parse(place.folder / "report.xml").getroot()
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    known = {each.get("name"): each.get("value") for each in suite.iter("property")}
    wanted = {"run": result["id"], "status": "failed", "backend": place.backend, "metric.x": "1.0"}
    assert known == wanted
    (bad,) = [each for each in suite.iter("testcase") if each.get("name") == "bad"]
    assert "ZeroDivisionError" in str(bad.find("failure").get("message"))  # type: ignore[union-attr]
    assert "about to fail" in str(bad.findtext("system-out"))


@pytest.mark.shows("`--junit`, exit codes")
def test_wrong_arguments_and_notebooks_are_refused_before_a_step_runs(place: Place) -> None:
    place.notebook(("step:one", "x = 1"))
    words = ("run", "nb.ipynb", "--backend", place.backend)
    assert place.ithaca(*words, "-p", "nothing=1").returncode == 2
    place.notebook(("step:one", "x = ("))
    assert place.ithaca(*words).returncode == 3
    assert place.ithaca("runs", "show", "latest").returncode != 0


@pytest.mark.shows("the run seen from another machine")
def test_another_machine_with_the_same_store_reads_and_approves_the_run(place: Place) -> None:
    there = place.on_another_machine()
    place.notebook(("step:ask approval", "print('asked')"))
    run = place.start()
    place.wait(run, lambda result: statuses(result)["ask"] == "waiting")
    assert statuses(there.show("latest")) == {"ask": "waiting"}
    assert there.ithaca("runs", "approve", "latest").returncode == 0
    result = place.end(run)
    assert (result["id"], result["status"]) == (run, "succeeded")
    assert "asked" in there.ithaca("runs", "logs", run).stdout
