"""Make the bytecode of an image valid: `fresh_bytecode.py IMAGE.tar`.

All files of the cluster's images have one time, but bytecode holds the time that its source had
before. Python then compiles every module again, in each process of each pod.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import tarfile
from pathlib import Path
from typing import IO

TIMED = bytes(4)
"""The flags of bytecode that is valid while its source has the recorded time."""


def make_valid(path: Path) -> None:
    """Change the bytecode in place, and the digests that follow from it."""
    with path.open("r+b") as image, tarfile.open(fileobj=image) as archive:
        (record,) = json.load(_content(archive, "manifest.json"))
        config = json.load(_content(archive, record["Config"]))
        (layer,) = record["Layers"]
        _set_times(image, archive, layer)
        digest = hashlib.file_digest(_content(archive, layer), "sha256").hexdigest()
        config["rootfs"]["diff_ids"] = [f"sha256:{digest}"]
        texts = {record["Config"]: config, "manifest.json": [record]}
        image.seek(min(archive.getmember(name).offset for name in texts))
        image.truncate()
        with tarfile.open(fileobj=image, mode="w") as longer:
            for name, value in texts.items():
                text = json.dumps(value, sort_keys=True).encode()
                member = tarfile.TarInfo(name)
                member.size = len(text)
                longer.addfile(member, io.BytesIO(text))


def _set_times(image: IO[bytes], archive: tarfile.TarFile, layer: str) -> None:
    start = archive.getmember(layer).offset_data
    with tarfile.open(fileobj=_content(archive, layer)) as files:
        for each in files:
            if each.name.endswith(".pyc"):
                image.seek(start + each.offset_data + 4)
                if image.read(4) == TIMED:
                    image.seek(start + each.offset_data + 8)
                    image.write(struct.pack("<I", int(each.mtime)))


def _content(archive: tarfile.TarFile, name: str) -> io.BufferedReader:
    found = archive.extractfile(name)
    assert isinstance(found, io.BufferedReader)
    return found


if __name__ == "__main__":
    make_valid(Path(sys.argv[1]))
