"""Which directories are writable folders, of whom, and who holds them: one at a time.

``folders/<key>/folder.json`` says which folder it is; the key is made of the store, the name and the directory.
``folders/<key of the directory>.lock`` is locked by whoever has the directory mounted, and goes free with its process,
however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import write_atomic
from runloop_jupyter.errors import MountError
from runloop_jupyter.paths import home_dir, private_dir
from runloop_jupyter.transfer.journal import Owner, me

if TYPE_CHECKING:
    from pathlib import Path

BEAT_S: Final = 20.0
"""How often whoever holds one says that he lives."""
SILENCE_S: Final = 90.0
"""A lock may not reach from one machine to another; a process there that was heard of so lately lives."""


@dataclass
class Record:
    """One folder.

    Attributes:
        store: Identity of its store.
        place: That store as a person reads it.
        name: What it is called in the store.
        where: The directory, absolute, without links on the way.
        owner: The process that has it mounted, or had it last.
        finished: Whether that let go of it with nothing left to send.
    """

    store: str
    place: str
    name: str
    where: str
    owner: Owner
    finished: bool = False

    @property
    def directory(self) -> Path:
        """What is kept of it."""
        return home_dir() / "folders" / _key(self.store, self.name, self.where)

    @property
    def is_held(self) -> bool:
        """Whether a process that lives has it mounted, as far as can be told."""
        if self.finished:
            return False
        alive = self.owner.alive
        if alive is not None:
            return alive
        # On another machine, which a lock may not reach: one that was heard of lately lives.
        try:
            return time.time() - _lock_of(self.where).stat().st_mtime < SILENCE_S
        except OSError:
            return False

    def save(self) -> None:
        """Write it down.

        Raises:
            OSError: It can't be written.
        """
        private_dir(self.directory)
        write_atomic(self.directory / "folder.json", json.dumps(asdict(self)).encode())


def everything() -> list[Record]:
    """Return all folders that this home knows of. Cheap where there are none, and imports nothing heavy."""
    root = home_dir() / "folders"
    try:
        names = os.listdir(root)  # noqa: PTH208 - a load does this each time: the cheapest way to see nothing
    except OSError:
        return []
    return [record for name in sorted(names) if (record := _read(root / name / "folder.json"))]


def is_known(store: str, name: str, where: str) -> bool:
    """Whether a directory was this very folder's before."""
    return (home_dir() / "folders" / _key(store, name, where) / "folder.json").exists()


class Hold:
    """A directory held by this process, until `release` or its end.

    Args:
        where: The directory, absolute, without links on the way.

    Raises:
        MountError: Somebody else holds it, or a directory above or beneath it.
        OSError: No lock can be made.
    """

    def __init__(self, where: str) -> None:
        private_dir(home_dir() / "folders")
        self._path = _lock_of(where)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._fd: int | None = fd
        try:
            _lock(fd, where)
        except BaseException:
            self.release()
            raise
        _holds.add(self)
        self.beat()

    def beat(self) -> None:
        """Show that this process lives, to those on other machines."""
        if self._fd is not None:
            with suppress(OSError):
                os.utime(self._path)

    def release(self) -> None:
        """Let go of it; done already, it does nothing."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with suppress(OSError):
                os.utime(self._path, (0, 0))  # to other machines: nobody is here
                fcntl.flock(fd, fcntl.LOCK_UN)  # a child that is being forked may have the descriptor yet
            os.close(fd)

    def forget(self) -> None:
        """In a child that was forked: let go of the descriptor, and leave the lock to the parent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _lock(fd: int, where: str) -> None:
    records = everything()
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = next((each for each in records if each.where == where and not each.finished), None)
        raise _refusal(where, holder) from None
    for each in records:
        if each.where == where:
            # Of this machine the lock has said it.
            if each.owner.alive is None and each.is_held:
                raise _refusal(where, each)
        elif (_is_in(where, each.where) or _is_in(each.where, where)) and each.is_held:
            raise MountError(
                f"{where} overlaps with {each.where}, the writable folder “{each.name}”: a file would be of both. "
                "Take another directory, or unmount that"
            )


def _lock_of(where: str) -> Path:
    return home_dir() / "folders" / f"{_key(where)}.lock"


def _refusal(where: str, holder: Record | None) -> MountError:
    if holder is None:
        return MountError(f"{where} is a writable folder of another kernel. Unmount it there first")
    if holder.owner == me():
        return MountError(f"{where} is mounted already, as the writable folder “{holder.name}”. Unmount it first")
    at = "" if holder.owner.host == me().host else f" on {holder.owner.host}"
    return MountError(
        f"{where} is the writable folder “{holder.name}” of another kernel (process {holder.owner.pid}{at}). "
        "Unmount it there first"
    )


def _read(path: Path) -> Record | None:
    try:
        said = json.loads(path.read_bytes())
        record = Record(**{**said, "owner": Owner(**said["owner"])})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # a lock, another version's, or gone meanwhile
    return record if path.parent.name == _key(record.store, record.name, record.where) else None


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _is_in(inner: str, outer: str) -> bool:
    return inner.startswith(outer.rstrip("/") + "/")


def _after_fork() -> None:
    for hold in list(_holds):
        hold.forget()


_holds: weakref.WeakSet[Hold] = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)
