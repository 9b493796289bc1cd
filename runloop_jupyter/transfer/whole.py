"""One object's bytes, whole and verified: from the cache, or fetched, and kept there where that may keep them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import manifest
from runloop_jupyter.transfer.arriving import arriving, waiting
from runloop_jupyter.transfer.cache import copy, current, if_any
from runloop_jupyter.transfer.parts import download
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.partial import Partial
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView


class Whole:
    """The ways to have all bytes of one object here; of one that is kept in parts, those of the whole.

    Each raises `DigestMismatch` where what came isn't what was put, `TransferError` where the bytes can't be had or
    there is no room, `StoreError` where the store refused.

    Args:
        objects: The store.
        store_id: Its identity.
        view: The object, READ_ONLY.
        transfer: Told how far it is; its `cancel` stops this.
        caches: Whether what is here already will do, and what comes is kept for the next time.

    Attributes:
        size: In bytes; None where nobody knows.
        digest: What they are held against, ``algorithm:hex``; None where nobody said.
    """

    def __init__(
        self, objects: Objects, store_id: str, view: ObjectView, transfer: Transfer, *, caches: bool = True
    ) -> None:
        self._objects = objects
        self._store_id = store_id
        self._view = manifest.whole(view)
        self._transfer = transfer
        self._caches = caches
        self.size = self._view.size_bytes
        said = manifest.facts_of(view.metadata).get("digest")
        self.digest = said if isinstance(said, str) and ":" in said else None

    def here(self) -> BinaryIO | None:
        """Return the bytes as an open file if they are in the cache."""
        here = if_any() if self._caches else None
        return here.open(self._store_id, self._view, self._transfer) if here else None

    def file(self) -> BinaryIO:
        """Return the bytes as an open file."""
        if file := self.here():
            return file
        cache = current()
        if not self._caches or not cache.keeps(self.size):
            return self.spooled()
        cache.make_room(self.size)
        with self._room(cache.root):
            return cache.fetched(self._store_id, self._view, self.digest, self._bring, self._transfer)

    def path(self, name: str) -> Path:
        """Return the bytes as a read-only file called `name`, which is there as long as this process lives."""
        cache = current()
        if not self._caches:
            return cache.copies.give(object(), name, self._bring)
        if here := cache.path(self._store_id, self._view, name, self._transfer):
            return here
        cache.make_room(self.size)
        with self._room(cache.root):
            return cache.fetched_path(self._store_id, self._view, name, self.digest, self._bring, self._transfer)

    def to(self, target: Path, *, mode: int = 0o666, settled: bool = True) -> Path:
        """Write the bytes to a path, where they appear whole or not at all; they go past the cache.

        Args:
            target: Where; its directory exists.
            mode: Permission bits, less the umask.
            settled: Whether a small file's name is on the disk once this returns, not only once its directory is.
        """
        if here := self.here():
            with here, self._room(target.parent), atomic_writer(target, mode=mode, settled=settled) as file:
                self._transfer.begin(Phase.READING, self.size)
                copy(here, file, self._transfer.advance)
            return target
        with self._room(target.parent), self._arriving(target, mode=mode, settled=settled) as partial:
            self._download(partial)
        return target

    def spooled(self) -> BinaryIO:
        """Return them as a file without a name: it goes when it is closed, or with the kernel."""
        with self._room(cache_dir()), self._arriving(None) as partial:
            self._download(partial)
            return os.fdopen(os.dup(partial.fileno()), "rb")

    def _bring(self, target: Path) -> None:
        """Bring them to a path in the cache, which a power cut may take."""
        with self._room(target.parent), self._arriving(target, mode=0o600, durable=False) as partial:
            self._download(partial)

    def _download(self, file: BinaryIO | Partial) -> None:
        download(self._objects, self._view, file, self._transfer, self.digest)

    def _room(self, directory: Path) -> AbstractContextManager[None]:
        left = None if self.size is None else max(0, self.size - waiting(self._store_id, self._view))
        return room(directory, left, self._view.name)

    @contextmanager
    def _arriving(
        self, target: Path | None, *, mode: int = 0o666, durable: bool = True, settled: bool = True
    ) -> Iterator[Partial]:
        try:
            with arriving(target, self._store_id, self._view, mode=mode, durable=durable, settled=settled) as partial:
                yield partial
        finally:
            # What came of a download that was cut off takes of the cache's room.
            if self._transfer.keeps and (here := if_any()) and here.keeps(self.size):
                here.upkeep.soon(self.size or 0)
