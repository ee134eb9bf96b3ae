"""A shim before the user's pip on a step's path: `pip install --user` installs into the volume.

Pip refuses `--user` in a virtual environment, and a step's kernel runs in one. This package
replaces the real pip, becomes it (same modules, same `__file__`), and keeps only its own
`__main__`, which drops `--user`. An interpreter without pip gets the pip of its `ensurepip`.
Python 3.9+, stdlib only.
"""

from __future__ import annotations

import os as _os
import sys as _sys

_OWN = _os.path.dirname(_os.path.abspath(__file__))


def _real() -> str:
    lib = _os.path.dirname(_OWN)
    for entry in _sys.path:
        folder = _os.path.join(entry or ".", "pip")
        if _os.path.realpath(entry or ".") == _os.path.realpath(lib):
            continue
        if _os.path.isfile(_os.path.join(folder, "__init__.py")):
            return folder
    return _bundled(_os.path.join(_os.path.dirname(lib), "ensurepip"))


def _bundled(target: str) -> str:
    folder = _os.path.join(target, "pip")
    if _os.path.isdir(folder):
        return folder
    try:
        import ensurepip
        import sysconfig

        # Debian and others keep the wheels elsewhere, as the build's variables say.
        wheels = sysconfig.get_config_var("WHEEL_PKG_DIR") or _os.path.join(
            _os.path.dirname(ensurepip.__file__), "_bundled"
        )
        name = next(each for each in sorted(_os.listdir(wheels)) if each.startswith("pip-"))
    except (ImportError, OSError, StopIteration):
        raise ImportError(
            "this interpreter has neither pip nor ensurepip: install pip in your environment, "
            "or use `uv pip install`",
            name="pip",
        ) from None
    import zipfile

    temporary = f"{target}.{_os.getpid()}"
    with zipfile.ZipFile(_os.path.join(wheels, name)) as wheel:
        wheel.extractall(temporary)
    try:
        _os.rename(temporary, target)
    except OSError:  # another process of this step did it first
        if not _os.path.isdir(folder):
            raise
    return folder


_REAL = _real()
__path__ = [_OWN, _REAL]
__file__ = _os.path.join(_REAL, "__init__.py")
with open(__file__, encoding="utf-8") as _file:
    exec(compile(_file.read(), __file__, "exec"))
