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
from ithaca.records.journal import decode
from ithaca.runs.trust import is_trusted
from ithaca.settings import Settings, load, wrong_setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends import Backend
    from ithaca.store import Store

ACCESS = ("write", "read", "none")
"""Values of the setting `store_access`."""


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        root: Its root folder, absolute.
        settings: Its settings.
    """

    root: Path
    settings: Settings
    _shared: dict[str, Store] = field(default_factory=dict, repr=False, compare=False)

    @property
    def home(self) -> Path:
        """Ithaca's own folder, which holds the store."""
        return self.settings.home

    def make_home(self) -> Path:
        """Ithaca's own folder, created if it does not exist.

        A new one has a `.gitignore`, so that the store is not committed.
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

        Args:
            create: Create it if it does not exist.

        Raises:
            NotFound: It does not exist.
            StoreError: It cannot be opened.
        """
        from ithaca.store import LocalStore

        path = self.home / "store"
        if not create and not path.exists():
            raise NotFound(
                "ITH603",
                "there is no store yet",
                where=str(path),
                cure="`ithaca run NOTEBOOK` creates it; set ITHACA_HOME to use another one, or "
                "pass `--store URL` to read a remote",
            )
        if create:
            self.make_home()
        return LocalStore.open(path, create=create)

    @cached_property
    def access(self) -> str:
        """What may be done with remotes of the store: `write` (and read), `read` or `none`.

        Raises:
            UsageError: The setting has another value.
        """
        access = self.settings.text("store_access") or "write"
        if access not in ACCESS:
            wanted = f"{', '.join(ACCESS[:-1])} or {ACCESS[-1]}"
            raise wrong_setting("store_access", wanted, access)
        return access

    @cached_property
    def remote(self) -> str | None:
        """The remote that is read besides the store: one that the user named or trusts."""
        url = self.settings.text("store")
        return url if url and self.access != "none" and self._is_trusted(url) else None

    def _is_trusted(self, url: str) -> bool:
        named = "store" in self.settings.overrides and url == self.settings.text("store")
        return named or is_trusted(url)

    def shared(self, url: str, *, create: bool = False) -> Store:
        """Its store together with a remote, for runs that are kept there.

        Args:
            url: The remote.
            create: Create it if it does not exist.

        Raises:
            NotFound: It does not exist.
            UsageError: `store_access` is `none`.
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
            backend: A backend whose own settings may name one, too.
            writing: Whether it will be written.

        Raises:
            UsageError: No remote is set, only the project's own files name it, or `store_access`
                forbids to use it.
        """
        found = self.settings.text("store") if backend is None else backend.settings.get("store")
        if found is None:
            raise UsageError(
                "ITH915",
                "no remote of the store is set",
                cure="pass `--store s3://BUCKET/PREFIX`, or set ITHACA_STORE",
            )
        url = str(found)
        self._refuse_touching(url)
        if writing:
            self.refuse_writing(url)
        if not self._is_trusted(url):
            raise UsageError(
                "ITH916",
                f"the store {url} is named only by the project's own files, and you have not "
                "trusted it; anyone who can write to a store can run code on your machine",
                cure=f"if you trust it, run `ithaca store trust {url}`; for this command only, "
                f"pass `--store {url}`",
            )
        return url

    def refuse_writing(self, url: str) -> None:
        """Refuse to write to a remote unless `store_access` is `write`.

        Raises:
            UsageError: It is not.
        """
        if self.access != "write":
            from ithaca.store.remotes.remote import only_read

            raise only_read(url, self.access)

    def _refuse_touching(self, url: str) -> None:
        if self.access == "none":
            raise UsageError(
                "ITH920",
                "this command needs a remote of the store, but `store_access` is `none`",
                where=url,
                cure="pass `--store-access read` or `write`; runs on this machine need no remote",
            )

    def alone(self) -> Project:
        """The same project without its remote."""
        values = {**self.settings.values, "store_access": "none"}
        return Project(self.root, replace(self.settings, values=values))

    def store_of(self, run_id: str) -> Store:
        """The store that a run is kept in, together with its remote if it has one."""
        store = self.store(create=self.remote is not None)
        name = names.run(run_id)
        if store.exists(name):
            try:
                url = decode(store.read(name), RunDocument, name).store
            except Corrupt:  # reported when the run is read
                return store
            return self.shared(url) if url and self.access != "none" else store
        return self.readable_store()

    def readable_store(self) -> Store:
        """Where runs and snapshots are searched: the store, with the remote if there is one.

        Raises:
            NotFound: There is no store yet.
            StoreError: It, or the remote, cannot be reached.
        """
        return self.shared(self.remote) if self.remote else self.store()

    def backend(self, name: str | None = None, *, environment: str = "") -> Backend:
        """A backend with the project's settings for it.

        Args:
            name: Its name; None for the one in the settings.
            environment: What its pods restore, for manifests without a run.
        """
        chosen = name or self.settings.text("backend") or "local"
        texts = ("store", "image", "namespace", "service_account")
        general: dict[str, Any] = {name: self.settings.text(name) for name in texts}
        general["parallel"] = self.settings.number("parallel", 0) or None
        general["infrastructure_retries"] = self.settings.number("infrastructure_retries", 2)
        general = {name: value for name, value in general.items() if value is not None}
        named = {name: value for name, value in general.items() if name in self.settings.overrides}
        # The backend's own table overrides the general settings.
        values = {**general, **self.settings.table(chosen), **named}
        values.pop("environment", None)  # pods get the resolved one
        return find_backend(
            chosen, {**values, **({"environment": environment} if environment else {})}
        )


def find_project(root: str | Path | None = None, flags: Mapping[str, Any] | None = None) -> Project:
    """The project that a folder belongs to.

    Args:
        root: The root itself; None for the root of a notebook in the working directory.
        flags: Settings from the command line.
    """
    found = project_root(Path.cwd() / "notebook.ipynb") if root is None else Path(root).absolute()
    return Project(found, load(found, flags))
