"""How much the cache may hold."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE: Final = "RUNLOOP_JUPYTER_CACHE_SIZE"
MOST: Final = 10 << 30
SHARE: Final = 10
"""One part in so many of what the disk could give."""

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def limit(root: Path, held: int) -> int:
    """Return how many bytes the cache may hold.

    ``RUNLOOP_JUPYTER_CACHE_SIZE`` where it is set; else 10 GiB, or a tenth of what the disk has free and the cache
    holds already where that is less.

    Args:
        root: A directory on its disk.
        held: How many bytes it holds now.

    Raises:
        InputError: The variable can't be read.
        OSError: The disk doesn't answer.
    """
    said = said_limit()
    return min(MOST, (shutil.disk_usage(root).free + held) // SHARE) if said is None else said


def said_limit() -> int | None:
    """Return the bytes that ``RUNLOOP_JUPYTER_CACHE_SIZE`` says, None where it isn't set.

    Raises:
        InputError: It can't be read.
    """
    said = os.environ.get(VARIABLE, "").strip()
    return parse(said) if said else None


def parse(said: str) -> int:
    """Return a size in bytes, ``20G``, ``512 MiB``, ``0``: units of 1,024.

    Raises:
        InputError: It isn't one.

    Example:
        >>> parse("1.5k"), parse("20G") == 20 << 30, parse("0")
        (1536, True, 0)
    """
    found = _SIZE.fullmatch(said.strip())
    if found is None:
        raise InputError(f"{VARIABLE}={said!r} is not a size. Write 20G, 500M, or 0 to keep nothing")
    return int(float(found[1]) * _UNITS[found[2].lower()])
