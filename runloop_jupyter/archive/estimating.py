"""How much room a folder's archive will take, from a look at its tree and a few samples."""

from __future__ import annotations

import heapq
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.gzipped import packed_size
from runloop_jupyter.archive.walking import Walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SAMPLED: Final = 16
"""Files to take samples of: the largest, which decide."""
_SAMPLES: Final = 4
_SAMPLE_BYTES: Final = 64 << 10
_PER_ENTRY: Final = 128
"""Packed bytes of a header."""


@dataclass(frozen=True)
class Estimate:
    """What a folder comes to, as far as a look tells.

    Attributes:
        entries: Files, links and folders.
        files: Files.
        bytes: Content of the files.
        packed: Bytes that the archive will take, about.
    """

    entries: int
    files: int
    bytes: int
    packed: int


def estimate(directory: Path, *, include_secrets: bool, checkpoint: Callable[[], None]) -> Estimate:
    """Return what packing `directory` will come to. Little of it is read.

    Args:
        directory: As for `pack`.
        include_secrets: As for `pack`.
        checkpoint: Called for each entry and sample; raises to stop.

    Raises:
        ArchiveError: As for `pack`, where it is seen already.
    """
    entries = files = total = 0
    largest: list[tuple[int, str]] = []
    for found in Walk(directory, include_secrets=include_secrets, checkpoint=checkpoint):
        entries += 1
        files += stat.S_ISREG(found.stat.st_mode)
        if stat.S_ISREG(found.stat.st_mode) and found.stat.st_size:
            total += found.stat.st_size
            heapq.heappush(largest, (found.stat.st_size, found.path))
            if len(largest) > _SAMPLED:
                heapq.heappop(largest)
    sampled = packed = 0.0
    for size, path in largest:
        checkpoint()
        sampled += size
        packed += size * _ratio(directory / path, size)
    ratio = packed / sampled if sampled else 1.0
    return Estimate(entries, files, total, round(total * min(ratio, 1.0)) + entries * _PER_ENTRY)


def _ratio(path: Path, size: int) -> float:
    """Return packed to plain bytes of a file, by pieces from its beginning to its end."""
    plain = packed = 0
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 1.0  # packing will say what is wrong with it
    try:
        for number in range(_SAMPLES):
            piece = os.pread(fd, _SAMPLE_BYTES, max(0, size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
            plain += len(piece)
            packed += packed_size(piece)
            if size <= _SAMPLE_BYTES:
                break
    except OSError:
        return 1.0
    finally:
        os.close(fd)
    return packed / plain if plain else 1.0
