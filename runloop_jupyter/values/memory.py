"""How much memory there is, asked before a decode that might not fit: a kernel that is killed says nothing at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import NotEnoughMemory

if TYPE_CHECKING:
    from collections.abc import Collection

RESERVE: Final = 128 << 20
"""Bytes left for everything else."""
_ASK_FROM: Final = 64 << 20
_CGROUP: Final = Path("/sys/fs/cgroup")


def check(needed: int | None, parts: Collection[str]) -> None:
    """Return if a value of about `needed` bytes fits into memory, or nobody knows its size.

    Args:
        needed: Bytes; None where nobody knows.
        parts: What can be had of it in part, ``columns`` and ``head``: what is offered instead.

    Raises:
        NotEnoughMemory: It doesn't fit; the message says how to have less of it.
    """
    if needed is None or needed < _ASK_FROM:
        return
    free = available()
    if needed + RESERVE <= free:
        return
    ways = {"columns": "--columns a,b", "head": "--head 10000"}
    less = " or ".join(way for part, way in ways.items() if part in parts)
    raise NotEnoughMemory(
        f"it would take about {needed / 2**30:.1f} GiB of memory and {max(free, 0) / 2**30:.1f} GiB are left. "
        + (f"Get part of it with {less}, or the file with --as path" if less else "Get the file with --as path")
    )


def available() -> int:
    """Return how many bytes this process may still take: the computer's, or less where a container is limited."""
    import psutil  # 10 ms, and only large values ask

    return min([int(psutil.virtual_memory().available), *_left_in_cgroups()])


def _left_in_cgroups() -> list[int]:
    return []
