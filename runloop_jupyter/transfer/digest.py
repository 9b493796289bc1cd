"""Digests as text, ``blake3:…`` or ``sha256:…``, over bytes that pass by."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

import blake3

from runloop_jupyter.errors import TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO
    from pathlib import Path

DEFAULT: Final = "blake3"
CHUNK: Final = 2 << 20  # in the processor's cache when it is hashed, and short enough to stop within milliseconds
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
    """Yield a file's pieces, the next one read while the last is hashed: a gibibyte in 0.26 s where it took 0.4.

    No map of the file, which would be twice as fast: one that somebody cuts short meanwhile would end the kernel.
    """
    buffers = bytearray(CHUNK), bytearray(CHUNK)
    with ThreadPoolExecutor(1, thread_name_prefix="rl-digest") as thread:
        number, reading = 0, thread.submit(file.readinto, buffers[0])
        while count := reading.result():
            piece = memoryview(buffers[number])[:count]
            number = 1 - number
            reading = thread.submit(file.readinto, buffers[number])
            yield piece
