"""Mounts whose kernels are gone are taken away by whoever loads next; and how a mount of links is taken away at all.

It needs nothing but what is written down (`table`, `placed`), and asks no store.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.names import shown
from runloop_jupyter.mounts import placed, table
from runloop_jupyter.transfer.cache import claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runloop_jupyter.mounts.table import Record

NAMED: Final = 3


def sweep() -> list[str]:
    """Take away the mounts of kernels that are gone; return what their user should know, a line each, mostly none.

    A folder to write in (mode ``write``) is left alone: what wasn't sent of it yet is still to be.
    """
    said: list[str] = []
    for record in table.abandoned():
        with suppress(OSError):  # a disk that is full, or gone: the next load tries again
            said += clear(record)
    table.tidy()
    return said


def clear_at(where: Path) -> None:
    """Take away what a kernel that is gone had mounted at a directory, before something else is mounted there.

    Raises:
        OSError: The system refuses it.
    """
    record = table.at(where)
    if record is not None and record.abandoned:
        clear(record)


def take_away(record: Record) -> list[str]:
    """Take away what a mount of links placed, and strike it out; return what else is in its directory.

    Raises:
        OSError: The system refuses it; then what is left of it is still written down.
    """
    path = record.beside(placed.KIND)
    tree = placed.where(path)
    if tree is None:  # nothing was placed yet, or the cache was removed by hand
        record.remove()
        return []
    root = Path(tree.root)
    placed.clear(tree.workshop)
    with suppress(ValueError, TypeError):  # a line cut off: what comes after it stays
        placed.remove(root, placed.things(path))
    left = placed.left(root)
    if record.made and not left:
        with suppress(OSError):
            root.rmdir()
    record.remove()
    return left


def said(left: Sequence[str], where: Path) -> str:
    """Return what is said of what somebody wrote into a mount, in one line."""
    names = ", ".join(shown(name) for name in left[:NAMED])
    more = f" and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
    return f"{names}{more} in {shown(str(where))}: not of the mount, so left there"


def clear(record: Record) -> list[str]:
    """Take away one mount, whoever's it is, unless another process does it at this moment.

    Returns:
        What its user should know, a line each.

    Raises:
        OSError: The system refuses it.
    """
    if record.mode not in {"link", "fuse"}:
        return []
    path = record.beside("claim")
    if claims.is_dead(path):
        with suppress(OSError):
            path.unlink()
    claim = claims.take(path)
    if claim is None:
        return []
    try:
        if not record.is_there():
            return []
        if record.mode == "fuse":
            return _clear_fuse(record)
        left = take_away(record)
        return [said(left, Path(record.where))] if left else []
    finally:
        claim.release()
        with suppress(OSError):
            path.unlink()


def _clear_fuse(record: Record) -> list[str]:
    from runloop_jupyter.mounts.fuse import stale  # only where there was such a mount

    if stale.clear(record):
        return []
    where = shown(record.where)
    return [f"the mount of a kernel that is gone at {where} can't be let go of yet; the next %load_ext tries again"]
