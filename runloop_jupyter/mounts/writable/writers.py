"""Whether somebody has a file open for writing: what he writes after the file was replaced would be lost."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress
from typing import Final

_F_SETSIG: Final = 10  # asm-generic/fcntl.h


def being_written(path: str) -> bool:
    """Whether any process of this machine has a file open for writing, as far as the system tells.

    Linux gives a read lease only on a file that nobody writes. Elsewhere, on network disks and for files of other
    users nobody can tell, and the answer is no.
    """
    set_lease = getattr(fcntl, "F_SETLEASE", None)
    if set_lease is None:
        return False
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Who opens it for writing in this moment waits for the lease to end, and the system tells its holder by a
        # signal: by default SIGIO, which ends a process; this one is passed over by all who don't ask for it.
        fcntl.fcntl(fd, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, set_lease, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        with suppress(OSError):
            fcntl.fcntl(fd, set_lease, fcntl.F_UNLCK)
        return False
    finally:
        os.close(fd)
