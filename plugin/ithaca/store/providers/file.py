"""A folder, such as a shared file system or a mounted volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ithaca.errors import StoreError
from ithaca.store.providers.base import Address, Provider, Target, invalid_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from obstore.store import ObjectStore


class File(Provider):
    """A folder of this machine."""

    scheme = "file"
    form = "file:///FOLDER"
    credentials_cure = "use an account that may read and write the folder"

    def parse(self, url: str, parts: SplitResult) -> Address:
        """The folder in a URL; it must be absolute and not the root."""
        folder = Path(unquote(parts.path))
        local = parts.netloc in ("", "localhost")
        if not local or not folder.is_absolute() or folder == Path("/"):
            raise invalid_url(url, "expected the absolute path of a folder: file:///FOLDER")
        return Address(self.scheme, "", unquote(parts.path))

    def connect(self, target: Target) -> ObjectStore:  # noqa: D102
        path = Path(target.address.path)
        try:
            if target.create:
                path.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                raise NotADirectoryError(20, "no such folder")
            return target.obstore.LocalStore(path)  # type: ignore[no-any-return]
        except OSError as error:
            raise StoreError(
                "ITH420",
                f"the remote cannot be reached: {error.strerror}",
                cure="check the path and its permissions; `ithaca snapshots push` creates the "
                "folder",
                where=target.url,
            ) from None
