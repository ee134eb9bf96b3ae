"""What a notebook shows of a run and of a workflow."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from ithaca.model.run import StepError
from ithaca.model.workflow import Metric, Source, Step, Workflow
from ithaca.records.fold import RunState, StepState
from ithaca.runs.html import graph_svg, run_html, workflow_html

STEPS = (
    Step(name="load", parameters=("path",)),
    Step(name="left", needs=("load",)),
    Step(name="right", needs=("load",)),
    Step(name="join", needs=("left", "right")),
)
WORKFLOW = Workflow(
    name="digits & <more>",
    steps=STEPS,
    metrics=(Metric(name="loss", variable="loss", step="join"),),
    source=Source(notebook="n.ipynb", digest="d"),
)
SVG = "{http://www.w3.org/2000/svg}"


def places(steps: tuple[Step, ...]) -> dict[str, tuple[int, int]]:
    """Left and top of each box by its title."""
    root = ET.fromstring(graph_svg(steps))
    found = {}
    for group in root.iter(f"{SVG}g"):
        title, box = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert box is not None
        found[str(title.text)] = (int(box.attrib["x"]), int(box.attrib["y"]))
    return found


def test_a_step_stands_to_the_right_of_all_that_it_needs() -> None:
    found = places(STEPS)
    assert found["load"][0] < found["left"][0] == found["right"][0] < found["join"][0]


def test_no_two_steps_stand_in_one_place() -> None:
    found = places(STEPS)
    assert len(set(found.values())) == len(STEPS)


def test_there_is_one_line_for_each_need() -> None:
    root = ET.fromstring(graph_svg(STEPS))
    assert len(list(root.iter(f"{SVG}path"))) == 4


def test_a_workflow_shows_its_steps_parameters_and_metrics_and_escapes_its_name() -> None:
    shown = workflow_html(WORKFLOW)
    assert "digits &amp; &lt;more&gt;" in shown
    assert all(text in shown for text in ("load", "left, right", "path", "loss"))
    ET.fromstring(shown)


def test_a_run_shows_how_each_step_stands_and_why_one_failed() -> None:
    error = StepError(code="ITH501", message="ValueError: <b>", cell=3, line=2)
    state = RunState(
        id="01J",
        name="digits",
        status="failed",
        created=1.0,
        metrics={"loss": 0.125},
        steps=(
            StepState(name="load", status="reused", reused_from="01H"),
            StepState(name="left", status="failed", error=error, started=1.0, ended=3.5),
            StepState(name="right", status="succeeded", started=1.0, ended=2.0),
            StepState(name="join", status="skipped"),
        ),
    )
    shown = run_html(state, WORKFLOW)
    assert "cell 3, line 2: ValueError: &lt;b&gt;" in shown
    assert "<b>" not in shown.replace("<b>digits</b>", "")
    assert all(text in shown for text in ("from run 01H", "2.5", "loss = 0.125", "skipped"))
    ET.fromstring(shown)


@pytest.mark.parametrize("steps", [(), (Step(name="only"),)])
def test_the_smallest_graphs_are_well_formed(steps: tuple[Step, ...]) -> None:
    ET.fromstring(graph_svg(steps))
