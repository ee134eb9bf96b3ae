from __future__ import annotations

import pytest
from notebook_files import as_notebook


def stands_for(name, path="", *tags, source=""):
    metadata = {"tags": [f"notebook:{name}", *tags]}
    if path:
        metadata["notebook_path"] = path
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": []}


def needs(found):
    return {name: step.needs for name, step in found.items()}


@pytest.fixture
def prep(write):
    write(
        ("import os", "imports"),
        ("raw = 1", "step:load"),
        ("x = raw", "step:x", "prev:load"),
        ("y = raw", "step:y", "prev:load"),
        name="prep.ipynb",
    )
    return stands_for("prep", "prep.ipynb")


def test_the_steps_of_a_composed_notebook_become_name_step(steps, prep):
    found = steps(prep, ("z = x + y", "step:train", "prev:prep"))
    assert needs(found) == {
        "prep-load": (),
        "prep-x": ("prep-load",),
        "prep-y": ("prep-load",),
        "train": ("prep-x", "prep-y"),
    }


def test_its_roots_need_what_the_cell_needs(steps, write):
    write(("a", "step:a"), ("b", "step:b"), ("c", "step:c", "prev:a"), name="inner.ipynb")
    found = steps(("s", "step:start"), stands_for("in", "inner.ipynb", "prev:start"))
    assert needs(found) == {
        "start": (), "in-a": ("start",), "in-b": ("start",), "in-c": ("in-a",),
    }  # fmt: skip


def test_a_step_may_need_one_step_of_a_composed_notebook(steps, prep):
    found = steps(prep, ("z = x", "step:train", "prev:prep-x"))
    assert found["train"].needs == ("prep-x",)


def test_each_notebook_has_its_own_shared_cells(outlined, prep):
    tagged, _ = outlined(
        ("import re", "imports"), prep, ("z", "step:train", "prev:prep"), ("n", "pipeline-metrics")
    )
    assert [scope.notebook for scope in tagged.scopes] == ["train.ipynb", "prep.ipynb"]
    assert [step.scope for step in tagged.steps] == [1, 1, 1, 0]
    assert tagged.steps[0].cells[0].notebook == "prep.ipynb"
    assert tagged.shown.keys() == {"train.ipynb", "prep.ipynb"}


def test_compositions_nest(steps, write, prep):
    write(prep, ("m = x", "step:fit", "prev:prep"), name="middle.ipynb")
    found = steps(stands_for("mid", "middle.ipynb"), ("m", "step:end", "prev:mid"))
    assert needs(found) == {
        "mid-prep-load": (),
        "mid-prep-x": ("mid-prep-load",),
        "mid-prep-y": ("mid-prep-load",),
        "mid-fit": ("mid-prep-x", "mid-prep-y"),
        "end": ("mid-fit",),
    }


def test_one_notebook_may_be_composed_twice(steps, prep):
    found = steps(prep, stands_for("again", "prep.ipynb", "prev:prep"))
    assert found["again-load"].needs == ("prep-x", "prep-y")


def test_settings_of_the_cell_and_the_outer_defaults_hold_inside(steps, write):
    write(
        ("a", "step:a"), ("b", "step:b", "prev:a", "limit:cpu:3"), name="inner.ipynb",
        ithaca={"steps_defaults": ["retry:1"]},
    )  # fmt: skip
    found = steps(
        stands_for("in", "inner.ipynb", "limit:cpu:2", "retry:5", "approval:Go?"),
        ithaca={"steps_defaults": ["limit:cpu:1", "limit:memory:1Gi"]},
    )
    assert found["in-a"].settings.limits == {"cpu": "2", "memory": "1Gi"}
    assert found["in-b"].settings.limits == {"cpu": "3", "memory": "1Gi"}
    assert found["in-a"].settings.retries == 1
    assert found["in-a"].settings.approval == "Go?"
    assert found["in-b"].settings.approval is None


def test_without_any_prev_steps_run_in_reading_order_as_in_kale(steps, write):
    write(("a = 1", "step:a"), name="a.ipynb")
    write(("b = 1", "step:b"), name="b.ipynb")
    write(("c = a", "step:c"), name="c.ipynb")
    found = steps(
        ("s = 0", "step:start"),
        stands_for("one", "a.ipynb"), stands_for("two", "b.ipynb"), stands_for("three", "c.ipynb"),
        ("print(c)", "step:end"),
    )  # fmt: skip
    assert needs(found) == {
        "start": (),
        "one-a": ("start",),
        "two-b": ("start",),
        "three-c": ("one-a",),
        "end": ("three-c", "two-b"),
    }


def test_code_below_the_cell_waits_for_the_next_step(steps, prep):
    found = steps(prep, ("before = 1",), ("after = 2", "step:train", "prev:prep"))
    assert [cell.source for cell in found["train"].cells] == ["before = 1", "after = 2"]


def test_code_below_the_cell_without_a_step_is_an_error(problems, prep):
    (found,) = problems(prep, ("# only a comment",), ("lost = 1",))
    assert (found.code, found.cell) == ("ITH135", 3)


def test_a_comment_in_the_cell_is_fine_but_code_is_an_error(problems, prep):
    prep["source"] = "# stands for prep\n"
    assert problems(prep) == []
    prep["source"] = "x = 1"
    assert [found.code for found in problems(prep)] == ["ITH134"]


def test_a_cell_without_a_path_is_an_error(problems):
    (found,) = problems(stands_for("a"))
    assert (found.code, found.cell) == ("ITH130", 1)
    assert "notebook_path" in found.cure


def test_a_missing_notebook_is_an_error_of_the_cell(problems):
    (found,) = problems(("s", "step:s"), stands_for("a", "none.ipynb"))
    assert (found.code, found.cell) == ("ITH131", 2)


def test_a_broken_notebook_is_reported_by_its_own_name(problems, tmp_path):
    (tmp_path / "broken.ipynb").write_text("{")
    (found,) = problems(stands_for("a", "broken.ipynb"))
    assert (found.code, found.notebook) == ("ITH100", str(tmp_path / "broken.ipynb"))


def test_problems_of_an_included_notebook_are_reported_there(problems, write):
    inner = write(("a", "bock:a"), name="inner.ipynb")
    (found,) = problems(stands_for("in", "inner.ipynb"))
    assert (found.code, found.notebook, found.cell) == ("ITH110", str(inner), 1)


def test_a_composed_notebook_without_steps_is_an_error(problems, write):
    write(("a",), name="inner.ipynb")
    (found,) = problems(stands_for("in", "inner.ipynb"))
    assert (found.code, found.cell) == ("ITH107", 1)


@pytest.mark.parametrize("path", ["../outside.ipynb", "/etc/passwd", "a/../../outside.ipynb"])
def test_a_path_that_leaves_the_root_is_an_error(problems, path):
    (found,) = problems(stands_for("a", path))
    assert (found.code, found.cell) == ("ITH132", 1)


def test_a_link_that_leaves_the_root_is_an_error(problems, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.ipynb"
    outside.write_text("{}")
    (tmp_path / "link.ipynb").symlink_to(outside)
    (found,) = problems(stands_for("a", "link.ipynb"))
    assert found.code == "ITH132"


def test_a_notebook_that_includes_itself_is_an_error(problems):
    (found,) = problems(("s", "step:s"), stands_for("me", "./train.ipynb", "prev:s"))
    assert found.code == "ITH133"
    assert found.message.endswith("train.ipynb → train.ipynb")


def test_notebooks_that_include_each_other_are_an_error_with_the_path(problems, write):
    write(("s", "step:s"), stands_for("back", "train.ipynb"), name="b.ipynb")
    (found,) = problems(stands_for("there", "b.ipynb"))
    assert found.code == "ITH133"
    assert found.message.endswith("train.ipynb → b.ipynb → train.ipynb")


def test_a_name_that_a_step_already_has_is_an_error(problems, prep):
    (found,) = problems(("s", "step:prep"), prep)
    assert (found.code, found.cell) == ("ITH136", 2)
    (found,) = problems(prep, ("s", "step:prep"))
    assert (found.code, found.cell) == ("ITH136", 2)


def test_a_composed_step_that_clashes_after_dns_normalisation_is_an_error(problems, prep):
    (found,) = problems(prep, ("s", "step:prep_load", "prev:prep"))
    assert found.code == "ITH122"
    assert "prep-load" in found.message


def test_a_cycle_through_a_composed_notebook_is_named(problems, prep):
    prep["metadata"]["tags"].append("prev:end")
    (found,) = problems(prep, ("e", "step:end", "prev:prep"))
    assert found.message == (
        "steps need each other in a circle: prep-load → end → prep-x → prep-load"
    )
    assert found.cell == 1


def test_an_unknown_prev_inside_names_the_inner_steps(problems, write):
    write(("a", "step:load"), ("b", "step:b", "prev:laod"), name="inner.ipynb")
    (found,) = problems(stands_for("in", "inner.ipynb"))
    assert 'did you mean "load"?' in found.message


def test_a_notebook_in_another_folder_is_warned_about(outlined, write):
    write(("a", "step:a"), name="sub/inner.ipynb")
    tagged, (found,) = outlined(stands_for("in", "sub/inner.ipynb"))
    assert (found.code, found.severity) == ("ITH137", "warning")
    assert tagged.steps[0].cells[0].notebook == "sub/inner.ipynb"


def test_a_notebook_for_another_kernel_is_warned_about(problems, write):
    write(("a", "step:a"), name="inner.ipynb", kernelspec={"name": "conda-env"})
    (found,) = problems(stands_for("in", "inner.ipynb"), kernelspec={"name": "python3"})
    assert (found.code, found.severity) == ("ITH138", "warning")


def test_the_digest_covers_the_composed_notebooks(outlined, write):
    write(("a = 1", "step:a"), name="inner.ipynb")
    before, _ = outlined(stands_for("in", "inner.ipynb"))
    write(("a = 2", "step:a"), name="inner.ipynb")
    after, _ = outlined(stands_for("in", "inner.ipynb"))
    assert before.digest != after.digest


def test_as_notebook_writes_format_4():
    assert as_notebook()["nbformat"] == 4
