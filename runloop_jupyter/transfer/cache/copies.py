"""Files that their user may change: a folder's, unpacked, and what was fetched past the cache.

``copies/<token>/<n>/NAME``, the token that of the process's lease. A copy is given out again to the same process as
long as nobody changed anything in it: a cell that is run twenty times makes one copy, and a change in one never shows
up in the next. It goes when its process has ended. One that was changed stays for another week after its last
change, for it may hold somebody's work; ``--to`` is for what shall stay.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import blake3

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.paths import private_dir
from runloop_jupyter.transfer.cache.listing import folders, listed, unlink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runloop_jupyter.transfer.cache.leases import Leases

CHANGED_KEPT_S: Final = 7 * 24 * 3600
_STAMP: Final = ".stamp"


@dataclass(frozen=True)
class Copy:
    """One copy as a scan finds it.

    Attributes:
        folder: The directory it stands in.
        in_use: Whether the process that it was made for still runs.
        changed: When something in it was last changed, seconds since the epoch; None where nothing was.
    """

    folder: Path
    in_use: bool
    changed: float | None


class Copies:
    """The copies beneath one directory.

    Args:
        root: ``…/copies``; made when something is first copied.
        leases: Who lives.
    """

    def __init__(self, root: Path, leases: Leases) -> None:
        self._root = root
        self._leases = leases
        self._given: dict[object, Path] = {}
        self._lock = threading.Lock()
        self._pid = 0

    def give(self, key: object, name: str, make: Callable[[Path], None]) -> Path:
        """Return a copy called `name`: the one that was made for `key` before if nobody changed it, else a new one.

        Args:
            key: What it is of.
            name: Its last part.
            make: Makes it at a path that isn't there yet.

        Raises:
            OSError: No room, no permission.
        """
        with self._lock:
            if self._pid != os.getpid():  # a forked child's are its own
                self._given, self._pid = {}, os.getpid()
            given = self._given.get(key)
        if given is not None and given.name == name and not _changed(given.parent):
            return given
        path = self._new() / name
        try:
            make(path)
            with atomic_writer(_stamp_of(path.parent), durable=False) as stamp:
                stamp.write(_looks(path.parent).encode())
        except BaseException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        with self._lock:
            self._given[key] = path
        return path

    def scan(self) -> Iterator[Copy]:
        """Yield the copies that are here."""
        living = self._leases.tokens()
        for token in folders(self._root):
            for folder in folders(token):
                changed = _last_change(folder) if _changed(folder) else None
                yield Copy(folder, token.name in living, changed)

    def sweep(self, *, in_use: bool = False) -> int:
        """Remove the copies of processes that have ended, but for what was changed within a week.

        Args:
            in_use: Also those of living processes.

        Returns:
            How many changed ones stay.
        """
        living = set() if in_use else self._leases.tokens()
        kept = 0
        for token in folders(self._root):
            if token.name not in living:
                kept += _remove(token)
        return kept

    def remove_own(self) -> None:
        """Remove what this process was given, but for what was changed: it ends."""
        with self._lock:
            tokens = {path.parent.parent for path in self._given.values()} if self._pid == os.getpid() else set()
            self._given = {}
        for token in tokens:
            _remove(token)

    def _new(self) -> Path:
        parent = private_dir(self._root / self._leases.token())
        number = len(listed(parent))
        while True:
            try:
                (parent / str(number)).mkdir(mode=0o700)
            except FileExistsError:
                number += 1
            else:
                return parent / str(number)


def _remove(token: Path) -> int:
    """Remove the copies of one process; return how many stay, for they were changed."""
    kept = 0
    for folder in folders(token):
        if _stamp_of(folder).exists() and _changed(folder) and time.time() - _last_change(folder) < CHANGED_KEPT_S:
            kept += 1
            continue
        _make_removable(folder)
        shutil.rmtree(folder, ignore_errors=True)
        unlink(_stamp_of(folder))
    with suppress(OSError):
        token.rmdir()  # not where something stays
    return kept


def _changed(folder: Path) -> bool:
    """Whether anything in a copy isn't as it was given out; also where it was never finished."""
    try:
        return _stamp_of(folder).read_text() != _looks(folder)
    except (OSError, UnicodeDecodeError):
        return True


def _looks(folder: Path) -> str:
    """Return a digest of what everything beneath `folder` looks like.

    The time of a file's last change of any kind (ctime) is part of it, which nobody can put back.
    """
    digest = blake3.blake3()
    for path, there in _walk(folder):
        seen = (path, there.st_mode, there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino)
        digest.update(repr(seen).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _last_change(folder: Path) -> float:
    # When it was made is that of most of it; what came later is a change.
    return max(there.st_ctime for _, there in _walk(folder))


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    yield "", folder.lstat()
    for parent, inner, files in os.walk(folder):
        inner.sort()
        for name in sorted([*inner, *files]):
            path = os.path.join(parent, name)  # noqa: PTH118 - many, and Path is slow
            with suppress(OSError):  # it goes at this moment; then it is missing from what is seen
                yield path, os.lstat(path)


def _make_removable(folder: Path) -> None:
    """Give back the right to remove what is in directories that were packed without it."""
    for parent, inner, _ in os.walk(folder):
        for name in inner:
            path = os.path.join(parent, name)  # noqa: PTH118
            with suppress(OSError):
                if not os.path.islink(path):  # noqa: PTH114
                    os.chmod(path, 0o700)  # noqa: PTH101


def _stamp_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_STAMP}")
