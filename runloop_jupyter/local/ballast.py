"""Room set aside on the store's disk and given up when that is full: deleting needs room before it makes any."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.local.blobs import NO_ROOM

if TYPE_CHECKING:
    from pathlib import Path

_BYTES: Final = 4 << 20
_LEAST_BYTES: Final = 512 << 10
# What a start needs: the state file, a log's first pages.
_START_BYTES: Final = 128 << 10


def no_room(error: BaseException) -> bool:
    """Return whether `error` means a full disk, a quota or a limit on the size of files."""
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
    return isinstance(error, OSError) and error.errno in NO_ROOM


class Ballast:
    """A file of four megabytes, or what there is room for, that means nothing. Belongs to the database's thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if shutil.disk_usage(path.parent).free < _START_BYTES:
            self.give_up()

    def take(self) -> None:
        """Set the room aside, where it isn't yet."""
        size = min(_BYTES, shutil.disk_usage(self._path.parent).free - _START_BYTES)
        if self._path.exists() or size < _LEAST_BYTES:
            return
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # Random bytes: a filesystem that compresses would set nothing aside for zeros.
            view = memoryview(os.urandom(size))
            while view:
                view = view[os.write(fd, view) :]
        except OSError:
            self.give_up()
        finally:
            os.close(fd)

    def give_up(self) -> bool:
        """Free the room; return whether there was any to free."""
        with suppress(FileNotFoundError):
            self._path.unlink()
            return True
        return False
