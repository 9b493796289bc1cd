"""A set as a seekable file that fetches only what is read."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import DigestMismatch
from runloop_jupyter.transfer import manifest, parts
from runloop_jupyter.transfer.reader import RangeReader

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

_OPEN: Final = 4
"""Parts that are kept open; each keeps blocks of some megabytes."""


class PartsReader(io.RawIOBase):
    """Reads a set by ranges of its parts, as `RangeReader` does one object. Not thread-safe, as files are.

    Args:
        objects: The store.
        view: Its head.
        transfer: Its `cancel` stops the reading.
        ahead: As `RangeReader` has it, within each part.

    Raises:
        TransferError: The list of its parts can't be had.
    """

    def __init__(self, objects: Objects, view: ObjectView, transfer: Transfer, *, ahead: bool = False) -> None:
        super().__init__()
        self._goes_ahead = ahead
        found = parts.read(objects, view, transfer)
        if found.size != manifest.size_of(view):
            raise DigestMismatch(f"“{view.name}” is not what was put: the list of its parts speaks of something else")
        self._objects = objects
        self._view = view
        self._found = found
        self._transfer = transfer
        self._starts = parts.offsets(found)
        self._position = 0
        self._open: OrderedDict[int, RangeReader] = OrderedDict()
        self._fetched = 0

    @property
    def bytes_fetched(self) -> int:
        """Bytes that came over the wire so far."""
        return self._fetched + sum(each.bytes_fetched for each in self._open.values())

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._found.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as one block goes; 0 at the end.

        Raises:
            TransferError: The bytes can't be had, or a part is gone.
        """
        if self._position >= self._found.size or not len(memoryview(buffer)):
            return 0
        number = parts.at(self._starts, self._position)
        part = self._part(number)
        part.seek(self._position - self._starts[number])
        count = part.readinto(buffer)
        self._position += count
        return count

    def _part(self, number: int) -> RangeReader:
        if number not in self._open:
            view = parts.member(self._objects, self._found, number, self._view.name)
            self._open[number] = RangeReader(self._objects, view, self._transfer.checkpoint, ahead=self._goes_ahead)
            if len(self._open) > _OPEN:
                self._fetched += self._open.popitem(last=False)[1].bytes_fetched
        self._open.move_to_end(number)
        return self._open[number]
