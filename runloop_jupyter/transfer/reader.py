"""A stored object as a seekable file that fetches only what is read."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from runloop_jupyter import errors
from runloop_jupyter.transfer import presigned

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.secret import Secret
    from runloop_jupyter.wire.objects import ObjectView

BLOCK: Final = 64 << 10  # a Parquet footer, or the first page of a column, is most often one of these
BLOCKS_KEPT: Final = 128
READ_AHEAD: Final = 16  # blocks at most in one request while the reading goes straight on


class RangeReader(io.RawIOBase):
    """Reads an object by ranges.

    Blocks of 64 KiB, the last 128 kept; reading straight on doubles how many come with each request. Not
    thread-safe, as files are.

    Args:
        objects: The store.
        view: The object, READ_ONLY.
        checkpoint: Called before each request; may raise to stop.

    Attributes:
        bytes_fetched: Bytes that came over the wire so far.
        requests: Requests made for them.
    """

    def __init__(self, objects: Objects, view: ObjectView, checkpoint: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        if view.size_bytes is None:
            raise errors.TransferError(f"“{view.name}” has no bytes yet (state {view.state})")
        self.bytes_fetched = 0
        self.requests = 0
        self._objects = objects
        self._view = view
        self._checkpoint = checkpoint
        self._size = view.size_bytes
        self._url: Secret | None = None
        self._etag: str | None = None
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block = -1
        self._ahead = 1

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
            TransferError: The bytes can't be had, or changed meanwhile.
        """
        room = memoryview(buffer).cast("B")
        if self._position >= self._size or not len(room):
            return 0
        number, within = divmod(self._position, BLOCK)
        wanted = -(-(within + len(room)) // BLOCK)
        piece = self._block(number, wanted)[within : within + len(room)]
        room[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block(self, number: int, wanted: int) -> bytes:
        if number not in self._blocks:
            self._ahead = min(self._ahead * 2, READ_AHEAD) if number == self._next_block else 1
            self._fetch(number, min(max(wanted, self._ahead), BLOCKS_KEPT // 2))
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, number: int, count: int) -> None:
        start = number * BLOCK
        stop = min(start + count * BLOCK, self._size)
        data = self._range(start, stop)
        for offset in range(0, len(data), BLOCK):
            self._blocks[number + offset // BLOCK] = data[offset : offset + BLOCK]
        while len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        self._next_block = number + -(-len(data) // BLOCK)

    def _range(self, start: int, stop: int) -> bytes:
        tries = presigned.Tries(f"“{self._view.name}” couldn't be read", self._checkpoint)
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={start}-{stop - 1}"}
        while True:
            self._checkpoint()
            if self._url is None:
                self._url = self._objects.download_url(self._view.id)
            try:
                with presigned.request("GET", self._url, headers=headers) as response:
                    return self._take(response, start, stop)
            except presigned.Retryable as error:
                tries.failed(error)
            except errors.LinkExpired as error:
                self._url = None
                tries.failed(error)

    def _take(self, response: httpx.Response, start: int, stop: int) -> bytes:
        self.requests += 1
        self._check_same(response)
        skip = start  # a server without ranges sends all from the start
        if response.status_code == 206:
            if presigned.first_byte(response.headers) != start:
                raise presigned.Retryable("the store sent another part than was asked for")
            skip = 0
        data = bytearray()
        for chunk in response.iter_raw(BLOCK):
            self.bytes_fetched += len(chunk)
            data += chunk[skip:] if skip < len(chunk) else b""
            skip = max(0, skip - len(chunk))
            if len(data) >= stop - start:
                break
        if len(data) < stop - start:
            raise presigned.Retryable("the connection ended early")
        return bytes(data[: stop - start])

    def _check_same(self, response: httpx.Response) -> None:
        # Compared here rather than with If-Match: a condition is for the server to ignore.
        etag = response.headers.get("etag")
        if self._etag and etag and etag != self._etag:
            raise errors.TransferError(f"“{self._view.name}” changed in the store while it was read. Open it again")
        self._etag = etag or self._etag


def buffered(reader: io.RawIOBase) -> BinaryIO:
    """Return `reader` as a file for a library: its reads of a few bytes don't come through Python each."""
    return cast("BinaryIO", io.BufferedReader(reader, buffer_size=BLOCK))
