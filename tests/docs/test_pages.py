"""The documentation agrees with the source tree and the program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
import msgspec
import program_texts
import pytest

from ithaca.backends.kubernetes import command as shared
from ithaca.backends.kubernetes.settings import ClusterSettings, PodSettings
from ithaca.cli.groups import SYSTEMS
from ithaca.cli.program import COMMANDS, program
from ithaca.model.run import FINAL, RunStatus, StepError, StepStatus
from ithaca.notebook.metadata import _Content as MetadataKeys
from ithaca.notebook.tags import ROLES, VALUED, parse_tag
from ithaca.records import names
from ithaca.records.fold import StepState
from ithaca.runs import Run
from ithaca.settings import PLAIN, TABLES
from ithaca.store import MergeRules
from ithaca.values.model import Document
from ithaca_argo import command as argo
from ithaca_argo.settings import ArgoSettings
from ithaca_tekton import command as tekton
from ithaca_tekton.settings import TektonSettings
from notebooks import code_cell, notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PLUGIN = ROOT / "plugin" / "ithaca"


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text()


def rows(text: str) -> list[list[str]]:
    """The cells of the table rows in a text, without header rows."""
    found = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    split = [[cell.strip() for cell in line.split("|")] for line in found]
    rules = [number for number, row in enumerate(split) if set(row[0]) == {"-"}]
    return [row for number, row in enumerate(split) if not {number, number + 1} & {*rules}]


def section(text: str, title: str) -> str:
    """The text below a second-level heading."""
    return re.split(r"^## ", text.split(f"\n## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_architecture_page_names_exactly_the_rooms_of_the_tree() -> None:
    documented = set(re.findall(r"^\| `(\w+)/` \|", page("architecture.md"), re.MULTILINE))
    rooms = {child.name for child in PLUGIN.iterdir() if (child / "__init__.py").exists()}
    assert documented == rooms


def table_of_rooms() -> list[str]:
    """The rooms, in the order of the architecture page."""
    return re.findall(r"^\| `(\w+)/` \|", page("architecture.md"), re.MULTILINE)


def test_the_picture_of_the_architecture_page_shows_rooms_in_the_order_of_the_flow() -> None:
    picture = re.search(r"```text\n(notebook ──►.*)\n", page("architecture.md"))
    assert picture is not None
    shown = re.findall(r"[a-z]+", picture[1])
    assert {*shown} <= {*table_of_rooms()}
    assert shown[0] == table_of_rooms()[0]
    assert shown[-1] == table_of_rooms()[-1]


def test_the_architecture_page_gives_the_direction_of_imports_that_is_checked() -> None:
    sentence = re.search(r"Imports go one way: (.*?)\. A room", page("architecture.md"), re.DOTALL)
    assert sentence is not None
    documented = [
        {*re.findall(r"`(\w+)`", layer)} for layer in sentence[1].replace("\n", " ").split("→")
    ]
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [each["layers"] for each in linter["contracts"] if each["type"] == "layers"]
    checked = [{*re.findall(r"ithaca\.(\w+)", layer)} for layer in layers]
    assert documented == checked


def test_the_modules_beside_the_rooms_are_named() -> None:
    modules = {path.name for path in PLUGIN.glob("*.py") if not path.name.startswith("__")}
    assert set(re.findall(r"`(\w+\.py)`", page("architecture.md"))) == modules


def test_the_documents_of_a_run_are_those_that_records_name() -> None:
    attempt = ("start", "end", "reason", "progress", "notebook.ipynb")
    named = {
        *(names.run("ID", name) for name in ("run", "notebook", "end")),
        *(names.attempt("ID", "STEP", "ATTEMPT", name) for name in attempt),  # type: ignore[arg-type]
        names.log("ID", "STEP", "ATTEMPT", 0),  # type: ignore[arg-type]
        names.event("ID", "ULID"),
    }
    told = page("architecture.md").replace("`, `…/end`", "`, `runs/ID/steps/STEP/ATTEMPT/end`")
    assert set(re.findall(r"`(runs/\S+)`", section(told, "Documents"))) == named


def test_every_error_code_of_the_program_is_explained_and_no_other() -> None:
    texts = program_texts.all_texts()
    used = {code for text in texts for code in re.findall(r"\bITH\d{3}\b", text)}
    explained = re.findall(r"^\| (ITH\d{3}) \|", page("errors.md"), re.MULTILINE)
    assert explained == sorted(used)


def test_every_tag_is_documented_and_no_other() -> None:
    documented = re.findall(
        r"`([^`]+)`", " ".join(row[0] for row in rows(page("tags.md").split("##")[0]))
    )
    words = {text.partition(":")[0] for text in documented}
    assert words == {*ROLES, *VALUED}


def test_the_example_tags_are_valid() -> None:
    words = "|".join([*ROLES, *VALUED])
    forms = set(re.findall(rf"`((?:{words}):[^A-Z`]*)`", page("tags.md"))) - {"notebook:", "step:"}
    examples = {text for text in forms if text.partition(":")[2]}
    assert len(examples) > 5
    for text in examples:
        tag, problem = parse_tag(text)
        assert (tag is not None, problem) == (True, None), text


def test_every_key_of_the_notebooks_metadata_is_documented() -> None:
    table = rows(section(page("tags.md"), "Settings for all steps"))
    documented = {name for row in table for name in re.findall(r"`(\w+)`", row[0])}
    assert documented == {field.name for field in msgspec.structs.fields(MetadataKeys)}


def walk() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    yield "ithaca", program
    for name, (place, _) in COMMANDS.items():
        module, attribute = place.split(":")
        command = getattr(import_module(f"ithaca.cli.{module}"), attribute)
        if isinstance(command, click.Group):
            yield from ((f"ithaca {name} {inner}", one) for inner, one in command.commands.items())
        else:
            yield f"ithaca {name}", command


@pytest.mark.parametrize(("name", "command"), list(walk()), ids=lambda value: str(value))
def test_every_command_and_option_is_on_the_page(name: str, command: click.Command) -> None:
    text = page("commands.md")
    assert name in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for option in (*parameter.opts, *parameter.secondary_opts):
                assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), option


def test_the_page_names_no_command_and_no_option_that_is_not_there() -> None:
    commands = dict(walk())
    options = {option for command in commands.values() for each in command.params
               for option in (*each.opts, *each.secondary_opts)} | {"-h", "--help"}  # fmt: skip
    texts = [path.read_text() for path in (*DOCS.rglob("*.md"), ROOT / "README.md")]
    for text in texts:
        for found in re.findall(r"\bithaca (runs|snapshots) ([a-z]+)", text):
            assert f"ithaca {' '.join(found)}" in commands
        for found in re.findall(r"\bithaca ([a-z]+)\b", "\n".join(re.findall(r"`[^`]+`", text))):
            assert found in COMMANDS
    assert set(re.findall(r"`(--?[a-z][a-z-]*)", page("commands.md"))) <= options


def test_every_plain_setting_is_documented_with_its_variable_and_flag_and_no_other() -> None:
    table = [row for row in rows(page("settings.md")) if row[1:2] and "ITHACA_" in row[1]]
    assert {row[0].strip("`") for row in table} == {*PLAIN}
    flags = {option for parameter in dict(walk())["ithaca run"].params for option in parameter.opts}
    for key, variable, flag, *_ in table:
        assert variable == f"`ITHACA_{key.strip('`').upper()}`"
        assert flag.strip("`") in {*flags, ""}


def test_every_table_of_settings_is_documented_with_its_keys() -> None:
    text = page("settings.md")
    assert set(re.findall(r"\[tool\.ithaca\.(\w+)\]", text)) == {*TABLES, "argo", "tekton"}
    limits = {row[0].strip("`") for row in rows(section(text, "Project size"))}
    assert limits == {*TABLES["source"]}
    machine = {row[0].strip("`") for row in rows(section(text, "Resources of this machine"))}
    assert machine == {*TABLES["local"]}


PODS = set(PodSettings.__struct_fields__)
CLUSTERS = {*ClusterSettings.__struct_fields__, "steps"}
ARGO, TEKTON = set(ArgoSettings.__struct_fields__), set(TektonSettings.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "title", "wanted"),
    [
        ("clusters.md", "Pod settings", PODS),
        ("clusters.md", "Run settings", CLUSTERS - PODS),
        ("backends-argo.md", "Settings", ARGO - CLUSTERS),
        ("backends-tekton.md", "Settings", TEKTON - CLUSTERS),
    ],
    ids=["pods", "run", "argo", "tekton"],
)
def test_every_setting_of_a_backend_for_clusters_is_documented_and_no_other(
    name: str, title: str, wanted: set[str]
) -> None:
    documented = [row[0].strip("`") for row in rows(section(page(name), title))]
    assert sorted(documented) == sorted(wanted)


def test_the_runners_command_line_in_a_pod_is_documented() -> None:
    place = argo.Place("image", "python", "capture@0", "2Gi")
    lines = [
        *argo.step(place, deadline=60, lost=2, retried=True, asked=True),
        *argo.prepare(place, lost=2),
        *argo.end(60),
        *shared.check(store="s3://bucket", python=None),
        *shared.install(),
        *tekton.step(deadline=60, lost=2, environment="capture@0", answer="asked"),
        *tekton.prepare(lost=2, environment="lock@0"),
        *tekton.verdict(),
        *tekton.gate(),
        *tekton.end(60),
    ]
    options = {line.partition("=")[0] for line in lines if line.startswith("--")}
    text = section(page("clusters.md"), "What runs in a pod")
    assert set(re.findall(r"`(--[a-z-]+)", text)) == options
    assert f"exit code {FINAL}" in text


def test_every_merge_rule_is_documented() -> None:
    for row in rows(section(page("settings.md"), "Merge rules")):
        assert MergeRules.of({"x": row[0].strip("`")}).rule("x") == row[0].strip("`")
    assert [row[0] for row in rows(section(page("settings.md"), "Merge rules"))] == [
        "`first`",
        "`last`",
        "`union`",
        "`drop`",
    ]


def test_every_status_is_documented_and_no_other() -> None:
    documented = page("python.md").split("The status of a run is", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"`(\w+)`", documented)) == {*get_args(RunStatus), *get_args(StepStatus)}


def test_the_ci_systems_are_those_that_the_source_knows() -> None:
    documented = [row[0].strip("`") for row in rows(section(page("commands.md"), "In CI"))]
    assert documented == [f"{variable}=true" for variable in SYSTEMS]


def test_a_run_has_exactly_the_documented_attributes() -> None:
    table = rows(page("python.md"))
    given = {name for row in table for name in re.findall(r"`(\w+)(?:\(.*?\))?`", row[0])}
    assert given - {"error", "id"} == {name for name in dir(Run) if not name.startswith("_")}
    [step] = [row[1] for row in table if row[0] == "`steps`"]
    documented = set(re.findall(r"`(\w+)`", step))
    assert documented == {*StepState.__struct_fields__, "seconds"} - {"key", "execution"}
    [error] = [row[1] for row in table if row[0].startswith("`error`")]
    assert set(re.findall(r"`(\w+)`", error)) == {*StepError.__struct_fields__}


def test_every_key_of_a_values_document_is_explained() -> None:
    table = rows(section(page("values.md"), "In a snapshot"))
    documented = {name for row in table for name in re.findall(r"`(\w+)`", row[0])}
    assert documented == {*Document.__struct_fields__}


def test_the_readme_and_the_navigation_link_every_page() -> None:
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"roadmap.md"}
    decisions = {name for name in pages if re.fullmatch(r"adr/\d{4}-.*", name)}
    linked = re.findall(r"\(docs/([\w/-]+\.md)\)", (ROOT / "README.md").read_text())
    shown = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert {*linked} == {*shown} == pages - decisions


def test_the_index_of_decisions_lists_every_decision_with_its_title() -> None:
    titles = {
        path.name: path.read_text().splitlines()[0].partition(": ")[2]
        for path in (DOCS / "adr").glob("[0-9]*.md")
    }
    listed = re.findall(
        r"^\| \[(\d{4})\]\(((\d{4})-[\w-]+\.md)\) \| (.*) \|$", page("adr/index.md"), re.MULTILINE
    )
    assert {name: title for _, name, _, title in listed} == titles
    assert all(number == prefix for number, _, prefix, _ in listed)


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[str]:
    """The `ithaca …` lines of a page's shell blocks, in order."""
    lines = "".join(blocks(name, "sh")).splitlines()
    return [line for line in lines if re.match(r"([A-Z_]+=\S+ )*ithaca ", line)]


def first_notebook() -> dict[str, Any]:
    """The notebook that the quick start has its reader write."""
    documented = re.findall(
        r"^Tags ([^\n]*):\n\n```python\n(.*?)^```", page("index.md"), re.MULTILINE | re.DOTALL
    )
    cells = [
        code_cell(source.rstrip("\n"), re.findall(r"`(.*?)`", tags)) for tags, source in documented
    ]
    return notebook(cells, metadata={})


WRITTEN = ("out", "remote", "report.xml", "restored", "taken", "tour.json")
"""What commands of the pages write into the project, so that first steps would run again."""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with the examples in it; what one page has run, the next one reuses."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "examples", root / "examples")
    (root / "pi.ipynb").write_text(json.dumps(first_notebook()))
    (root / ".ithacaignore").write_text("".join(f"/{name}\n" for name in WRITTEN))
    (root / ".git").mkdir()
    return root


def environment(scratch: Path) -> dict[str, str]:
    """The user's environment, with `ithaca` on its PATH, no colours and no settings."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ITHACA_")}
    config = scratch.with_name("config")
    return {**kept, "PATH": path, "NO_COLOR": "1", "ITHACA_CONFIG": str(config)}


@pytest.mark.slow
@pytest.mark.xdist_group("pages")
@pytest.mark.parametrize("name", ["index.md", "commands.md", "tuning.md"])
def test_every_command_of_a_page_does_what_the_page_says(name: str, scratch: Path) -> None:
    lines = commands(name)
    assert lines
    for line in lines:
        expected = int(found[1]) if (found := re.search(r"# exits (\d+)", line)) else 0
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=scratch,
            env=environment(scratch),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.xdist_group("pages")
@pytest.mark.parametrize("name", ["python.md", "tuning.md"])
def test_the_python_code_of_a_page_runs_as_it_stands(name: str, scratch: Path) -> None:
    program = "\n".join(blocks(name, "python"))
    assert program
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=scratch,
        env=environment(scratch),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("pages")
def test_the_first_notebook_ends_as_the_quick_start_says(scratch: Path) -> None:
    [promised] = re.findall(r"^  pi = [\d.]+$", page("index.md"), re.MULTILINE)
    done = subprocess.run(
        ["bash", "-c", "ithaca run pi.ipynb"],
        cwd=scratch,
        env=environment(scratch),
        capture_output=True,
        text=True,
    )
    assert promised in done.stdout.splitlines(), done.stdout + done.stderr
