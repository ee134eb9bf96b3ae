"""Links, commands, codes and variables in all prose of the project, and the rendered site."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import click
import program_texts
import pytest

from ithaca.cli.program import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PROSE = sorted(
    {
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    }
)
PAGES = [path for path in PROSE if path.is_relative_to(DOCS) and path.name != "roadmap.md"]
FENCE = re.compile(r"^``` ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEXTS = program_texts.all_texts()


def name(path: Path) -> str:
    """The name of a page in a test's id."""
    return path.relative_to(ROOT).as_posix()


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as MkDocs and GitHub make them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    kept = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {re.sub(r"[\s-]+", "-", heading).strip("-") for heading in kept}


@pytest.mark.parametrize("path", PROSE, ids=name)
def test_every_internal_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", path.read_text())):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def lines(path: Path) -> list[str]:
    """The `ithaca …` lines in a page's shell blocks, without comments and what follows a pipe."""
    fences = FENCE.findall(path.read_text())
    blocks = "".join(block for language, block in fences if language in ("", "sh", "console"))
    found = re.findall(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(ithaca .*)$", blocks, re.MULTILINE)
    return [re.split(r" \| | && |  +#|   #| # ", line)[0] for line in found]


def inline(path: Path) -> list[str]:
    """The `ithaca …` commands in a page's running text."""
    return re.findall(r"`(ithaca [^`]*)`", FENCE.sub("", path.read_text()).replace("\n", " "))


def command(words: list[str]) -> tuple[click.Command, list[str]] | None:
    """The command that some words call and its arguments; None where there is none."""
    if not words or words[0] not in COMMANDS:
        return None
    module, attribute = COMMANDS[words[0]][0].split(":")
    found: click.Command = getattr(import_module(f"ithaca.cli.{module}"), attribute)
    if not isinstance(found, click.Group):
        return found, words[1:]
    if not words[1:] or words[1].startswith("-"):
        return found, words[1:]
    inner = found.commands.get(words[1])
    return None if inner is None else (inner, words[2:])


def check(words: list[str], line: str) -> None:
    """Fail unless some words call a command that has the options among them."""
    called = command(words)
    assert called is not None, line
    found, arguments = called
    known = {
        option
        for parameter in found.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    used = {word.partition("=")[0] for word in arguments if re.match(r"--?[a-z]", word)}
    assert used - {"-h", "--help"} <= known, line


@pytest.mark.parametrize("path", PROSE, ids=name)
def test_every_command_in_a_shell_block_has_a_known_name_and_known_options(path: Path) -> None:
    for line in lines(path):
        check(shlex.split(line)[1:], line)


@pytest.mark.parametrize("path", PROSE, ids=name)
def test_every_command_in_the_text_has_a_known_name_and_known_options(path: Path) -> None:
    for line in inline(path):
        first, *rest = re.split(r"\s+", line)[1:]
        if first in ("--help", "--version"):
            continue
        for verb in rest[0].split("|") if rest and "|" in rest[0] else rest[:1] or [""]:
            check([first, *([verb] if verb else []), *rest[1:]], line)


@pytest.mark.parametrize("path", PROSE, ids=name)
def test_every_error_code_and_variable_in_the_text_exists(path: Path) -> None:
    text = path.read_text()
    for code in re.findall(r"\bITH\d{3}\b", text):
        assert any(code in each for each in TEXTS), code
    for variable in re.findall(r"\bITHACA_[A-Z]+(?:_[A-Z]+)*\b", text):
        setting = variable.removeprefix("ITHACA_").lower()
        assert setting in TEXTS or any(variable in each for each in TEXTS), variable


class Text(HTMLParser):
    """Collects the text of a page outside of code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._code += tag in ("code", "pre", "script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.found.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered documentation, built so that every warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in PROSE if path.is_relative_to(DOCS) and path.stem != "roadmap"],
    ids=name,
)
def test_a_page_renders_its_tables_and_includes(path: Path, site: Path) -> None:
    place = path.relative_to(DOCS).with_suffix("")
    folder = place.parent if place.name == "index" else place
    page = Text()
    html = (site / folder / "index.html").read_text()
    page.feed(html)
    text = "".join(page.found)
    assert not re.search(r"^\s*\|", text, re.MULTILINE), "a table row is shown as text"
    assert "|---" not in text
    assert "--8<--" not in html
    assert "```" not in text
    sources = FENCE.sub("", path.read_text())
    tables = len(re.findall(r"^\|[-|: ]+\|$", sources, re.MULTILINE))
    assert html.count("<table>") == tables
