"""Whether this machine lets root mount by FUSE at all: asked of the system itself, past everything that is tested."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NOSUID_NODEV = 2 | 4
_DETACH = 2


def refusal(directory: Path) -> str | None:
    """Mount at an empty directory, unmount, and return why the system refuses; None where it doesn't."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    try:
        how = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        if libc.mount(b"test", os.fsencode(directory), b"fuse", _NOSUID_NODEV, how.encode()):
            return os.strerror(ctypes.get_errno())
        libc.umount2(os.fsencode(directory), _DETACH)
        return None
    finally:
        os.close(device)
