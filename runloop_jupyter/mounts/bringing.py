"""Objects become files in a directory: fetched by way of the cache, several at a time, and placed read-only."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import archive
from runloop_jupyter.errors import ArchiveError, MountError
from runloop_jupyter.mounts import ground, placed
from runloop_jupyter.mounts.kind import Kind
from runloop_jupyter.mounts.need import Need, needs, total
from runloop_jupyter.transfer import cache as caching
from runloop_jupyter.transfer.cache.limit import limit
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.folders.together import Share, together
from runloop_jupyter.transfer.manifest import facts_of
from runloop_jupyter.transfer.room import RESERVE, room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from runloop_jupyter.mounts.layout import Shown
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

READ_ONLY: Final = 0o444
FOLDER: Final = 0o755
"""Directories can be written to by their owner, or nothing in them could be removed."""


class Bringing:
    """Makes what shows objects, in a directory that nobody looks into yet.

    Args:
        store: Where they are.
        workshop: The directory; private, and on the mount's disk.
        what: What is mounted, for messages.
        transfer: Told how far it is; its `cancel` stops this.
        trial: A path in the cache for a file of a moment, which goes with the mount should this process be killed.

    Attributes:
        fetched: Bytes that came from the store.
        requests: Downloads that were begun.
        notes: What their user should know, a line each.
    """

    def __init__(self, store: Store, workshop: Path, what: str, transfer: Transfer, trial: Path) -> None:
        self.fetched = 0
        self.requests = 0
        self.notes: list[str] = []
        self._store = store
        self._workshop = workshop
        self._what = what
        self._transfer = transfer
        self._cache = caching.current()
        self._ground = ground.look(trial, workshop)
        self._keeps = True
        self._needs: dict[str, Need] = {}
        self._lock = threading.Lock()

    def bring(self, shown: Sequence[Shown], tree: Path) -> list[placed.Thing]:
        """Make each at its path beneath `tree`, and return what was made.

        Args:
            shown: What is shown.
            tree: A directory that isn't there yet.

        Raises:
            DigestMismatch: What came isn't what was put.
            TransferError: The bytes can't be had, or there is no room.
            StoreError, Unreachable: As for any call.
            OSError: The system refuses a file.
        """
        self._make_room(shown)
        if not any(each.path == "" for each in shown):
            make_folder(tree)
            for above in placed.slashes(each.path for each in shown):
                make_folder(tree / above)
        things: list[placed.Thing] = []

        def make(each: Shown, share: Share) -> None:
            self._one(each, tree / each.path if each.path else tree, share)
            share.count_up_to(each.view.size_bytes or 0)
            things.append(placed.look(tree, each.view.id, each.path))

        together(self._transfer, Phase.RECEIVING, sum(each.view.size_bytes or 0 for each in shown), shown, make)
        return things

    def _make_room(self, shown: Sequence[Shown]) -> None:
        """Make sure of the room for all of it, before any of it comes."""
        found = needs(self._store, shown, self._transfer)
        self._needs = {each.view.id: need for each, need in zip(shown, found, strict=True)}
        apart = sum(
            need.bytes_total for each, need in zip(shown, found, strict=True) if self._ground.takes_room(each.kind)
        )
        kept = min(total(found).bytes_to_fetch, limit(self._cache.root, self._cache.upkeep.held))
        if self._ground.one_disk:
            self._cache.make_room(apart + kept)
            # Twice the room is more than there is: what comes goes straight to where it is wanted.
            self._keeps = not apart or shutil.disk_usage(self._workshop).free >= apart + kept + RESERVE
            apart += kept if self._keeps else 0
        with room(self._workshop.parent, apart, self._what):
            pass

    def _one(self, each: Shown, target: Path, share: Share) -> None:
        if each.kind is Kind.FOLDER:
            self._folder(each, target, share)
        elif each.kind is Kind.ARCHIVE:
            self._archive(each, target, share)
        else:
            self._file(each.view, target, share)
        _settle(target, each.view, share)

    def _folder(self, each: Shown, target: Path, share: Share) -> None:
        objects, store_id, view = self._store.objects, self._store.identity.id, each.view
        to_fetch = self._needs[view.id].bytes_to_fetch
        listing = members.read(objects, store_id, view, share)
        Fetching(objects, store_id, view.name, listing, share, caches=self._keeps).restore(target, durable=False)
        self._count(to_fetch, len(listing.pieces) if to_fetch else 0)

    def _archive(self, each: Shown, target: Path, share: Share) -> None:
        telling, view = _Telling(share), each.view
        with self._whole(view, telling).file() as file:
            self._count(telling.came, telling.times)
            why = "it is no tar"
            if archive.is_tar(file):
                said = facts_of(view.metadata).get("bytes")
                declared = said if isinstance(said, int) else None
                try:
                    archive.unpack(file, target, checkpoint=share.checkpoint, declared=declared, durable=False)
                except ArchiveError as error:
                    why = str(error)
                else:
                    return
            if not each.path:
                raise MountError(f"“{view.name}” can't be a directory: {why}. Get it as a path: %rl_get --as path")
            # One that can't be unpacked is no reason not to have the others.
            self.notes.append(f"“{view.name}” is shown as the file it is: {why}")
            self._place(file, view, target, share)

    def _file(self, view: ObjectView, target: Path, share: Share) -> None:
        telling = _Telling(share)
        whole = self._whole(view, telling)
        if self._keeps and self._cache.keeps(whole.size):
            with whole.file() as file:
                self._place(file, view, target, share)
        else:
            whole.to(target, mode=READ_ONLY, settled=False)
        self._count(telling.came, telling.times)

    def _whole(self, view: ObjectView, telling: Transfer) -> Whole:
        return Whole(self._store.objects, self._store.identity.id, view, telling)

    def _place(self, file: BinaryIO, view: ObjectView, target: Path, share: Share) -> None:
        """Have the bytes of a file at `target`: shared with it, or under one more name, or copied."""
        store_id = self._store.identity.id
        if self._ground.links and not self._ground.shares and self._cache.place(store_id, view, target):
            return
        with room(target.parent, view.size_bytes if self._ground.copies else None, view.name), target.open("xb") as out:
            caching.copy(file, out, lambda _: share.checkpoint())

    def _count(self, n_bytes: int, requests: int) -> None:
        with self._lock:
            self.fetched += n_bytes
            self.requests += requests


class _Telling(Share):
    """A share that knows how many bytes came from the store.

    Attributes:
        came: How many.
        times: How often a download was begun.
    """

    def __init__(self, share: Share) -> None:
        super().__init__(share)
        self.came = 0
        self.times = 0
        self._share = share
        self._receiving = False

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Begin a phase, or begin it again."""
        super().begin(phase, total)
        self._receiving = phase is Phase.RECEIVING
        self.times += self._receiving
        self._share.begin(phase, total)

    def advance(self, n_bytes: int) -> None:
        """Count `n_bytes` more."""
        super().advance(n_bytes)
        self.came += n_bytes if self._receiving else 0
        self._share.advance(n_bytes)

    def reach(self, done: int) -> None:
        """Say that `done` bytes are done."""
        before = self.snapshot().done
        super().reach(done)
        self.came += max(0, done - before) if self._receiving else 0
        self._share.reach(done)


def make_folder(path: Path) -> None:
    """Make a directory that everybody may look into, whatever the umask.

    Raises:
        OSError: It can't be made, or is there.
    """
    path.mkdir()
    path.chmod(FOLDER)


def _settle(target: Path, view: ObjectView, share: Share) -> None:
    """Make what shows an object read-only, and give it the object's time."""
    when = _time_ns(view)
    if not target.is_dir():
        # A name of the cache's own file has its mode and time; another would make that file a stranger there.
        if target.lstat().st_nlink == 1:
            os.utime(target, ns=(when, when))
            target.chmod(READ_ONLY)
        return
    for above, _, files, here in os.fwalk(target, topdown=False):
        share.checkpoint()
        for name in files:
            there = os.stat(name, dir_fd=here, follow_symlinks=False)
            os.utime(name, ns=(when, when), dir_fd=here, follow_symlinks=False)
            if stat.S_ISREG(there.st_mode):
                os.chmod(name, READ_ONLY | (there.st_mode & 0o111), dir_fd=here)
        os.chmod(above, FOLDER)  # noqa: PTH101
        os.utime(above, ns=(when, when))


def _time_ns(view: ObjectView) -> int:
    # A store may answer with any integer; a filesystem may not.
    return max(0, min(view.create_time_ms, 4_102_444_800_000)) * 1_000_000
