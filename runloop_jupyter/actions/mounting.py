"""Mount, what `mount` returns: stored things under a directory, and what this kernel has mounted."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.address import quoted
from runloop_jupyter.display import humane
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.result import Result
from runloop_jupyter.errors import RunloopError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runloop_jupyter.actions.following import Following
    from runloop_jupyter.mounts.mounted import Counts, Mounted
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer

_HOW: Final = {
    "link": "read-only files, all of them here",
    "fuse": "read-only, fetched where it is read",
    "write": "saved as objects a moment after it is written",
}


class Mount(Result):
    """Stored things under a directory of this computer, until `unmount` or the end of this kernel.

    It is a path: ``mount / "penguins.parquet"``, ``os.listdir(mount)``.

    Args:
        mounted: What shows them.
        what: What was asked for, as it was typed.
        said: The directory, as it was typed.
        store: Where they are stored.
        count: How many objects there are.
        why: Why it is made so, where that is to be said.
        following: Keeps it up to date; None where nothing does.

    Attributes:
        what: As given.
        said: As given.
    """

    def __init__(
        self,
        mounted: Mounted,
        what: str,
        said: str,
        store: Store,
        count: int,
        why: Sequence[str] = (),
        following: Following | None = None,
    ) -> None:
        self.what = what
        self.said = said
        self._why = why
        self._mounted = mounted
        self._store = store
        self._count = count
        self._following = following

    @property
    def mode(self) -> str:
        """How it is made: ``link``, ``fuse`` or ``write``."""
        return self._mounted.mode

    @property
    def path(self) -> Path:
        """The directory, absolute."""
        return self._mounted.where

    @property
    def size(self) -> int | None:
        """Bytes of what it shows; None where nobody knows."""
        return self._mounted.size

    @property
    def counts(self) -> Counts:
        """What it moved so far: bytes that were read there, bytes that came from the store, requests for them."""
        return self._mounted.counts()

    @property
    def follows(self) -> bool:
        """Whether it is kept up to date."""
        return self._following is not None and self._following.goes_on

    @property
    def trouble(self) -> str | None:
        """What is wrong with it now, one line; None where nothing is."""
        if self._following is not None and self._following.error is not None:
            return f"not brought up to date: {self._following.error}"
        return self._mounted.trouble

    @property
    def notes(self) -> list[str]:
        """What is to be known of it, a line each."""
        return [*self._why, *self._mounted.notes]

    @property
    def status(self) -> str:
        """How it stands, a line: of a folder to write in what waits and what was sent; else empty."""
        return self._mounted.status()

    @property
    def place(self) -> str:
        """The store, as a person reads it."""
        return self._store.identity.label

    def unmount(self, transfer: Transfer | None = None) -> None:
        """Let go of the directory. Done already, it does nothing.

        Args:
            transfer: Told how far the saving of a folder to write in is; its `cancel` stops that.

        Raises:
            MountError: Somebody is at work there, or something couldn't be saved.
        """
        try:
            self._mounted.unmount(transfer)
        finally:
            if not self._mounted.is_mounted:
                if self._following is not None:
                    self._following.stop()
                forget(self)

    def __fspath__(self) -> str:
        return str(self.path)

    def __truediv__(self, name: str | os.PathLike[str]) -> Path:
        return self.path / name

    def __repr__(self) -> str:
        return f"<Mount {self.what} at {self.said} · {self.mode}>"

    def card(self) -> Card:
        """Return the card that shows it."""
        size = [] if self.size is None else [Fact(humane.size(self.size), "size")]
        return Card(
            title=self.said,
            facts=[self.what, self.mode, humane.plural(self._count, "object"), *size, self.place],
            second=[_HOW[self.mode], *["kept up to date"] * self.follows, *map(Fact, self._why)],
            code=[f"%rl_umount {quoted(self.said)}"],
            warnings=[Fact(each) for each in (*self._mounted.notes, self.trouble) if each],
        )

    def _shown(self) -> Card:
        return self.card()


def remember(mount: Mount) -> None:
    """Have it let go of at the latest when this kernel ends."""
    with _lock:
        if not _mounts:
            atexit.unregister(_end)
            atexit.register(_end)
        _mounts.append(mount)


def forget(mount: Mount) -> None:
    """It was let go of."""
    with _lock, suppress(ValueError):
        _mounts.remove(mount)


def mine() -> list[Mount]:
    """Return what this kernel has mounted, the oldest first. A forked child has nothing: it is its parent's."""
    with _lock:
        return list(_mounts)


def at(where: Path) -> Mount | None:
    """Return what this kernel has mounted at a directory."""
    return next((each for each in mine() if each.path == where), None)


def _end() -> None:
    for mount in mine():
        with suppress(RunloopError, OSError):  # what stays is found at the next load
            mount.unmount()


def _in_child() -> None:
    global _lock
    _lock = threading.Lock()
    _mounts.clear()


_lock = threading.Lock()
_mounts: list[Mount] = []
os.register_at_fork(after_in_child=_in_child)
