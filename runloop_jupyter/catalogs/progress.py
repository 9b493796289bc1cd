"""How far a walk is, for the other kernels of this machine: a small file that is replaced whole."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from pathlib import Path


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a walk is.

    Attributes:
        looked_ms: When new ones were last looked for, in milliseconds since 1970.
        walking: Whether it is on its way through what isn't known.
        trouble: Why it can't go on, in a line.
    """

    looked_ms: int | None = None
    walking: bool = False
    trouble: str | None = None

    def write(self, path: Path) -> None:
        """Let others read it. Where there is no room they go on with what they have read."""
        with suppress(OSError), atomic_writer(path, durable=False) as file:
            file.write(json.encode(self))


class Seen:
    """What another process wrote last.

    Args:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._read = Progress()

    def read(self) -> Progress:
        """Return it, reading only what is new."""
        with suppress(OSError, ValueError):
            stat = os.stat(self._path)  # noqa: PTH116 - once for each question
            stamp = stat.st_ino, stat.st_mtime_ns
            if stamp != self._stamp:
                self._read = json.decode(self._path.read_bytes(), Progress)
                self._stamp = stamp
        return self._read
