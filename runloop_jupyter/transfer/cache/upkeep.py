"""Keeping the cache in bounds: what was longest not used goes first, what is in use stays, what nobody needs goes.

It runs on a thread of its own after a download, so that no get waits for it.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.paths import private_dir
from runloop_jupyter.transfer.arriving import CutOff, cut_off
from runloop_jupyter.transfer.cache import claims
from runloop_jupyter.transfer.cache.limit import limit
from runloop_jupyter.transfer.cache.listing import files, folders, inode_of, unlink
from runloop_jupyter.transfer.cache.marking import clear_gone
from runloop_jupyter.transfer.cache.names import part

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runloop_jupyter.transfer.cache.blobs import Blob
    from runloop_jupyter.transfer.cache.cache import Cache

COUNT_EVERY_S: Final = 60.0
SWEEP_EVERY_S: Final = 3600.0
LEFT_ALONE_S: Final = 3600.0
"""What looks like a leftover may be a moment's work of another process; after so long it is one."""
RESERVE: Final = 16 << 20

GOING: Final = "going"


@dataclass(frozen=True)
class Usage:
    """What the cache holds.

    Attributes:
        size: Bytes of all blobs, and of downloads that were cut off.
        limit: Bytes that they may have.
        objects: How many objects are remembered.
        in_use: How many blobs a living process holds.
        in_use_size: Their bytes.
        copies: How many copies of folders and the like are there.
        changed: The directories of those that somebody changed.
        cut_off: How many downloads were cut off and wait to be gone on with.
        cut_off_size: Their bytes.
    """

    size: int
    limit: int
    objects: int
    in_use: int
    in_use_size: int
    copies: int
    changed: tuple[Path, ...]
    cut_off: int = 0
    cut_off_size: int = 0


class Upkeep:
    """Keeps one cache in bounds.

    Args:
        cache: The cache.

    Attributes:
        held: How many bytes it held when it was last counted.
    """

    def __init__(self, cache: Cache) -> None:
        self.held = 0
        self._cache = cache
        self._room = 0
        self._counted = -COUNT_EVERY_S
        self._lock = threading.Lock()
        self._wanted = False
        self._thread: threading.Thread | None = None

    def soon(self, n_bytes: int) -> None:
        """Trim, and sweep where that is due, on a thread; asked for while it runs, it runs once more.

        Where there was much room a moment ago nothing is done: a thousand small objects need no thousand counts.

        Args:
            n_bytes: How many bytes came.
        """
        with self._lock:
            self._room -= n_bytes
            if self._room > 0 and time.monotonic() - self._counted < COUNT_EVERY_S:
                return
            self._wanted = True
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="rl-cache", daemon=True)
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Return when nothing of what `soon` asked for is left to do."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def trim(self) -> None:
        """Remove what was longest not used until the rest is within the limit, sparing what is in use."""
        held = self._scan()
        self.held = sum(each.size for each in held)
        most = limit(self._cache.root, self.held)
        for each in held:
            # It would push out everything else, and then go itself.
            if isinstance(each, CutOff) and each.size > most and each.remove():
                self.held -= each.size
        self._remove_oldest(held, self.held - most)
        with self._lock:
            # Others fill it too, and nobody counts for all.
            self._room, self._counted = (most - self.held) // 4, time.monotonic()

    def free(self, n_bytes: int) -> None:
        """Remove what was longest not used until the disk can take `n_bytes`, or nothing is left that may go."""
        if self._missing(n_bytes) > 0:
            self.sweep()
            self._remove_oldest(self._scan(), self._missing(n_bytes))

    def sweep(self, *, now: bool = False) -> None:
        """Remove what nobody needs: the leavings of killed processes, what leads nowhere, what is past its time.

        Args:
            now: Also what is younger than an hour, which another process may be at work on.
        """
        cache, before = self._cache, time.time() - (0 if now else LEFT_ALONE_S)
        clear_gone(cache.root)
        for going in folders(cache.root / GOING):
            if _older(going, before):
                shutil.rmtree(going, ignore_errors=True)
        cache.copies.sweep()
        for path in files(cache.root / "claims"):
            if claims.is_dead(path) or _older(path, before - 24 * 3600):
                unlink(path)
        for folder in ("incoming", "refs", "blobs", "claims"):
            for path in files(cache.root / folder):
                if path.name.startswith(".") and _older(path, before):
                    unlink(path)
        self._forget_lost()
        held = cache.leases.held()
        self._remove_orphans(held, before)
        for _ in cut_off(cache.root):  # who looks removes what waited too long
            pass

    def usage(self) -> Usage:
        """Return what the cache holds."""
        cache = self._cache
        blobs, waiting = list(cache.blobs.scan()), list(cut_off(cache.root))
        kept = sum(each.size for each in waiting)
        self.held = sum(blob.size for blob in blobs) + kept
        held = cache.leases.held()
        used = [blob.size for blob in blobs if blob.hex in held]
        copies = list(cache.copies.scan())
        return Usage(
            self.held,
            limit(cache.root, self.held),
            sum(1 for _ in cache.refs.all()),
            len(used),
            sum(used),
            len(copies),
            tuple(each.folder for each in copies if each.changed is not None),
            len(waiting),
            kept,
        )

    def clear(self, objects: Iterable[tuple[str, str]] | None = None, *, in_use: bool = False) -> int:
        """Remove objects from the cache; return how many bytes of theirs went.

        Args:
            objects: Store and id of each; None for all, and for the copies that nobody changed. What came of a
                download of theirs that was cut off goes too.
            in_use: Also what living processes hold.
        """
        cache = self._cache
        if objects is None:
            cache.copies.sweep(in_use=in_use)
        wanted = None if objects is None else set(objects)
        refs = self._refs_by_blob()
        freed = 0
        for blob in list(cache.blobs.scan()):
            leading = refs.get(blob.hex, [])
            chosen = [ref for ref in leading if wanted is None or ref in wanted]
            if wanted is None or (chosen and len(chosen) == len(leading)):
                freed += blob.size if self._remove(blob.hex, chosen, in_use=in_use) else 0
            elif chosen:
                self._remove(blob.hex, chosen, in_use=in_use, bytes_too=False)
        for each in list(cut_off(cache.root)):
            if wanted is None or (each.store, each.object) in wanted:
                freed += each.size if each.remove() else 0
        self.held = sum(each.size for each in self._scan())
        return freed

    def _scan(self) -> list[Blob | CutOff]:
        return [*self._cache.blobs.scan(), *cut_off(self._cache.root)]

    def _missing(self, n_bytes: int) -> int:
        return n_bytes + RESERVE - shutil.disk_usage(self._cache.root).free

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                self._wanted = False
            # Nobody waits for this, and nobody could do anything about it: what fails now is tried again later.
            with suppress(Exception):
                if self._sweep_is_due():
                    self.sweep()
            with suppress(Exception):
                self.trim()

    def _sweep_is_due(self) -> bool:
        """Whether nobody swept within the last hour; who is told so is to do it."""
        mark = self._cache.root / "swept"
        try:
            if 0 <= time.time() - mark.stat().st_mtime < SWEEP_EVERY_S:
                return False
        except FileNotFoundError:
            pass
        mark.touch(mode=0o600)
        return True

    def _remove_oldest(self, there: list[Blob | CutOff], excess: int) -> None:
        if excess <= 0:
            return
        held = self._cache.leases.held()
        refs: dict[str, list[tuple[str, str]]] | None = None
        for blob in sorted(there, key=lambda each: each.used):
            if excess <= 0:
                return
            if isinstance(blob, CutOff):
                if blob.size and blob.remove():
                    excess -= blob.size
                    self.held -= blob.size
                continue
            if blob.hex in held or not blob.whole:  # most are told so at once; each is looked at again as it goes
                continue
            if refs is None:
                refs = self._refs_by_blob()
            if self._remove(blob.hex, refs.get(blob.hex, [])):
                excess -= blob.size
                self.held -= blob.size

    def _refs_by_blob(self) -> dict[str, list[tuple[str, str]]]:
        found = defaultdict(list)
        for ref in self._cache.refs.all():
            found[ref.blob].append((ref.store, ref.view.id))
        return found

    def _remove(self, hex_: str, refs: list[tuple[str, str]], *, in_use: bool = False, bytes_too: bool = True) -> bool:
        """Remove a blob and what leads to it, unless somebody uses it or takes it at this moment.

        Args:
            hex_: Its digest.
            refs: Store and id of the objects that lead to it.
            in_use: Even then.
            bytes_too: Whether the blob itself goes, not only those objects.

        Returns:
            Whether it went.
        """
        cache = self._cache
        if not in_use and hex_ in cache.leases.held():
            return False
        inode = inode_of(cache.blobs.path(hex_))
        going = private_dir(cache.root / GOING / os.urandom(6).hex())
        paths = [*(cache.blobs.files(hex_) if bytes_too else []), *(cache.refs.path(*ref) for ref in refs)]
        hidden = {path: going / str(number) for number, path in enumerate(paths)}
        for path, aside in hidden.items():
            with suppress(OSError):
                path.rename(aside)
        # Who takes a lease looks for the blob after that; so either the lease is seen here, or the blob isn't there,
        # and what is fetched anew meanwhile has nothing to do with what was hidden.
        goes = in_use or hex_ not in cache.leases.held()
        if goes:
            for ref in refs:
                cache.links.remove(*ref, inode)
        else:
            for path, aside in hidden.items():
                with suppress(OSError):
                    os.link(aside, path)  # never over what came meanwhile
        shutil.rmtree(going, ignore_errors=True)
        return goes

    def _forget_lost(self) -> None:
        """Forget the objects that are past their time, and those whose bytes are gone."""
        cache, now = self._cache, time.time() * 1000
        for ref in list(cache.refs.all()):
            after = ref.view.delete_after_time_ms
            if (after is not None and after <= now) or not cache.blobs.path(ref.blob).exists():
                cache.refs.forget(ref.store, ref.view.id)

    def _remove_orphans(self, held: set[str], before: float) -> None:
        """Remove links without a ref and blobs without one, but for what is in use."""
        cache = self._cache
        inodes = set()
        for hex_ in held:
            with suppress(OSError):
                inodes.add(cache.blobs.path(hex_).stat().st_ino)
        refs = list(cache.refs.all())
        known = {(part(ref.store), part(ref.view.id)) for ref in refs}
        for folder in list(cache.links.scan()):
            if (folder.parent.name, folder.name) not in known and _older(folder, before):
                with suppress(OSError):
                    if not any(path.stat().st_ino in inodes for path in folder.iterdir()):
                        shutil.rmtree(folder, ignore_errors=True)
        referred = {ref.blob for ref in refs} | held
        for blob in list(cache.blobs.scan()):
            if (blob.hex not in referred or not blob.whole) and blob.used < before:
                self._remove(blob.hex, [])


def _older(path: Path, than: float) -> bool:
    try:
        return path.lstat().st_ctime < than  # what arrives is given its object's own time, which may be long ago
    except OSError:
        return False
