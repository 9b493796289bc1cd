"""The digest of a file that is still arriving: its bytes are taken in as soon as all before them are there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.transfer.partial import Partial

STEP: Final = 2 << 20  # bytes read back at once: hardly ever from the disk, for they were just written


class Check:
    """Takes in a partial file from its beginning on.

    Args:
        partial: The file.
        algorithm: ``blake3`` or ``sha256``; None to take in nothing.
        size: How large it will be, in bytes, where that is known: whether several threads are worth it.

    Raises:
        TransferError: An algorithm this version doesn't know.
    """

    def __init__(self, partial: Partial, algorithm: str | None, size: int | None) -> None:
        self._partial = partial
        self._algorithm = algorithm
        self._size = size
        self._buffer: memoryview | None = None
        self.restart()

    def restart(self) -> None:
        """Begin again from nothing."""
        self._position = 0
        self._hasher = digest.hasher(self._algorithm) if self._algorithm else None

    def take(self, data: memoryview, position: int) -> None:
        """Take in bytes that have just been written, if they are the next: they needn't be read back then."""
        if self._hasher is not None and position == self._position:
            self._hasher.update(data)
            self._position += len(data)

    def catch_up(self, checkpoint: Callable[[], None], *, least: int = 1) -> None:
        """Take in what is there from the beginning on without a gap.

        Args:
            checkpoint: Called at each step; may raise to stop.
            least: Bytes that a step is worth; fewer are left for later.

        Raises:
            OSError: It can't be read back.
        """
        while self._hasher is not None and (count := min(STEP, self._partial.prefix - self._position)) >= least:
            checkpoint()
            if self._buffer is None:
                self._buffer = memoryview(bytearray(STEP))
            count = os.preadv(self._partial.fileno(), [self._buffer[:count]], self._position)
            if not count:
                raise errors.TransferError("what was fetched can't be read back: the file was cut off meanwhile")
            self._hasher.update(self._buffer[:count])
            self._position += count

    def hexdigest(self) -> str:
        """Return the digest so far, in hex; empty where nothing is taken in."""
        return self._hasher.hexdigest() if self._hasher else ""
