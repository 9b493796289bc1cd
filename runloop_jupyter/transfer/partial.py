"""A file that fills up in any order, over as many tries as it takes."""

from __future__ import annotations

import os
import sys
import threading
from typing import BinaryIO, Final

from runloop_jupyter.transfer.spans import Spans

PIECE: Final = 128 << 10
"""Bytes of one write: for more at once Linux gives the page cache larger pages, and finding those takes longer than
writing. Of 1 GiB on ext4, beside a connection that receives: 0.7 s of processor in pieces of 128 KiB, 1.1 to 1.9 s in
pieces of 512 KiB."""


class Partial:
    """An open file, and which of its bytes are there. Thread-safe but for `restart`.

    Args:
        file: Open for reading and writing; empty, or with the bytes that `there` says.
        there: The bytes that are there.
        etag: The ETag that they came under.

    Attributes:
        etag: The same; whoever writes says it.
        resumed: How many of its bytes an earlier download had brought.
    """

    def __init__(self, file: BinaryIO, there: Spans | None = None, etag: str | None = None) -> None:
        self._file = file
        self._there = there or Spans()
        self._lock = threading.Lock()
        self.etag = etag
        self.resumed = self._there.total

    @property
    def is_kept(self) -> bool:
        """Whether there is something that another download could go on with."""
        return False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def write(self, data: memoryview, position: int) -> None:
        """Write all of `data` at a position.

        Raises:
            OSError: No room.
        """
        start = position
        while data:
            count = os.pwrite(self.fileno(), data[:PIECE], position)
            data, position = data[count:], position + count
        with self._lock:
            self._there.add(start, position)

    @property
    def there(self) -> Spans:
        """Which bytes are there, at this moment."""
        with self._lock:
            return self._there.copy()

    @property
    def prefix(self) -> int:
        """How many bytes are there from the beginning on without a gap."""
        with self._lock:
            return self._there.prefix

    def restart(self) -> None:
        """Nothing is there any more."""
        with self._lock:
            self._there.clear()
        self.etag, self.resumed = None, 0
        os.ftruncate(self.fileno(), 0)

    def allocate(self, size: int) -> None:
        """Have room for `size` bytes given now, where the filesystem can: a full disk is then told early.

        Raises:
            OSError: There is no room.
        """
        _allocate(self.fileno(), size)

    def save(self) -> None:
        """Write down what is there, where that outlives this process; often is not too often."""

    def only_under(self, *, digest: bool) -> None:
        """Keep what an earlier download brought only if it can be told to be of the same bytes.

        Args:
            digest: Whether the whole will be held against one.
        """


def is_strong(etag: str | None) -> bool:
    """Whether an ETag stands for the very same bytes."""
    return bool(etag) and not str(etag).startswith("W/")


def _allocate(fd: int, size: int) -> None:
    if sys.platform != "linux":
        return
    # Not `os.posix_fallocate`: where a filesystem can't (NFS), that one writes into every block.
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(fd, 0, ctypes.c_int64(0), ctypes.c_int64(size)) != 0:
        import errno

        code = ctypes.get_errno()
        if code in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise OSError(code, os.strerror(code))
