from __future__ import annotations

import pytest


def sources(step):
    return [cell.source for cell in step.cells]


def test_an_untagged_cell_belongs_to_the_last_tagged_one(steps):
    found = steps(("a = 1", "step:load"), ("b = 2",), ("c = 3", "step:train"), ("d = 4",))
    assert sources(found["load"]) == ["a = 1", "b = 2"]
    assert sources(found["train"]) == ["c = 3", "d = 4"]


def test_a_skipped_cell_does_not_continue_a_step(outlined):
    tagged, found = outlined(("a = 1", "step:load"), ("!nvidia-smi", "skip"), ("b = 2",))
    assert found == []
    assert sources(tagged.steps[0]) == ["a = 1", "b = 2"]
    assert [cell.source for cell in tagged.scopes[0].skipped] == ["!nvidia-smi"]


def test_a_skipped_cell_may_keep_its_other_tags(steps):
    found = steps(("a = 1", "step:load"), ("x", "skip", "prev:nowhere", "bock:x", "step:y"))
    assert list(found) == ["load"]


def test_an_empty_name_continues_the_previous_step(steps):
    found = steps(("a = 1", "step:load"), ("b = 2", "block:"), ("c = 3", "step:"))
    assert sources(found["load"]) == ["a = 1", "b = 2", "c = 3"]


def test_an_empty_name_after_shared_cells_continues_those_as_in_kale(outlined):
    tagged, found = outlined(("import os", "imports"), ("import re", "block:"), ("x", "step:a"))
    assert found == []
    assert [cell.source for cell in tagged.scopes[0].imports] == ["import os", "import re"]


def test_a_step_may_be_continued_further_down(steps):
    found = steps(
        ("a = 1", "step:load"), ("b = 2", "step:train", "prev:load"), ("c = 3", "step:load")
    )
    assert sources(found["load"]) == ["a = 1", "c = 3"]
    assert list(found) == ["load", "train"]


def test_prev_works_on_every_cell_of_a_step(steps):
    found = steps(
        ("a", "step:a"), ("b", "step:b"), ("c", "step:c", "prev:a"), ("d", "step:c", "prev:b"),
        ("e", "prev:a"),
    )  # fmt: skip
    assert found["c"].needs == ("a", "b")


def test_prev_may_name_a_step_further_down(steps):
    found = steps(("a", "step:late", "prev:early"), ("b", "step:early"))
    assert list(found) == ["early", "late"]


def test_the_order_is_topological_and_the_notebooks_where_free(steps):
    found = steps(
        ("", "step:z"), ("", "step:b", "prev:z"), ("", "step:a", "prev:z"), ("", "step:y"),
        ("", "step:join", "prev:a", "prev:b"), ("", "step:first", "prev:y"),
    )  # fmt: skip
    assert list(found) == ["z", "b", "a", "y", "join", "first"]


def test_shared_cells_are_kept_by_kind_and_in_order(outlined):
    tagged, _ = outlined(
        ("import os", "imports"),
        ("import re",),
        ("def f(): ...", "functions"),
        ("import sys", "imports"),
        ("n = 1", "pipeline-parameters"),
        ("a", "step:a"),
        ("print(n)", "pipeline-metrics"),
    )
    scope = tagged.scopes[0]
    assert [cell.number for cell in scope.imports] == [1, 2, 4]
    assert [cell.number for cell in scope.shared] == [1, 2, 3, 4]
    assert [cell.number for cell in scope.parameters] == [5]
    assert [cell.number for cell in scope.metrics] == [7]


def test_cells_before_any_tag_are_kept_apart(outlined):
    tagged, found = outlined(("x = 1",), ("a", "step:a"))
    assert found == []
    assert [cell.number for cell in tagged.scopes[0].untagged] == [1]


def test_markdown_cells_are_skipped_but_counted(outlined):
    tagged, _ = outlined(
        {"cell_type": "markdown", "metadata": {}, "source": "# title"}, ("a = 1", "step:a")
    )
    assert tagged.steps[0].cells[0].number == 2


def test_a_tag_on_a_markdown_cell_is_a_warning(problems):
    (found,) = problems(
        {"cell_type": "markdown", "metadata": {"tags": ["step:b"]}, "source": "# b"},
        ("a = 1", "step:a"),
    )
    assert (found.code, found.severity, found.cell) == ("ITH116", "warning", 1)


def test_an_unknown_prev_gets_a_suggestion(problems):
    (found,) = problems(("a", "step:load"), ("b", "step:train", "prev:laod"))
    assert (found.code, found.cell, found.source) == ("ITH120", 2, "prev:laod")
    assert 'did you mean "load"?' in found.message


def test_an_unknown_prev_lists_the_steps(problems):
    (found,) = problems(
        ("a", "step:load"), ("b", "step:train", "prev:evaluation"), ("c", "step:plot")
    )
    assert found.cure == "name a step of this notebook: load, plot"


def test_an_unknown_prev_never_suggests_the_step_itself(problems):
    (found,) = problems(("a", "step:load"), ("b", "step:train", "prev:trian"))
    assert "did you mean" not in found.message
    assert found.cure == "name a step of this notebook: load"


def test_a_cycle_is_named_with_its_path(problems):
    (found,) = problems(
        ("", "step:a", "prev:c"), ("", "step:b", "prev:a"), ("", "step:c", "prev:b"),
        ("", "step:d", "prev:c"),
    )  # fmt: skip
    assert (found.code, found.cell, found.source) == ("ITH121", 1, "prev:c")
    assert found.message == "steps need each other in a circle: a → c → b → a"


def test_two_separate_cycles_are_both_named(problems):
    found = problems(
        ("", "step:a", "prev:b"), ("", "step:b", "prev:a"),
        ("", "step:c", "prev:d"), ("", "step:d", "prev:c"),
    )  # fmt: skip
    assert [one.message.partition(": ")[2] for one in found] == ["a → b → a", "c → d → c"]


def test_a_step_that_needs_itself_is_a_cycle(problems):
    (found,) = problems(("", "step:a", "prev:a"))
    assert found.message == 'step "a" needs itself'


@pytest.mark.parametrize("other", ["a__b", "a_b_", "_a_b"])
def test_names_that_clash_as_dns_labels_are_an_error(problems, other):
    (found,) = problems(("", "step:a_b"), ("", f"step:{other}"))
    assert (found.code, found.cell) == ("ITH122", 2)
    assert '"a_b" (cell 1)' in found.message
    assert '"a-b"' in found.message


@pytest.mark.parametrize("name", ["_", "a" * 64])
def test_names_that_cannot_be_dns_labels_are_an_error(problems, name):
    (found,) = problems(("", f"step:{name}"))
    assert found.code == "ITH123"


@pytest.mark.parametrize(
    ("tags", "both"),
    [
        (("step:a", "step:b"), 'both tags "step:a" and "step:b"'),
        (("step:a", "imports"), 'both tags "imports" and "step:a"'),
        (("imports", "functions"), 'both tags "imports" and "functions"'),
        (("step:a", "notebook:b"), 'both tags "step:a" and "notebook:b"'),
    ],
)
def test_tags_that_exclude_each_other_are_an_error(problems, tags, both):
    found = problems(("", *tags))
    assert found[0].code == "ITH114"
    assert both in found[0].message


def test_a_tag_given_twice_is_fine(steps):
    assert list(steps(("", "step:a", "step:a", "block:a"))) == ["a"]


def test_no_tags_at_all_is_one_clear_error(problems):
    (found,) = problems(("a = 1",), ("b = 2", "remove-output"))
    assert (found.code, found.severity) == ("ITH107", "error")
    assert found.message == "the notebook has no Ithaca tags"


def test_shared_cells_without_a_step_are_one_clear_error(problems):
    (found,) = problems(("import os", "imports"))
    assert (found.code, found.message) == ("ITH107", "the notebook has no steps")


def test_a_notebook_without_cells_is_one_clear_error(problems):
    (found,) = problems()
    assert (found.code, found.message) == ("ITH106", "the notebook has no cells")


def test_a_notebook_of_text_only_is_one_clear_error(problems):
    (found,) = problems({"cell_type": "markdown", "metadata": {}, "source": "# a"})
    assert (found.code, found.message) == ("ITH106", "the notebook has no code cells")


def test_a_misspelt_step_is_only_one_error(problems):
    (found,) = problems(("a", "bock:load"), ("b", "step:train", "prev:load"))
    assert (found.code, found.cell) == ("ITH110", 1)


@pytest.mark.parametrize("tags", ["step:a", [1], [["step:a"]], {"step": "a"}, None])
def test_tags_must_be_a_list_of_strings(problems, tags):
    cell = {"cell_type": "code", "metadata": {"tags": tags}, "source": "", "outputs": []}
    (found,) = problems(cell, ("", "step:b"))
    assert (found.code, found.cell) == ("ITH112", 1)


def test_prev_on_a_cell_before_any_step_is_an_error(problems):
    (found,) = problems(("a", "prev:b"), ("b", "step:b"))
    assert (found.code, found.cell) == ("ITH113", 1)


def test_a_setting_on_a_shared_cell_is_a_warning_since_kale_ignores_it(problems):
    (found,) = problems(("import os", "imports", "limit:cpu:1"), ("b", "step:b"))
    assert (found.code, found.severity) == ("ITH113", "warning")


def test_every_problem_is_reported_at_once(problems):
    found = problems(("", "bock:a"), ("", "step:B"), ("", "step:c", "prev:x", "retry:no"))
    assert [one.code for one in found] == ["ITH110", "ITH111", "ITH111", "ITH120"]
