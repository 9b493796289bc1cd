"""Which process a process id means: ids are given out again, and a dead process keeps its own until it is reaped."""

from __future__ import annotations

from pathlib import Path


def start_ticks(pid: int) -> int | None:
    """Return when the living process `pid` began, in clock ticks since the machine did.

    None where no such process runs, where it is past holding a port (exiting, or a zombie), and where the system has
    no ``/proc``, as on macOS.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        # After the command, which stands in parentheses and may hold any character: field 3 (state) and what follows.
        fields = stat.rpartition(b")")[2].split()
        # A process that exits gives back its memory (field 23) first, then its files and ports, then it is a zombie.
        gone = fields[0] in (b"Z", b"X") or fields[20] == b"0"
        return None if gone else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def boot_id() -> str:
    """Return what tells this run of the machine from every other; empty where the system doesn't say, as on macOS."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
