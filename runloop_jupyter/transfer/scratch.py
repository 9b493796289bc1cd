"""Bytes on their way: files that nobody else reads, and that go when what they are for is done."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.paths import cache_dir, private_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHUNK: Final = 4 << 20


def chunks(
    file: BinaryIO,
    size: int,
    checkpoint: Callable[[], None],
    short: Callable[[], Exception] = lambda: errors.TransferError("a part came short"),
) -> Iterator[memoryview]:
    """Yield `size` bytes of a file from where it stands; each is good until the next."""
    buffer = memoryview(bytearray(min(_CHUNK, size)))
    while size:
        checkpoint()
        count = file.readinto(buffer[: min(size, len(buffer))])  # type: ignore[attr-defined]
        if not count:
            raise short()
        size -= count
        yield buffer[:count]


@contextmanager
def fresh(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, readable to nobody else, in place of what was there."""
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w+b") as file:  # noqa: PTH123 - a descriptor, not a path
        yield file


@contextmanager
def scratch() -> Iterator[BinaryIO]:
    """Open a file without a name."""
    path = temporary_beside(private_dir(cache_dir() / "spool") / "part")
    with fresh(path) as file:
        path.unlink()
        yield file
