"""What a killed kernel left of a mount by FUSE, and a killed server: cleared away by the next load."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.fuse.unmounting import let_go
from runloop_jupyter.transfer.journal import me

if TYPE_CHECKING:
    from runloop_jupyter.mounts.table import Record, Server

_POLITELY_S: Final = 2.0
_TICK_S: Final = 0.02


def clear(record: Record) -> bool:
    """End what is left of a mount whose kernel is gone: its process, if it is that very one, and its directory.

    Nothing else is touched: not another kernel's mount of the same directory, not what others mounted there, not what
    somebody put there since.

    Args:
        record: The mount, abandoned, of this machine.

    Returns:
        Whether nothing of it is left; otherwise the next load tries again.
    """
    _end(record)
    where = Path(record.where)
    if not _is_anothers(record):
        target = os.path.realpath(where)  # its server is gone by now: this doesn't hang
        if not let_go(target, lazily=True):
            return False
        if record.made:
            with suppress(OSError):  # something was put there since
                os.rmdir(target)  # noqa: PTH106
    record.remove()
    return True


def _end(record: Record) -> None:
    # Ids and ticks are those of one run of one machine; without ticks nobody knows whose the id is.
    server, here = record.server, me()
    if server is None or server.ticks is None or (record.owner.host, record.owner.boot) != (here.host, here.boot):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not server.alive:
            return
        with suppress(OSError):
            os.kill(server.pid, number)
        _wait_for_end(server)


def _wait_for_end(server: Server) -> None:
    until = time.monotonic() + _POLITELY_S
    while server.alive and time.monotonic() < until:
        time.sleep(_TICK_S)


def _is_anothers(record: Record) -> bool:
    others = (each for each in table.everything() if each.token != record.token and each.where == record.where)
    return any(not each.abandoned for each in others)
