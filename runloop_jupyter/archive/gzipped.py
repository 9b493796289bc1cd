"""gzip by isal, on threads of its own: one packs while another reads, one unpacks while another writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from isal import igzip, igzip_threaded

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_LEVEL: Final = 2
"""Of isal's 0 to 3; higher costs much and gains little on data."""
_MOST_THREADS: Final = 4
_BLOCK: Final = 1 << 20
_AHEAD: Final = 256 << 10
"""Of what is unpacked ahead; eight times as much is read of the packed."""


def writer(file: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Return a file that packs what is written into `file`, at its close the last of it.

    Each block of a mebibyte is packed by itself, so that the bytes don't depend on the number of cores.
    """
    opened = igzip_threaded.open(
        file, "wb", compresslevel=_LEVEL, threads=min(_MOST_THREADS, _cores()), block_size=_BLOCK
    )  # type: ignore[no-untyped-call]
    return cast("AbstractContextManager[BinaryIO]", opened)


def reader(file: BinaryIO, *, ahead: bool) -> BinaryIO:
    """Return a file that gives what is packed in `file`.

    Args:
        file: The packed bytes, from where it stands.
        ahead: Whether they are unpacked ahead on another thread; then more of `file` is read than is asked for.
    """
    if ahead:
        return cast("BinaryIO", igzip_threaded.open(file, "rb", block_size=_AHEAD))  # type: ignore[no-untyped-call]
    return cast("BinaryIO", igzip.IGzipFile(fileobj=file, mode="rb"))  # type: ignore[no-untyped-call]


def packed_size(data: bytes) -> int:
    """Return how many bytes `data` is when it is packed."""
    return len(igzip.compress(data, _LEVEL))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))  # of a pod, those that it may use
    except AttributeError:
        return os.cpu_count() or 1
