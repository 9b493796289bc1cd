"""What catalogs keep on the disk, and how to be rid of it: each is walked through again when it is next asked for."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer.cache import claims

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def directory() -> Path:
    """Return where catalogs are kept, whether or not it is there."""
    return cache_dir() / "catalog"


def size() -> int:
    """Return how many bytes they take."""
    return sum(_size(each) for each in directory().glob("*/*"))


def clear(*, in_use: bool = False) -> int:
    """Remove catalogs, those that a running kernel walks for only where told so; return how many bytes that freed.

    A kernel that has one open goes on with an empty one, and fills it again.
    """
    freed = 0
    for each in directory().glob("*/*"):
        claim = each / "walker"
        if not in_use and claim.exists() and not claims.is_dead(claim):
            continue
        freed += _size(each)
        shutil.rmtree(each, ignore_errors=True)
        with suppress(OSError):
            each.parent.rmdir()
    return freed


def _size(catalog: Path) -> int:
    return sum(_bytes(catalog))


def _bytes(catalog: Path) -> Iterator[int]:
    for path in catalog.glob("*"):
        with suppress(OSError):
            yield path.stat().st_size
