"""Bytes by their digest: ``blobs/blake3/<aa>/<hex>``, and beside each what it looked like when it was verified.

A blob is never written to under its name: it is renamed into place whole, without write permission. Its stamp,
``<hex>.stamp``, has size, modification time, inode and mode from when its digest was last known to be right; whatever
differs from that is no longer taken for these bytes. The stamp's own modification time is when the blob was last used
(access times are switched off, or late, on many disks).

Nothing here is synced to the disk, which would cost as much as fetching it. After a power cut a file may have its
size and its time and not its bytes; so the stamp says in which runs of the machine the bytes are known to be right,
and in another one they are hashed once before they are used.
"""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.paths import private_dir
from runloop_jupyter.process import boot_id
from runloop_jupyter.transfer import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USED_EVERY_S: Final = 60.0
READ_ONLY: Final = 0o400
_STAMP: Final = ".stamp"
_HEX_DIGITS: Final = 64
_BOOTS_KEPT: Final = 16  # machines may share a cache


@dataclass(frozen=True)
class Blob:
    """One blob as a scan finds it.

    Attributes:
        hex: Its BLAKE3 digest.
        size: In bytes; 0 where only a stamp is left.
        used: When it was last used, seconds since the epoch.
        whole: Whether both the bytes and their stamp are there.
    """

    hex: str
    size: int
    used: float
    whole: bool


class Blobs:
    """The blobs beneath one directory.

    Args:
        root: ``…/blobs``; made when something is first added.
    """

    def __init__(self, root: Path) -> None:
        self._root = root / "blake3"

    def path(self, hex_: str) -> Path:
        """Return where the blob with this digest is, if it is here."""
        return self._root / hex_[:2] / hex_

    def verified(self, hex_: str, size: int | None) -> os.stat_result | None:
        """Return what the blob looks like if it is here as it was verified, else None.

        Args:
            hex_: Its digest.
            size: How large it has to be; None where nobody knows.
        """
        path = self.path(hex_)
        try:
            there = path.lstat()
        except OSError:
            return None
        looks, _ = self._stamped(hex_)
        if not stat.S_ISREG(there.st_mode) or looks != _looks(there) or size not in {None, there.st_size}:
            return None
        return there

    def sound(self, hex_: str, size: int | None, hashed: Callable[[int], None]) -> os.stat_result | None:
        """Return as `verified` does, and make sure of the digest where the machine was started anew since.

        Args:
            hex_: Its digest.
            size: How large it has to be; None where nobody knows.
            hashed: Told the bytes of each step of hashing; may raise to stop.
        """
        there = self.verified(hex_, size)
        _, boots = self._stamped(hex_)
        if there is None or boot_id() in boots:
            return there
        try:
            if digest.of_file(self.path(hex_), hashed) != f"blake3:{hex_}" or _looks(there) != self._looks_now(hex_):
                return None
            self._write_stamp(hex_, there, boots)
        except OSError:
            return None
        return there

    def add(self, arrived: Path, hex_: str) -> None:
        """Take over a file whose digest is known to be `hex_`; where the same bytes are here already, it goes.

        Raises:
            OSError: No room, no permission.
        """
        arrived.chmod(READ_ONLY)
        there = arrived.lstat()
        if self.verified(hex_, there.st_size) and boot_id() in self._stamped(hex_)[1]:
            arrived.unlink()
            self.touch(hex_)
            return
        path = self.path(hex_)
        private_dir(path.parent)
        # The stamp first: without it a blob is nothing, and before its blob it is true of nothing.
        self._write_stamp(hex_, there, [])
        arrived.replace(path)

    def touch(self, hex_: str) -> None:
        """Write down that the blob is used now, if that wasn't written within the last minute."""
        with suppress(OSError):
            stamp, now = self._stamp(hex_), time.time()
            if abs(now - stamp.stat().st_mtime) > USED_EVERY_S:
                os.utime(stamp, (now, now))

    def files(self, hex_: str) -> list[Path]:
        """Return the paths of a blob and its stamp, whether or not they are here."""
        return [self.path(hex_), self._stamp(hex_)]

    def scan(self) -> Iterator[Blob]:
        """Yield the blobs, and what is left of some."""
        for folder in _entries(self._root):
            found = {entry.name: entry for entry in _entries(folder)}
            for hex_ in {name.removesuffix(_STAMP) for name in found}:
                blob, stamp = found.get(hex_), found.get(f"{hex_}{_STAMP}")
                if len(hex_) != _HEX_DIGITS or not (either := blob or stamp):
                    continue
                with suppress(OSError):  # another process removes it at this moment
                    size = blob.stat(follow_symlinks=False).st_size if blob else 0
                    there = either.stat(follow_symlinks=False)
                    used = stamp.stat(follow_symlinks=False).st_mtime if stamp else there.st_ctime
                    yield Blob(hex_, size, used, blob is not None and stamp is not None)

    def _stamped(self, hex_: str) -> tuple[list[int], list[str]]:
        """Return what a blob looked like and in which runs of the machine; nothing where that can't be read."""
        try:
            stamp = json.loads(self._stamp(hex_).read_bytes())
            return list(stamp["looks"]), list(stamp["boots"])
        except (OSError, ValueError, TypeError, KeyError):
            return [], []

    def _write_stamp(self, hex_: str, there: os.stat_result, boots: list[str]) -> None:
        stamp = {"looks": _looks(there), "boots": [*boots, boot_id()][-_BOOTS_KEPT:]}
        with atomic_writer(self._stamp(hex_), durable=False) as file:
            file.write(json.dumps(stamp).encode())

    def _looks_now(self, hex_: str) -> list[int]:
        return _looks(self.path(hex_).lstat())

    def _stamp(self, hex_: str) -> Path:
        return self.path(hex_).with_name(f"{hex_}{_STAMP}")


def _looks(there: os.stat_result) -> list[int]:
    # The mode too: what can be written may have been, by one who put its time back.
    return [there.st_size, there.st_mtime_ns, there.st_ino, there.st_mode]


def _entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
