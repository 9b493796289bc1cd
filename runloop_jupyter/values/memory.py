"""How much memory there is, asked before a decode that might not fit: a kernel that is killed says nothing at all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import NotEnoughMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

RESERVE: Final = 128 << 20
"""Bytes left for everything else."""
_ASK_FROM: Final = 64 << 20
_ROOT: Final = Path("/")
_V1: Final = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2: Final = ("memory.max", "memory.current", "inactive_file")


def check(
    needed: int | None, parts: Collection[str] = (), needs: Callable[[int], int | None] = lambda head: None
) -> None:
    """Return if a value of about `needed` bytes fits into memory, or nobody knows its size.

    Args:
        needed: Bytes; None where nobody knows.
        parts: What can be had of it in part, ``columns`` and ``head``: what is offered instead.
        needs: The bytes for so many rows from the beginning, to offer as many as fit.

    Raises:
        NotEnoughMemory: It doesn't fit; the message says how to have less of it.
    """
    if needed is None or needed < _ASK_FROM:
        return
    free = available()
    if needed + RESERVE <= free:
        return
    ways = []
    if "columns" in parts:
        ways.append("--columns a,b")
    if "head" in parts and (head := _most(free - RESERVE, needs)):
        ways.append(f"--head {head}")
    less = " or ".join(ways)
    raise NotEnoughMemory(
        f"it would take about {_shown(needed)} of memory and {_shown(max(free - RESERVE, 0))} can be had."
        f" Get {f'part of it with {less}, or ' if less else ''}the file with --as path"
    )


def available(root: Path = _ROOT) -> int:
    """Return how many bytes this process may still take: the computer's, or less where it is limited.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    import psutil  # 10 ms, and only large values ask

    return min([int(psutil.virtual_memory().available), *_left_in_cgroups(root), *_left_in_addresses()])


def _most(room: int, needs: Callable[[int], int | None]) -> int:
    """Return the largest round number of rows that takes at most `room` bytes; 0 for none."""
    rounds = [digit * 10**power for power in range(10) for digit in range(1, 10)]
    low, high = 0, len(rounds)  # the first `low` of them fit, those from `high` on don't
    while low < high:
        middle = (low + high) // 2
        needed = needs(rounds[middle])
        if needed is not None and needed <= room:
            low = middle + 1
        else:
            high = middle
    return rounds[low - 1] if low else 0


def _shown(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _left_in_addresses() -> Iterator[int]:
    """Yield what is left under ``ulimit -v``."""
    if sys.platform == "win32":
        return
    import resource

    import psutil

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield limit - int(psutil.Process().memory_info().vms)


def _left_in_cgroups(root: Path) -> Iterator[int]:
    """Yield what is left in this process's control groups, each of which may be limited, up to the outermost.

    Within a container the path in ``/proc/self/cgroup`` may be that of the world outside, of which the container's
    ``/sys/fs/cgroup`` shows only the end: what isn't there is passed over on the way up.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            found = [(root / "sys/fs/cgroup", _V2), (root / "sys/fs/cgroup/unified", _V2)]
        elif "memory" in controllers.split(","):
            found = [(root / "sys/fs/cgroup/memory", _V1)]
        else:
            continue
        steps = [step for step in path.split("/") if step not in ("", ".", "..")]
        for top, names in found:
            for depth in range(len(steps), -1, -1):
                left = _left_in(top.joinpath(*steps[:depth]), *names)
                if left is not None:
                    yield left


def _left_in(group: Path, limit: str, usage: str, inactive: str) -> int | None:
    """Return the bytes left in one control group, files that are only cached not counted; None without a limit."""
    try:
        most = (group / limit).read_text().strip()
        if most == "max":
            return None
        used = int((group / usage).read_text())
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(most) - max(used - int(stat.get(inactive, 0)), 0)
    except (OSError, ValueError):
        return None
