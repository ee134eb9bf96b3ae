"""A project: its root, its settings and its store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.backends import backend as find_backend
from ithaca.errors import Corrupt, NotFound, UsageError
from ithaca.model.run import RunDocument
from ithaca.notebook.root import project_root
from ithaca.records import names
from ithaca.records.journal import decode, find_run, list_runs
from ithaca.runs.trust import is_trusted
from ithaca.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends import Backend
    from ithaca.runs.handle import Run
    from ithaca.store import Store

ACCESS = ("write", "read", "none")
"""What `store_access` may be."""


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
        from ithaca.store import LocalStore

        path = self.home / "store"
        if not create and not path.exists():
            raise NotFound(
                "ITH603",
                "there is no store yet",
                where=str(path),
                cure="`ithaca run NOTEBOOK` makes one; ITHACA_HOME names another, `--store URL` a "
                "remote",
            )
        if create:
            self.make_home()
        return LocalStore.open(path, create=create)

    @cached_property
    def access(self) -> str:
        """What may be done with remotes of the store: `write` (and read), `read` or `none`.

        Raises:
            UsageError: The setting is none of these.
        """
        told = self.settings.text("store_access", "write") or "write"
        if told not in ACCESS:
            raise UsageError(
                "ITH903",
                f"the setting `store_access` is not one of {', '.join(ACCESS)}: {told!r}",
            )
        return told

    @cached_property
    def remote(self) -> str | None:
        """The remote to look on besides the store itself: one that the user named or trusts."""
        url = self.settings.text("store")
        return url if url and self.access != "none" and self._is_trusted(url) else None

    def _is_trusted(self, url: str) -> bool:
        said = "store" in self.settings.told and url == self.settings.text("store")
        return said or is_trusted(url)

    def shared(self, url: str, *, create: bool = False) -> Store:
        """Its store together with a remote, for runs that are kept there.

        Args:
            url: The remote.
            create: Make it where there is none.

        Raises:
            NotFound: There is none, and it is not to be created.
            UsageError: Remotes are not to be touched.
            StoreError: It cannot be reached.
        """
        if url not in self._shared:
            from ithaca.store import LocalStore, SharedStore
            from ithaca.store.remotes import Remote

            self._refuse_touching(url)
            remote = Remote.open(url, create=create, writable=self.access == "write")
            self.make_home()
            self._shared[url] = SharedStore(
                LocalStore.open(self.home / "store"), remote, cache=self.home / "cache" / "indexes"
            )
        return self._shared[url]

    def store_url(self, backend: Backend | None = None, *, writing: bool = False) -> str:
        """The remote that the user named, or that the project names and the user trusts.

        Args:
            backend: The backend whose table of settings may name one, too.
            writing: Whether anything is to be written there.

        Raises:
            UsageError: Nobody did, only the project's own files did, or it may not be touched.
        """
        told = self.settings.text("store") if backend is None else backend.settings.get("store")
        if told is None:
            raise UsageError(
                "ITH915",
                "no remote of the store is named",
                cure="`--store s3://BUCKET/PREFIX`, or set ITHACA_STORE",
            )
        url = str(told)
        self._refuse_touching(url)
        if writing:
            self.refuse_writing(url)
        if not self._is_trusted(url):
            raise UsageError(
                "ITH916",
                f"only the project's own files name the store {url}; to read a store is to run "
                "what its writers wrote",
                cure=f"if you trust them: `ithaca store trust {url}`; or, this time only, "
                f"`--store {url}`",
            )
        return url

    def refuse_writing(self, url: str) -> None:
        """Refuse what would write to a remote where that is not wanted.

        Raises:
            UsageError: `store_access` says so.
        """
        if self.access != "write":
            from ithaca.store.remotes.remote import only_read

            raise only_read(url, self.access)

    def _refuse_touching(self, url: str) -> None:
        if self.access == "none":
            raise UsageError(
                "ITH920",
                "this needs a remote of the store, and `store_access` is `none`",
                where=url,
                cure="`--store-access read` or `write` allows it; runs on this machine need no "
                "remote",
            )

    def alone(self) -> Project:
        """The same project, looked at without any remote."""
        values = {**self.settings.values, "store_access": "none"}
        return Project(self.root, replace(self.settings, values=values))

    def store_of(self, run_id: str) -> Store:
        """The store that a run is kept in, together with its remote if it has one."""
        store = self.store(create=self.remote is not None)
        name = names.run(run_id)
        if store.exists(name):
            try:
                url = decode(store.read(name), RunDocument, name).store
            except Corrupt:  # whoever reads the run will say so
                return store
            return self.shared(url) if url and self.access != "none" else store
        return self.looked_at()

    def looked_at(self) -> Store:
        """Where runs and snapshots are looked for: the store, with the remote if there is one.

        Raises:
            NotFound: There is no store yet.
            StoreError: It, or the remote, cannot be reached.
        """
        return self.shared(self.remote) if self.remote else self.store()

    def backend(self, name: str | None = None, *, environment: str = "") -> Backend:
        """A backend with the project's settings for it.

        Args:
            name: Which; None for the one that is set.
            environment: What its pods restore, for manifests without a run.
        """
        chosen = name or self.settings.text("backend", "local") or "local"
        general = self._for_clusters()
        said = {name: value for name, value in general.items() if name in self.settings.told}
        values = {**general, **self.settings.table(chosen), **said}
        values.pop("environment", None)  # as it is set it is of no use to a pod
        return find_backend(
            chosen, {**values, **({"environment": environment} if environment else {})}
        )

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
        from ithaca.runs.handle import Run

        return Run(self, find_run(self.looked_at(), text))

    def runs(self) -> list[Run]:
        """All runs, oldest first; none when there is no store."""
        from ithaca.runs.handle import Run

        if self.remote is None and not (self.home / "store").exists():
            return []
        return [Run(self, each) for each in list_runs(self.looked_at())]


def find_project(root: str | Path | None = None, flags: Mapping[str, Any] | None = None) -> Project:
    """The project that a folder belongs to.

    Args:
        root: The root itself; None: that of a notebook in the working directory.
        flags: What the command line says of settings.
    """
    found = project_root(Path.cwd() / "notebook.ipynb") if root is None else Path(root).absolute()
    return Project(found, load(found, flags))
