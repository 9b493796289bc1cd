"""Where things are kept on this machine.

``RUNLOOP_JUPYTER_HOME``   what a user cares for: profiles, the embedded store, the journal. On the disk that persists.
``RUNLOOP_JUPYTER_CACHE``  what can be made again: downloads, spools. On local scratch where there is one.

Both default to the system's own places (platformdirs). Directories are made 0700, files 0600.
"""

from __future__ import annotations

import os
from pathlib import Path

APP = "runloop_jupyter"


def home_dir() -> Path:
    """Return the directory for state that must persist, made if it is missing.

    Raises:
        OSError: It can't be made.
    """
    return _private(os.environ.get("RUNLOOP_JUPYTER_HOME"), "user_data_path")


def cache_dir() -> Path:
    """Return the directory for what can be fetched or made again, made if it is missing.

    Raises:
        OSError: It can't be made.
    """
    return _private(os.environ.get("RUNLOOP_JUPYTER_CACHE"), "user_cache_path")


def private_dir(path: Path) -> Path:
    """Make `path` and its parents where missing, `path` itself 0700, and return it.

    Raises:
        OSError: It can't be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _private(override: str | None, default: str) -> Path:
    if override:
        return private_dir(Path(override).expanduser().absolute())
    import platformdirs  # only when no variable says it: 5 ms

    return private_dir(getattr(platformdirs, default)(APP))
