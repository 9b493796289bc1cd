"""What several objects hold one after the other, as a seekable file that fetches only what is read."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import DigestMismatch
from runloop_jupyter.transfer import manifest, parts
from runloop_jupyter.transfer.parts import at, offsets
from runloop_jupyter.transfer.reader import RangeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.manifest import Part
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

_OPEN: Final = 4
"""Parts that are kept open; each keeps blocks of some megabytes."""


class PartsReader(io.RawIOBase):
    """Reads several objects as one file, by ranges, as `RangeReader` does one. Not thread-safe, as files are.

    Args:
        parts: What they are, in the order of the bytes.
        opened: Opens the one of that number; raises `TransferError` where it is gone.
    """

    def __init__(self, parts: Sequence[Part], opened: Callable[[int], RangeReader]) -> None:
        super().__init__()
        self._starts = offsets(parts)
        self._size = sum(part.size for part in parts)
        self._opened = opened
        self._position = 0
        self._open: OrderedDict[int, RangeReader] = OrderedDict()
        self._fetched = self._requests = 0

    @property
    def bytes_fetched(self) -> int:
        """Bytes that came over the wire so far."""
        return self._fetched + sum(each.bytes_fetched for each in self._open.values())

    @property
    def requests(self) -> int:
        """Requests made for them."""
        return self._requests + sum(each.requests for each in self._open.values())

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
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as one block goes; 0 at the end.

        Raises:
            TransferError: The bytes can't be had, or a part is gone.
        """
        if self._position >= self._size or not len(memoryview(buffer)):
            return 0
        number = at(self._starts, self._position)
        part = self._part(number)
        part.seek(self._position - self._starts[number])
        count = part.readinto(buffer)
        self._position += count
        return count

    def close(self) -> None:
        """Close it; what is on its way is dropped."""
        while self._open:
            self._forget()
        super().close()

    def _part(self, number: int) -> RangeReader:
        if number not in self._open:
            self._open[number] = self._opened(number)
            if len(self._open) > _OPEN:
                self._forget()
        self._open.move_to_end(number)
        return self._open[number]

    def _forget(self) -> None:
        _, reader = self._open.popitem(last=False)
        self._fetched += reader.bytes_fetched
        self._requests += reader.requests
        reader.close()


def of_set(objects: Objects, view: ObjectView, transfer: Transfer, *, ahead: bool = False) -> PartsReader:
    """Return what was too large for one object as a file.

    Args:
        objects: The store.
        view: Its head.
        transfer: Its `cancel` stops the reading.
        ahead: As `RangeReader` has it, within each part.

    Raises:
        TransferError: The list of its parts can't be had.
    """
    found = parts.read(objects, view, transfer)
    if found.size != manifest.size_of(view):
        raise DigestMismatch(f"“{view.name}” is not what was put: the list of its parts speaks of something else")

    def opened(number: int) -> RangeReader:
        member = parts.member(objects, found, number, view.name)
        return RangeReader(objects, member, transfer.checkpoint, ahead=ahead)

    return PartsReader(found.parts, opened)
