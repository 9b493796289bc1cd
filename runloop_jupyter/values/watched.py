"""A file that looks at the checkpoint on each read and write, for libraries with no batches of their own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import Checkpoint


class Watched(io.RawIOBase):
    """`file` as a library sees it. Closing it leaves `file` open."""

    def __init__(self, file: BinaryIO, checkpoint: Checkpoint) -> None:
        self._file = file
        self._checkpoint = checkpoint

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write `data` after a look at the checkpoint."""
        self._checkpoint()
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes after a look at the checkpoint."""
        self._checkpoint()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return where the file stands."""
        return self._file.tell()
