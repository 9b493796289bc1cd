"""Files that appear whole or not at all: write beside, fsync, rename, fsync the directory."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def fsync_dir(directory: Path) -> None:
    """Make the names in `directory` durable, so that a rename survives a power cut."""
    fd = os.open(directory, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def temporary_beside(path: Path) -> Path:
    """Return an unused hidden name in `path`'s directory; a rename from it stays on one filesystem."""
    return path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")


@contextmanager
def atomic_writer(path: Path, *, mode: int = 0o600, durable: bool = True, settled: bool = True) -> Iterator[BinaryIO]:
    """Open a file that takes the name `path` when the block ends well, and vanishes when it doesn't.

    Args:
        path: The final name; its directory exists.
        mode: Permission bits of the file, less the umask.
        durable: Make it survive a power cut. What can be fetched again need not, and an fsync of a large file costs
            as much as fetching it.
        settled: Of what is durable, the name too. Otherwise whoever writes many into one directory does `fsync_dir`
            once; until then a power cut may take the file as a whole, never a part of it.

    Raises:
        OSError: No room, no permission.
    """
    temporary = temporary_beside(path)
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "w+b") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable and settled:
            fsync_dir(path.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a small file whole. Raises OSError as `atomic_writer` does."""
    with atomic_writer(path, mode=mode) as file:
        file.write(data)
