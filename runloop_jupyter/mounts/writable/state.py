"""What is known of the files of a writable folder: which version each is, and how it looked when it was that.

One file of JSON lines that only grows while the folder is mounted, and is written anew when it is opened. A line is
written in one go: a process that is killed leaves whole lines, a power cut at worst one that is cut off, which is
passed over. What a lost line knew is found again by comparing digests, for a line is never more than word of what is
true on disk and in the store.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from runloop_jupyter.atomic import atomic_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Looks: TypeAlias = tuple[int, int, int, int]
"""How a file looks from outside: bytes, mtime and ctime in nanoseconds, inode. Nobody can put back a ctime."""
TICK_S: Final = 2.0
"""The coarsest clock of a disk that is still about (FAT's): two changes within one tick may look the same."""
_SLACK: Final = 10_000
"""Lines beyond four for each file after which the file is written anew."""


class Known(NamedTuple):
    """One file that is in step with the store, or was.

    Attributes:
        looks: How it looked then; None where it was hashed so soon after a change that another may look the same.
        digest: Of its bytes, ``blake3:…``.
        id: The version's id.
        created_ms: When the store made that, milliseconds since 1970.
    """

    looks: Looks | None
    digest: str
    id: str
    created_ms: int


class State:
    """What is known, in memory and on disk. Thread-safe.

    Args:
        path: The file; made if it is missing, in a directory that exists.

    Attributes:
        known: By path within the folder.
        sending: Digests of what was about to be sent, by path: a kernel that dies between the store's having a version
            and our writing that down finds by it that the version is its own.
        displacing: What is about to trade places with a file of the folder, by its name in the staging directory: that
            file's path, and the digest of what takes its place.

    Raises:
        OSError: It can't be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.known: dict[str, Known] = {}
        self.sending: dict[str, str] = {}
        self.displacing: dict[str, tuple[str, str]] = {}
        self._path = path
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._lines = 0
        self._cut = False
        self._unsynced = False
        self._read()
        with self._lock:
            self._renew()

    def learn(self, path: str, known: Known) -> None:
        """Write down that a file is in step with the store.

        Raises:
            OSError: No room; it holds in memory all the same.
        """
        with self._lock:
            self.known[path] = known
            self.sending.pop(path, None)
            self._append(["=", path, known.looks, known.digest, known.id, known.created_ms])

    def begin(self, path: str, digest: str) -> None:
        """Write down what is about to be sent of a file.

        Raises:
            OSError: It can't be written; then nothing must be sent.
        """
        with self._lock:
            self._append([">", path, digest])
            self.sending[path] = digest

    def displace(self, staged: str, path: str, digest: str) -> None:
        """Write down that a staged file is about to trade places with one of the folder.

        Raises:
            OSError: It can't be written; then they must not.
        """
        with self._lock:
            self._append(["x", staged, path, digest])
            self.displacing[staged] = (path, digest)

    def displaced(self, staged: str) -> None:
        """Write down that nothing is left under the name of a staged file."""
        with self._lock:
            if self.displacing.pop(staged, None) is not None:
                self._append(["x", staged, None, None])

    def save(self) -> None:
        """Make it survive a power cut.

        Raises:
            OSError: The disk refused.
        """
        with self._lock:
            if self._unsynced and self._fd is not None:
                os.fsync(self._fd)
                self._unsynced = False

    def close(self) -> None:
        """Let go of the file; done already, it does nothing."""
        with suppress(OSError):
            self.save()
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def _append(self, line: list[Any]) -> None:
        if self._fd is None:
            return  # closed: what is learnt now is found again by comparing
        if self._lines > 4 * len(self.known) + _SLACK:
            self._renew()
        data = json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        if self._cut:
            data = b"\n" + data
        self._cut, self._unsynced = True, True
        if os.write(self._fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # the system says so at the next write only
        self._cut = False
        self._lines += 1

    def _renew(self) -> None:
        """Write the file anew, with one line for each thing that is known."""
        with atomic_writer(self._path) as file:
            for line in self._all():
                file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        before, self._fd = self._fd, os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        if before is not None:
            os.close(before)
        self._lines, self._cut = len(self.known), False

    def _all(self) -> list[list[Any]]:
        known = [["=", path, each.looks, each.digest, each.id, each.created_ms] for path, each in self.known.items()]
        sending = [[">", path, digest] for path, digest in self.sending.items()]
        displacing = [["x", staged, path, digest] for staged, (path, digest) in self.displacing.items()]
        return [*known, *sending, *displacing]

    def _read(self) -> None:
        with suppress(FileNotFoundError):
            for line in _lines(self._path):
                self._take(line)

    def _take(self, line: list[Any]) -> None:
        match line:
            case ["=", str(path), looks, str(digest), str(object_id), int(created_ms)]:
                self.known[path] = Known(None if looks is None else _looks(looks), digest, object_id, created_ms)
                self.sending.pop(path, None)
            case [">", str(path), str(digest)]:
                self.sending[path] = digest
            case ["x", str(staged), str(path), str(digest)]:
                self.displacing[staged] = (path, digest)
            case ["x", str(staged), None, None]:
                self.displacing.pop(staged, None)


def read(path: Path) -> dict[str, Known]:
    """Return what a state's file says is known, and change nothing.

    Raises:
        OSError: It can't be read.
    """
    known = {}
    for line in _lines(path):
        match line:
            case ["=", str(at), looks, str(digest), str(object_id), int(created_ms)]:
                known[at] = Known(None if looks is None else _looks(looks), digest, object_id, created_ms)
    return known


def looks_of(there: os.stat_result) -> Looks:
    """Return how a file looks."""
    return there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino


def _lines(path: Path) -> Iterator[list[Any]]:
    """Yield the lines of a state's file that are whole, and of a form that this version knows."""
    with path.open("rb") as file:
        for text in file:
            with suppress(ValueError, RecursionError):
                line = json.loads(text)
                if isinstance(line, list) and (line[:1] != ["="] or _is_looks(line[2:3])):
                    yield line


def _is_looks(said: list[Any]) -> bool:
    return said == [None] or (
        bool(said)
        and isinstance(said[0], list)
        and len(said[0]) == len(("size", "mtime", "ctime", "inode"))
        and all(isinstance(number, int) for number in said[0])
    )


def _looks(said: list[int]) -> Looks:
    size, mtime, ctime, inode = said
    return size, mtime, ctime, inode
