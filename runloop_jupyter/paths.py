"""Where things are kept on this machine.

``RUNLOOP_JUPYTER_HOME``   what a user cares for: profiles, the embedded store, the journal. On the disk that persists.
``RUNLOOP_JUPYTER_CACHE``  what can be made again: downloads, spools, catalogs. On local scratch where there is one.

Both default to the system's own places (platformdirs). Directories are made 0700, files 0600.
"""

from __future__ import annotations

import os
from pathlib import Path

from runloop_jupyter.errors import InputError

APP = "runloop_jupyter"


def home_path() -> Path:
    """Return the directory for state that must persist, whether or not it is there."""
    return _path("RUNLOOP_JUPYTER_HOME", "user_data_path")


def home_dir() -> Path:
    """Return the directory for state that must persist, made if it is missing.

    Raises:
        InputError: It can't be made or written to.
    """
    return _writable(home_path(), "RUNLOOP_JUPYTER_HOME")


def cache_dir() -> Path:
    """Return the directory for what can be fetched or made again, made if it is missing.

    Raises:
        InputError: It can't be made or written to.
    """
    return _writable(_path("RUNLOOP_JUPYTER_CACHE", "user_cache_path"), "RUNLOOP_JUPYTER_CACHE")


def private_dir(path: Path) -> Path:
    """Make `path` and its parents where missing, `path` itself 0700, and return it.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _path(variable: str, default: str) -> Path:
    if override := os.environ.get(variable):
        return Path(override).expanduser().absolute()
    import platformdirs  # only when no variable says it: 5 ms

    return Path(getattr(platformdirs, default)(APP))


def _writable(path: Path, variable: str) -> Path:
    try:
        private_dir(path)
        reason = "" if os.access(path, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason:
        raise InputError(f"{path} can't be written to ({reason.lower()}). Set {variable} to a directory that can")
    return path
