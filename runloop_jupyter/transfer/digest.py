"""Digests as text, ``blake3:…`` or ``sha256:…``, over bytes that pass by."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Protocol

import blake3

from runloop_jupyter.errors import TransferError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEFAULT: Final = "blake3"
CHUNK: Final = 4 << 20  # long enough for blake3 to fill its vectors, short enough to stop within milliseconds


class Hasher(Protocol):
    """What every hash object offers."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take in `data`."""

    def hexdigest(self) -> str:
        """Return the digest so far in lower-case hex."""


_MAKERS: Final[dict[str, Callable[[], Hasher]]] = {"blake3": blake3.blake3, "sha256": hashlib.sha256}
THREADS_FROM: Final = 64 << 20  # bytes; below, waking threads costs what they save


def hasher(algorithm: str = DEFAULT, size: int | None = None) -> Hasher:
    """Return a new hasher.

    Args:
        algorithm: ``blake3`` or ``sha256``.
        size: How many bytes it will be given, where that is known: blake3 of many takes all cores, if it gets them in
            pieces of some MiB.

    Raises:
        TransferError: An algorithm this version doesn't know.
    """
    if algorithm not in _MAKERS:
        known = ", ".join(_MAKERS)
        raise TransferError(
            f"the digest algorithm “{algorithm}” is unknown here (known: {known}). Is this version old?"
        )
    if algorithm == "blake3" and size is not None and size >= THREADS_FROM:
        return blake3.blake3(max_threads=blake3.blake3.AUTO)
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
    digest = hasher(algorithm, path.stat().st_size)
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
            advance(count)
    return f"{algorithm}:{digest.hexdigest()}"
