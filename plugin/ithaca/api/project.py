"""A project: its root, its settings and its store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.backends import backend as find_backend
from ithaca.errors import Corrupt, NotFound, UsageError
from ithaca.records import names
from ithaca.records.journal import decode, find_run, list_runs
from ithaca.records.model import RunDocument
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
    _shared: dict[str, Store] = field(default_factory=dict, repr=False, compare=False)

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

    def shared(self, url: str, *, create: bool = False) -> Store:
        """Its store together with a remote, for runs that are kept there.

        Args:
            url: The remote.
            create: Make it where there is none.

        Raises:
            NotFound: There is none, and it is not to be created.
            StoreError: It cannot be reached.
        """
        if url not in self._shared:
            from ithaca.snapshots.remotes import Remote, Shared

            remote = Remote.open(url, create=create)
            self.make_home()
            self._shared[url] = Shared.attach(
                self.home / "store", remote, cache=self.home / "cache" / "indexes"
            )
        return self._shared[url]

    def store_url(self) -> str:
        """The remote that the user named.

        Raises:
            UsageError: Nobody did, or only the project's own files did.
        """
        url = self.settings.text("store")
        if url is None:
            raise UsageError(
                "ITH915",
                "a run on a cluster is kept on a remote of the store, and none is named",
                cure="`--store s3://BUCKET/PREFIX`, or set ITHACA_STORE",
            )
        if "store" not in self.settings.told:
            raise UsageError(
                "ITH916",
                f"only the project's own files name the store {url}; to read a store is to run "
                "what its writers wrote",
                cure=f"if you trust them: `--store {url}`, or set ITHACA_STORE",
            )
        return url

    def store_of(self, run_id: str) -> Store:
        """The store that a run is kept in, together with its remote if it has one."""
        store = self.store(create="store" in self.settings.told)
        name = names.run(run_id)
        if store.exists(name):
            try:
                url = decode(store.read(name), RunDocument, name).store
            except Corrupt:  # whoever reads the run will say so
                return store
            return self.shared(url) if url else store
        return self.shared(self.store_url()) if "store" in self.settings.told else store

    def backend(self, name: str | None = None) -> Backend:
        """A backend with the project's settings for it."""
        chosen = name or self.settings.text("backend", "local") or "local"
        general = self._for_clusters()
        said = {name: value for name, value in general.items() if name in self.settings.told}
        return find_backend(chosen, {**general, **self.settings.table(chosen), **said})

    def _for_clusters(self) -> dict[str, Any]:
        """Plain settings that a backend's own table may override, as far as they are set."""
        found = {
            "store": self.settings.text("store"),
            "image": self.settings.text("image"),
            "namespace": self.settings.text("namespace"),
            "service_account": self.settings.text("service_account"),
            "parallel": self.settings.number("parallel", 0) or None,
            "infrastructure_retries": self.settings.number("infrastructure_retries", 2),
        }
        return {name: value for name, value in found.items() if value is not None}

    def run(self, text: str) -> Run:
        """The run of that id, unique start of an id, or `latest`.

        Raises:
            NotFound: There is none.
        """
        from ithaca.api.handle import Run

        return Run(self, find_run(self._runs_store(), text))

    def runs(self) -> list[Run]:
        """All runs, oldest first; none when there is no store."""
        from ithaca.api.handle import Run

        if "store" not in self.settings.told and not (self.home / "store").exists():
            return []
        return [Run(self, each) for each in list_runs(self._runs_store())]

    def _runs_store(self) -> Store:
        """Where runs are looked for: the remote that the user named counts too."""
        return self.shared(self.store_url()) if "store" in self.settings.told else self.store()


def find_project(root: str | Path | None = None, flags: Mapping[str, Any] | None = None) -> Project:
    """The project that a folder belongs to.

    Args:
        root: The root itself; None: that of a notebook in the working directory.
        flags: What the command line says of settings.
    """
    found = project_root(Path.cwd() / "notebook.ipynb") if root is None else Path(root).absolute()
    return Project(found, load(found, flags))
