"""A file's bytes into another file: shared by the disk where it can (a reflink), copied by the system where it can't.

Never a hard link: what is copied is its owner's to change.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FICLONE: Final = 0x40049409  # linux/fs.h: _IOW(0x94, 9, int)
CHUNK: Final = 16 << 20  # a quarter of a second on a slow disk: Ctrl-C is heard in between


def copy(source: BinaryIO, target: BinaryIO, moved: Callable[[int], None]) -> None:
    """Write all of `source` into the empty file `target`.

    Args:
        source: A file on disk.
        target: Open for writing, empty.
        moved: Told the bytes of each step; may raise to stop.

    Raises:
        OSError: No room.
    """
    size = os.fstat(source.fileno()).st_size
    if reflinked(source, target):
        moved(size)
        return
    done = 0
    if hasattr(os, "copy_file_range"):
        with suppress(OSError):  # across disks, or one that can't; what is done stays done
            while done < size and (n := os.copy_file_range(source.fileno(), target.fileno(), CHUNK, done, done)):
                done += n
                moved(n)
    source.seek(done)
    target.seek(done)
    while chunk := source.read(1 << 20):
        target.write(chunk)
        moved(len(chunk))


def reflinked(source: BinaryIO, target: BinaryIO) -> bool:
    """Let an empty file share the bytes of another until either is written to; return whether the disk can."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
    except OSError:
        return False
    return True
