"""What is in use: blobs that were opened, or given out as a path, in the life of a process.

Each process writes one file, ``leases/<token>``: a line that names it, then a line for each blob. The lease of a
process that has ended is void, and its file is removed by whoever finds it; so a kernel that was killed holds nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from runloop_jupyter.paths import private_dir
from runloop_jupyter.transfer.journal import Owner, me

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A process on another machine can't be asked whether it lives: its lease holds so long after it last took something.
SILENCE_S: Final = 7 * 24 * 3600


class Leases:
    """The leases beneath one directory, and this process's own.

    Args:
        root: ``…/leases``; made when something is first taken.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._mine: set[str] = set()
        self._token = ""
        self._pid = 0

    def take(self, hex_: str) -> None:
        """Spare a blob as long as this process lives. To be called before one looks whether the blob is here.

        Raises:
            OSError: No room, no permission.
        """
        with self._lock:
            path = self._own()
            if hex_ in self._mine and path.exists():
                return
            _append(path, f"{hex_}\n")
            self._mine.add(hex_)

    def token(self) -> str:
        """Return what stands for this process for as long as it lives.

        Raises:
            OSError: No room, no permission.
        """
        with self._lock:
            return self._own().name

    def held(self) -> set[str]:
        """Return the blobs that some living process uses; remove the files of those that have ended."""
        return {hex_ for path in self._living() for hex_ in _lines(path)[1:]}

    def tokens(self) -> set[str]:
        """Return what stands for the living processes that use something."""
        return {path.name for path in self._living()}

    def release(self) -> None:
        """Give back what this process took: it ends. A forked child leaves its parent's alone."""
        with self._lock:
            if self._token and self._pid == os.getpid():
                with suppress(OSError):
                    (self._root / self._token).unlink()
            self._mine, self._token = set(), ""

    def _own(self) -> Path:
        if not self._token or self._pid != os.getpid():  # a forked child takes for itself
            self._mine, self._token, self._pid = set(), secrets.token_hex(8), os.getpid()
        path = self._root / self._token
        if not path.exists():  # new, or the whole cache was removed by hand
            private_dir(self._root)
            _append(path, json.dumps(asdict(me())) + "\n" + "".join(f"{each}\n" for each in self._mine))
        return path

    def _living(self) -> Iterator[Path]:
        try:
            names = os.listdir(self._root)  # noqa: PTH208 - names are all that is wanted
        except OSError:
            return
        for path in (self._root / name for name in names):
            if _is_void(path):
                with suppress(OSError):
                    path.unlink()
            else:
                yield path


def _is_void(path: Path) -> bool:
    lines = _lines(path)
    try:
        alive = Owner(**json.loads(lines[0])).alive
    except (IndexError, ValueError, TypeError):
        alive = None  # it is being written, or is another version's
    if alive is not None:
        return not alive
    try:
        return time.time() - path.stat().st_mtime > SILENCE_S
    except OSError:
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _append(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
