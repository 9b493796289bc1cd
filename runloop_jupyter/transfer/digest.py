"""Digests as text, ``blake3:…`` or ``sha256:…``, over bytes that pass by."""

from __future__ import annotations

import hashlib
import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol, cast

import blake3

from runloop_jupyter.errors import TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO
    from pathlib import Path

DEFAULT: Final = "blake3"
CHUNK: Final = 2 << 20  # in the processor's cache when it is hashed, and short enough to stop within milliseconds
BUFFERS: Final = 3  # with two, each side waits for the other's slower moments
AHEAD_FROM: Final = 32 << 20  # bytes; of less, a thread costs what it saves


class Hasher(Protocol):
    """What every hash object offers."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take in `data`."""

    def hexdigest(self) -> str:
        """Return the digest so far in lower-case hex."""


_MAKERS: Final[dict[str, Callable[[], Hasher]]] = {"blake3": blake3.blake3, "sha256": hashlib.sha256}


def hasher(algorithm: str = DEFAULT) -> Hasher:
    """Return a new hasher, ``blake3`` or ``sha256``.

    Raises:
        TransferError: An algorithm this version doesn't know.
    """
    if algorithm not in _MAKERS:
        known = ", ".join(_MAKERS)
        raise TransferError(
            f"the digest algorithm “{algorithm}” is unknown here (known: {known}). Is this version old?"
        )
    return _MAKERS[algorithm]()


def of_file(path: Path, advance: Callable[[int], None], algorithm: str = DEFAULT) -> str:
    """Return the digest of a file, ``algorithm:hex``.

    Args:
        path: The file.
        advance: Told the bytes of each step; may raise to stop.
        algorithm: ``blake3`` or ``sha256``.

    Raises:
        OSError: The file can't be read.
    """
    digest = hasher(algorithm)
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        for piece in _ahead(file) if size >= AHEAD_FROM else _one_by_one(file, size):
            digest.update(piece)
            advance(len(piece))
    return f"{algorithm}:{digest.hexdigest()}"


def _one_by_one(file: FileIO, size: int) -> Iterator[memoryview]:
    buffer = bytearray(max(1, min(CHUNK, size)))
    while count := file.readinto(buffer):
        yield memoryview(buffer)[:count]


def _ahead(file: FileIO) -> Iterator[memoryview]:
    """Yield a file's pieces, the next two read while the last is hashed.

    By queues: a pool's futures take a sixth longer in all. No map of the file, which would be twice as fast: one that
    somebody cuts short meanwhile would end the kernel.
    """
    free: SimpleQueue[bytearray | None] = SimpleQueue()
    full: SimpleQueue[memoryview | Exception] = SimpleQueue()
    for _ in range(BUFFERS):
        free.put(bytearray(CHUNK))
    thread = threading.Thread(target=_read, args=(file, free, full), name="rl-digest", daemon=True)
    thread.start()
    try:
        while piece := full.get():
            if isinstance(piece, Exception):
                raise piece
            yield piece
            free.put(cast("bytearray", piece.obj))
    finally:
        free.put(None)
        thread.join()


def _read(file: FileIO, free: SimpleQueue[bytearray | None], full: SimpleQueue[memoryview | Exception]) -> None:
    """Fill buffers up to an empty one, the end of the file, or the error that is the last thing said."""
    try:
        while (buffer := free.get()) is not None:
            piece = memoryview(buffer)[: file.readinto(buffer)]
            full.put(piece)
            if not piece:
                return
    except Exception as error:
        full.put(error)
