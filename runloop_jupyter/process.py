"""Processes: which one an id means, for ids are given out again, and how one of this package's own is started."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import subprocess

_KEYS: Final = frozenset({"RUNLOOP_API_KEY", "RUNTOOLS_API_KEY", "RUNLOOP_LOCAL_KEY"})


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


def start(module: str, **pipes: Any) -> subprocess.Popen[bytes]:
    """Start a module of this package as a process of its own, which Ctrl-C in a notebook isn't for.

    Keys in the environment aren't handed on: what it needs it is told by a pipe.

    Args:
        module: Its name, whole.
        pipes: ``stdin``, ``stdout``, ``stderr`` and ``bufsize``, as `subprocess.Popen` takes them.

    Raises:
        OSError: It can't be started.
    """
    import subprocess
    import sysconfig

    environment = {name: value for name, value in os.environ.items() if name not in _KEYS}
    home = str(Path(__file__).parents[1])
    if home not in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        # Not installed: found by a path that this process has and another needn't have.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [home, environment.get("PYTHONPATH")]))
    return subprocess.Popen(  # noqa: S603 - this interpreter, and a name that no user gives
        [sys.executable, "-P", "-m", module], env=environment, cwd="/", start_new_session=True, **pipes
    )
