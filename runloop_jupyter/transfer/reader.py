"""A stored object as a seekable file that fetches only what is read."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from runloop_jupyter import errors
from runloop_jupyter.transfer.ahead import Ahead
from runloop_jupyter.transfer.fetching import Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.wire.objects import ObjectView

BLOCK: Final = 64 << 10  # a Parquet footer, or the first page of a column, is most often one of these
BLOCKS_KEPT: Final = 128
READ_AHEAD: Final = 16  # blocks at most in one request while the reading goes straight on
LARGE: Final = 1 << 20
"""Bytes from which on a read is fetched as it is, and not kept."""
VERY_LARGE: Final = 8 << 20
"""Bytes from which on a read is worth several connections."""
STRAIGHT: Final = 4 << 20
"""Bytes that are read straight on before others are fetched ahead, on threads beside."""
STEPS: Final = 4
"""In how many reads at the least: a column of a Parquet file is one large read and the rest of a block, and what comes
after it isn't wanted."""


class RangeReader(io.RawIOBase):
    """Reads an object by ranges.

    Few bytes come by blocks of 64 KiB, the last 128 kept; many come as they are asked for. Reading straight on
    doubles how many blocks come with each request. Not thread-safe, as files are.

    Args:
        objects: The store.
        view: The object, READ_ONLY.
        checkpoint: Called before each request; may raise to stop.
        ahead: Whether what follows is fetched ahead while some megabytes are read straight on, at most half as much
            as was read: for whoever may read it all, not for a look.
    """

    def __init__(
        self,
        objects: Objects,
        view: ObjectView,
        checkpoint: Callable[[], None] = lambda: None,
        *,
        ahead: bool = False,
    ) -> None:
        super().__init__()
        if view.size_bytes is None:
            raise errors.TransferError(f"“{view.name}” has no bytes yet (state {view.state})")
        self._size = view.size_bytes
        self._parts = Parts(objects, view, checkpoint)
        self._coming = Ahead(self._parts, self._size, checkpoint)
        self._goes_ahead = ahead
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = -1
        self._ahead = 1
        self._expected = -1
        self._straight = 0
        self._steps = 0

    @property
    def bytes_fetched(self) -> int:
        """Bytes that came over the wire so far."""
        return self._parts.bytes_fetched

    @property
    def requests(self) -> int:
        """Requests made for them."""
        return self._parts.requests

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

    def close(self) -> None:
        """Close it; what is on its way is dropped."""
        self._coming.drop()
        super().close()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill `buffer`, or as much of it as comes at once; 0 at the end.

        Raises:
            TransferError: The bytes can't be had, or changed meanwhile.
        """
        room = memoryview(buffer).cast("B")[: max(0, self._size - self._position)]
        if not room:
            return 0
        if self._position != self._expected:
            self._straight = self._steps = 0
            self._coming.drop()
        count = self._from_block(room) or self._from_ahead(room) or self._as_it_is(room) or self._by_blocks(room)
        self._position += count
        self._straight += count
        self._steps += 1
        self._expected = self._position
        return count

    def _from_block(self, room: memoryview) -> int:
        number, within = divmod(self._position, BLOCK)
        if number not in self._blocks:
            return 0
        self._blocks.move_to_end(number)
        piece = self._blocks[number][within : within + len(room)]
        room[: len(piece)] = piece
        return len(piece)

    def _from_ahead(self, room: memoryview) -> int:
        if self._parts.ignored:
            return 0
        if len(room) >= VERY_LARGE:
            self._coming.bring(self._position, self._position + len(room))
        elif self._goes_ahead and self._straight >= STRAIGHT and self._steps >= STEPS:
            self._coming.bring(self._position, self._position + max(len(room), self._straight // 2))
        return self._coming.take(self._position, room)

    def _as_it_is(self, room: memoryview) -> int:
        if len(room) < LARGE:
            return 0
        self._parts.fetch(self._position, room)
        return len(room)

    def _by_blocks(self, room: memoryview) -> int:
        number, within = divmod(self._position, BLOCK)
        wanted = -(-(within + len(room)) // BLOCK)
        self._ahead = min(self._ahead * 2, READ_AHEAD) if number == self._next_block else 1
        self._fetch(number, max(wanted, self._ahead))
        return self._from_block(room)

    def _fetch(self, number: int, count: int) -> None:
        start = number * BLOCK
        data = bytearray(min(count * BLOCK, self._size - start))
        self._parts.fetch(start, memoryview(data))
        for offset in range(0, len(data), BLOCK):
            self._blocks[number + offset // BLOCK] = bytes(data[offset : offset + BLOCK])
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        self._next_block = number + -(-len(data) // BLOCK)


def buffered(reader: io.RawIOBase) -> BinaryIO:
    """Return `reader` as a file for a library: its reads of a few bytes don't come through Python each."""
    return cast("BinaryIO", io.BufferedReader(reader, buffer_size=BLOCK))
