"""Digests of files that were hashed before: what a file looks like from outside tells whether it is still the same.

``RUNLOOP_JUPYTER_CACHE/seen/<hash of the folder's path>`` has a line for each file of one folder. What it looked like
is device, inode, size, and both of its times; nobody can put back the time of a file's last change of any kind
(ctime). A file that was changed a moment before it was hashed could be changed again within the same tick of its
disk's clock, and look the same: such a one is not written down (what git calls racily clean).
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import blake3

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.paths import cache_dir, private_dir

if TYPE_CHECKING:
    from pathlib import Path

TICK_NS: Final = 2_000_000_000
"""The coarsest clock of a disk that is still about (FAT's)."""
KEPT_S: Final = 30 * 24 * 3600

_Looks = tuple[int, int, int, int, int]


class Seen:
    """What is known of the files of one folder.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        mark = blake3.blake3(os.fsencode(folder.resolve())).hexdigest()[:32]
        self._path = private_dir(cache_dir() / "seen") / mark
        self._known = _read(self._path)
        self._now: dict[_Looks, str] = {}

    def digest(self, there: os.stat_result) -> str | None:
        """Return the digest of the file that looks so, None where it isn't known."""
        found = self._known.get(_looks(there))
        if found is not None:
            self._now[_looks(there)] = found
        return found

    def note(self, there: os.stat_result, digest: str, began_ns: int) -> None:
        """Write down a digest.

        Args:
            there: What the file looked like, before and after it was hashed.
            digest: Of its bytes.
            began_ns: When the hashing began, nanoseconds since the epoch.
        """
        if max(there.st_mtime_ns, there.st_ctime_ns) + TICK_NS < began_ns:
            self._now[_looks(there)] = digest

    def save(self) -> None:
        """Keep what was asked for or written down; what wasn't is forgotten. A full disk costs only time, later."""
        with suppress(OSError):
            with atomic_writer(self._path, durable=False) as file:
                for looks, digest in self._now.items():
                    file.write(json.dumps([*looks, digest]).encode() + b"\n")
            for path in self._path.parent.iterdir():
                if time.time() - path.stat().st_mtime > KEPT_S:
                    path.unlink()


def _looks(there: os.stat_result) -> _Looks:
    return there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns


def _read(path: Path) -> dict[_Looks, str]:
    known: dict[_Looks, str] = {}
    with suppress(OSError), path.open("rb") as file:
        for line in file:
            with suppress(ValueError, TypeError):  # cut off, or another version's
                device, inode, size, mtime, ctime, digest = json.loads(line)
                if isinstance(digest, str) and digest.startswith("blake3:"):
                    known[device, inode, size, mtime, ctime] = digest
    return known
