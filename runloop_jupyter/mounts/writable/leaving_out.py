"""Which files of a writable folder stay out for their names: nobody's work, a secret, or none that can be stored."""

from __future__ import annotations

import re
from typing import Final

from runloop_jupyter.address import MAX_NAME_BYTES, check_name
from runloop_jupyter.archive.names import shown
from runloop_jupyter.archive.private import is_secret
from runloop_jupyter.errors import AddressError

STAGING: Final = ".runloop-incoming"
"""The directory, right in the folder, of what is on its way in."""
OPENS_DOORS: Final = "opens doors"
NOISE: Final = "noise"
_NOISE: Final = re.compile(
    # JupyterLab's checkpoints and half-saved notebooks, Vim's swap files, the locks and autosaves of LibreOffice,
    # Office and Emacs, backups.
    r"\.ipynb_checkpoints|\.~.+|.*\.sw[op]|~\$.*|\.#.*|#.*#|.*~"
    # What network disks keep of a file that is deleted while it is open; what is on its way in.
    r"|\.(nfs|fuse_hidden)[0-9a-f]{8,}|\.runloop-incoming"
    # What this package itself writes beside a file, before it takes that one's place.
    r"|\..+\.[0-9a-f]{12}\.part",
    re.DOTALL,
)


def why_out(prefix: str, path: str) -> str | None:
    """Return why a file or a folder stays out for its name: `NOISE`, `OPENS_DOORS`, or a sentence; None where it comes.

    Args:
        prefix: How the names of the folder's objects begin, with a slash behind it.
        path: Its path within the folder; what is above it comes.
    """
    name = path.rpartition("/")[2]
    if _NOISE.fullmatch(name):
        return NOISE
    if is_secret(name):
        return OPENS_DOORS
    try:
        check_name(prefix + path)
    except AddressError:
        return f"{shown(path)} stays here: no object can have that name (it {_trouble(prefix + path)})"
    return None


def comes(path: str) -> bool:
    """Whether an object at a path within the folder comes in, as far as its name tells."""
    return not any(_NOISE.fullmatch(part) or is_secret(part) for part in path.split("/"))


def _trouble(name: str) -> str:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "isn't UTF-8"
    return f"has more than {MAX_NAME_BYTES:,} bytes" if size > MAX_NAME_BYTES else "has control characters"
