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


def commit(temporary: Path, path: Path) -> None:
    """Give a finished, fsynced `temporary` its final name, durably. An existing `path` is replaced in one step."""
    temporary.replace(path)
    fsync_dir(path.parent)


@contextmanager
def atomic_writer(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a file that takes the name `path` when the block ends well, and vanishes when it doesn't.

    Args:
        path: The final name; its directory exists.
        mode: Permission bits of the file.

    Raises:
        OSError: No room, no permission.
    """
    temporary = temporary_beside(path)
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "w+b") as file:  # noqa: PTH123 - a descriptor, not a path
            yield file
            file.flush()
            os.fsync(file.fileno())
        commit(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a small file whole. Raises OSError as `atomic_writer` does."""
    with atomic_writer(path, mode=mode) as file:
        file.write(data)
