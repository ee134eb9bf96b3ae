"""A project: its root, its settings and its store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.backends import backend as find_backend
from ithaca.errors import NotFound
from ithaca.records.journal import find_run, list_runs
from ithaca.settings import Settings, load
from ithaca.workflow.root import project_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.api.handle import Run
    from ithaca.backends import Backend
    from ithaca.snapshots import Store


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        root: Its root folder, absolute.
        settings: What is set for it.
    """

    root: Path
    settings: Settings

    @property
    def home(self) -> Path:
        """Where its store is."""
        return self.settings.home

    def make_home(self) -> Path:
        """The folder for everything of Ithaca, made where there is none.

        A new one tells git to leave it alone, so that nobody commits a store.
        """
        home = self.home
        try:
            home.mkdir(parents=True)
        except FileExistsError:
            return home
        (home / ".gitignore").write_text("*\n")
        return home

    def store(self, *, create: bool = False) -> Store:
        """Its store.

        Raises:
            NotFound: There is none, and it is not to be created.
            StoreError: It cannot be opened.
        """
        from ithaca.snapshots import Store

        path = self.home / "store"
        if not create and not path.exists():
            raise NotFound(
                "ITH603",
                "there is no store yet",
                where=str(path),
                cure="`ithaca run NOTEBOOK` makes one; ITHACA_HOME names another",
            )
        if create:
            self.make_home()
        return Store.open(path, create=create)

    def backend(self, name: str | None = None) -> Backend:
        """A backend with the project's settings for it."""
        chosen = name or self.settings.text("backend", "local") or "local"
        return find_backend(chosen, self.settings.table(chosen))

    def run(self, text: str) -> Run:
        """The run of that id, unique start of an id, or `latest`.

        Raises:
            NotFound: There is none.
        """
        from ithaca.api.handle import Run

        return Run(self, find_run(self.store(), text))

    def runs(self) -> list[Run]:
        """All runs, oldest first; none when there is no store."""
        from ithaca.api.handle import Run

        if not (self.home / "store").exists():
            return []
        return [Run(self, each) for each in list_runs(self.store())]


def find_project(root: str | Path | None = None, flags: Mapping[str, Any] | None = None) -> Project:
    """The project that a folder belongs to.

    Args:
        root: The root itself; None: that of a notebook in the working directory.
        flags: What the command line says of settings.
    """
    found = project_root(Path.cwd() / "notebook.ipynb") if root is None else Path(root).absolute()
    return Project(found, load(found, flags))
