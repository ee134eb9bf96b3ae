"""Runs in the user's interpreter (Python 3.9+, stdlib only): prints what it can import, as JSON."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import site
import sys
import sysconfig

# Entries of RECORD that differ between environments: where a package is, how it was installed, and
# scripts, whose first lines hold the interpreter's path.
UNSTABLE = re.compile(
    r"^\.\./|\.pyc,|__pycache__/|\.pth,|__editable__"
    r"|\.(?:dist|egg)-info/(?:RECORD|INSTALLER|REQUESTED|direct_url\.json|licenses/.*),"
)


def content(folder: str) -> str:
    """Digest of a distribution's RECORD, without what differs between environments."""
    for name in ("RECORD", "METADATA", "PKG-INFO"):
        path = os.path.join(folder, name) if os.path.isdir(folder) else folder
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        if name == "RECORD":
            lines = sorted(line for line in lines if not UNSTABLE.search(line))
        text = "\n".join(lines).encode("utf-8", "surrogateescape")
        return hashlib.sha256(text).hexdigest()
    return ""


def distributions(paths: list[str]) -> list[list[str]]:
    """Name, version and digest of every distribution; the first on the path counts."""
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        try:
            entries = sorted(os.listdir(path))
        except OSError:
            continue
        for entry in entries:
            match = re.match(r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$", entry)
            if match:
                name = re.sub(r"[-_.]+", "-", match.group(1)).lower()
                if name not in found:
                    found[name] = (match.group(2), content(os.path.join(path, entry)))
    return [[name, *found[name]] for name in sorted(found)]


def sites() -> list[str]:
    """The folders of installed packages, in the order in which imports search them."""
    candidates = list(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        candidates.append(site.getusersitepackages())
    on_path = {os.path.realpath(path): index for index, path in reversed(list(enumerate(sys.path)))}
    present = [path for path in candidates if os.path.realpath(path) in on_path]
    return sorted(set(present), key=lambda path: on_path[os.path.realpath(path)])


def site_packages() -> str:
    """The folder of packages in a virtual environment, relative to it."""
    scheme = "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"
    base = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), "/x")
    return os.path.relpath(sysconfig.get_path("purelib", scheme, base), "/x")


def version_of(module: str) -> str | None:
    """Version of an installed distribution, or None when its module is not found."""
    if importlib.util.find_spec(module) is None:
        return None
    from importlib import metadata

    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        return "0"


def main() -> None:
    """Print the description."""
    paths = [path for path in sys.path if path and os.path.isdir(path)]
    base = getattr(sys, "_base_executable", None) or sys.executable
    print(  # noqa: T201
        json.dumps(
            {
                "executable": sys.executable,
                "base_executable": base,
                "version": list(sys.version_info[:3]),
                "implementation": sys.implementation.name,
                "platform": sysconfig.get_platform().split("-")[0] + "-" + platform.machine(),
                "libc": " ".join(platform.libc_ver()).strip(),
                "prefix": sys.prefix,
                "base_prefix": sys.base_prefix,
                "sites": sites(),
                "paths": paths,
                "site_packages": site_packages(),
                "platlib": getattr(sys, "platlibdir", "lib"),
                "ipykernel": version_of("ipykernel"),
                "distributions": distributions(paths),
            }
        )
    )


main()
