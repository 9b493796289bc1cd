"""The cache: objects that were fetched, kept on this machine, for an object never changes."""

from __future__ import annotations

import atexit
import os
import re
import time
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from runloop_jupyter import address
from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.errors import InputError
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.cache import claims, marking, upkeep
from runloop_jupyter.transfer.cache.blobs import Blobs
from runloop_jupyter.transfer.cache.copies import Copies
from runloop_jupyter.transfer.cache.leases import Leases
from runloop_jupyter.transfer.cache.limit import limit, said_limit
from runloop_jupyter.transfer.cache.links import Links
from runloop_jupyter.transfer.cache.listing import unlink
from runloop_jupyter.transfer.cache.names import part
from runloop_jupyter.transfer.cache.refs import Ref, Refs
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

POLL_S: Final = 0.05
INCOMING: Final = "incoming"
_AT_END_S: Final = 1.0
_BLAKE3: Final = re.compile(r"blake3:([0-9a-f]{64})")


class Cache:
    """The cache in one directory. Several threads, processes and machines may use it at once.

    Args:
        root: The directory; it exists.

    Attributes:
        root: The directory.
        refs: What is remembered of each object.
        blobs: Bytes by their digest.
        links: Blobs under their objects' names.
        leases: What is in use.
        copies: Files that their user may change.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.refs = Refs(root / "refs")
        self.blobs = Blobs(root / "blobs")
        self.links = Links(root / "files")
        self.leases = Leases(root / "leases")
        self.copies = Copies(root / "copies", self.leases)
        self.upkeep = upkeep.Upkeep(self)

    def known(self, store: str, object_id: str) -> ObjectView | None:
        """Return what the store said of an object whose bytes are here, if it is not past its time.

        No store is asked: an object never changes. One that was deleted elsewhere meanwhile is still given, for its
        bytes are here; one whose time has come is not.
        """
        ref = self.refs.read(store, object_id)
        return ref.view if ref is not None and self._is_good(ref) else None

    def known_version(self, store: str, name: str, version: str) -> ObjectView | None:
        """Return the object called ``name@version`` if its bytes are here; the version is given in full."""
        for view in self.known_of(store, name, own=True):
            if address.version_label(view.create_time_ms, view.id) == version:
                return view
        return None

    def known_of(self, store: str, name: str | None = None, *, own: bool = False) -> list[ObjectView]:
        """Return what is here of a store, the newest first.

        Args:
            store: Identity of the store.
            name: Only what has this name.
            own: Only what the store gives under its name, as `vouch` was told.
        """
        views = [
            ref.view
            for ref in self.refs.of_store(store)
            if name in {None, ref.view.name} and (ref.own or not own) and self._is_good(ref)
        ]
        return sorted(views, key=lambda view: (view.create_time_ms, view.id), reverse=True)

    def vouch(self, store: str, object_id: str) -> None:
        """Remember of an object that is here that its store gives it under its name."""
        ref = self.refs.read(store, object_id)
        if ref is not None and not ref.own:
            with suppress(OSError):
                self.refs.write(msgspec.structs.replace(ref, own=True))

    def path(self, store: str, view: ObjectView, name: str, transfer: Transfer | None = None) -> Path | None:
        """Return the object's bytes as a file called `name`, None where they aren't here.

        The file is read-only, is spared as long as this process lives, and goes when room is made later.

        Args:
            store: Identity of the store.
            view: The object.
            name: What the file is called, as `file_name` gives it.
            transfer: Told how far it is where the bytes must be hashed again.

        Raises:
            OSError: It can't be given that name.
        """
        ref = self._ref(store, view)
        if ref is None:
            return None
        # Taken before it is looked for: who removes blobs hides one first, then asks who has taken it.
        with suppress(OSError):  # a full disk: it is given all the same, only not spared
            self.leases.take(ref.blob)
        there = self.blobs.sound(ref.blob, view.size_bytes, _hashing(view, transfer))
        if there is None:
            return None
        self.blobs.touch(ref.blob)
        try:
            return self.links.link(store, view.id, name, self.blobs.path(ref.blob), there.st_ino)
        except FileNotFoundError:  # it is being removed
            return None

    def open(self, store: str, view: ObjectView, transfer: Transfer | None = None) -> BinaryIO | None:
        """Return the object's bytes as a file open for reading, None where they aren't here. Arguments as in `path`."""
        ref = self._ref(store, view)
        if ref is None:
            return None
        try:
            file = self.blobs.path(ref.blob).open("rb")
        except OSError:
            return None
        try:
            there = self.blobs.sound(ref.blob, view.size_bytes, _hashing(view, transfer))
        except BaseException:
            file.close()
            raise
        if there is None or os.fstat(file.fileno()).st_ino != there.st_ino:
            file.close()
            return None
        self.blobs.touch(ref.blob)
        return file

    def keeps(self, n_bytes: int | None) -> bool:
        """Whether an object so large can be kept beyond the call that fetches it.

        Raises:
            InputError: ``RUNLOOP_JUPYTER_CACHE_SIZE`` can't be read.
        """
        said = said_limit()
        if said == 0:
            return False
        return n_bytes is None or n_bytes <= (limit(self.root, self.upkeep.held) if said is None else said)

    def fetched_path(
        self,
        store: str,
        view: ObjectView,
        name: str,
        expected: str | None,
        fetch: Callable[[Path], None],
        transfer: Transfer,
    ) -> Path:
        """Return the object's bytes as `path` does, fetched if they aren't here.

        Args:
            store: Identity of the store.
            view: The object.
            name: What the file is called, as `file_name` gives it.
            expected: The digest that `fetch` makes sure of, ``algorithm:hex``; None for none.
            fetch: Brings the verified bytes to a path where nothing is yet, or raises; then nothing is kept.
            transfer: Told what is waited for; its `cancel` ends that.

        Raises:
            InputError: ``RUNLOOP_JUPYTER_CACHE_SIZE`` can't be read.
            OSError: No room, no permission.
            BaseException: What `fetch` raises.
        """
        while True:
            if here := self.path(store, view, name, transfer):
                return here
            with self._fetching(store, view, transfer) as claim:
                if claim:
                    # Not looked for again as others would: on a disk that changes inodes it would never be found.
                    hex_, file = self._fetch(store, view, expected, fetch, transfer, lease=True)
                    with file:
                        blob, inode = self.blobs.path(hex_), os.fstat(file.fileno()).st_ino
                    with suppress(FileNotFoundError):  # it was removed at once; then once more
                        return self.links.link(store, view.id, name, blob, inode)

    def fetched(
        self,
        store: str,
        view: ObjectView,
        expected: str | None,
        fetch: Callable[[Path], None],
        transfer: Transfer,
    ) -> BinaryIO:
        """Return the object's bytes as `open` does, fetched if they aren't here. Arguments as in `fetched_path`."""
        while True:
            if here := self.open(store, view, transfer):
                return here
            with self._fetching(store, view, transfer) as claim:
                if claim:
                    return self._fetch(store, view, expected, fetch, transfer, lease=False)[1]

    def has(self, store: str, view: ObjectView) -> bool:
        """Whether the object's bytes are here as they were verified; nothing is hashed for that, and no store asked."""
        ref = self._ref(store, view)
        return ref is not None and self.blobs.verified(ref.blob, view.size_bytes) is not None

    def place(self, store: str, view: ObjectView, target: Path) -> bool:
        """Give the object's bytes one more name, for good: a hard link, read-only, that outlives what is kept here.

        Args:
            store: Identity of the store.
            view: The object; its bytes were opened a moment ago, and so are known to be right.
            target: The name, on the cache's own disk; nothing is there yet.

        Returns:
            Whether it has it; not where the bytes are gone by now, or the disk has no hard links.
        """
        ref = self._ref(store, view)
        there = self.blobs.verified(ref.blob, view.size_bytes) if ref else None
        if ref is None or there is None:
            return False
        try:
            os.link(self.blobs.path(ref.blob), target)
        except OSError:
            return False
        if target.lstat().st_ino == there.st_ino:
            return True
        unlink(target)  # others were put in its place meanwhile
        return False

    def holds(self, store: str, object_id: str, digest_: str, size: int) -> ObjectView | None:
        """Return what is remembered of an object if its bytes are here and have this digest; no store is asked."""
        ref = self.refs.read(store, object_id)
        if ref is None or f"blake3:{ref.blob}" != digest_ or self.blobs.verified(ref.blob, size) is None:
            return None
        return ref.view

    def adopt(self, store: str, view: ObjectView, digest_: str) -> bool:
        """Remember an object whose bytes are here under another one's id; return whether they are.

        Args:
            store: Identity of the store.
            view: The object, which says itself that it has this digest.
            digest_: ``blake3:…``.
        """
        hex_ = _hex(digest_)
        if hex_ is None or self.blobs.verified(hex_, view.size_bytes) is None:
            return False
        with suppress(OSError):
            self.refs.write(Ref(store=store, view=view, blob=hex_))
        return True

    def forget(self, store: str, object_id: str) -> None:
        """Remember an object no more; its bytes go with the next upkeep unless they are in use."""
        self.refs.forget(store, object_id)

    def make_room(self, n_bytes: int | None) -> None:
        """Remove what was longest not used, as far as the disk needs that to take `n_bytes` more."""
        self.upkeep.free(n_bytes or 0)

    def close(self) -> None:
        """Give back what this process holds: it ends."""
        self.upkeep.wait(_AT_END_S)  # what it is removing at this moment is hidden already, and would lie there
        self.copies.remove_own()
        self.leases.release()
        with suppress(Exception):
            if said_limit() == 0:
                self.upkeep.trim()

    def _ref(self, store: str, view: ObjectView) -> Ref | None:
        ref = self.refs.read(store, view.id)
        if ref is None or ref.view.size_bytes != view.size_bytes:
            return None
        return ref

    def _is_here(self, store: str, view: ObjectView, transfer: Transfer) -> bool:
        ref = self._ref(store, view)
        hashed = _hashing(view, transfer)
        return ref is not None and self.blobs.sound(ref.blob, view.size_bytes, hashed) is not None

    def _is_good(self, ref: Ref) -> bool:
        after = ref.view.delete_after_time_ms
        if ref.view.state != ObjectState.READ_ONLY or (after is not None and after <= time.time() * 1000):
            return False
        return self.blobs.verified(ref.blob, ref.view.size_bytes) is not None

    @contextmanager
    def _fetching(self, store: str, view: ObjectView, transfer: Transfer) -> Iterator[claims.Claim | None]:
        """Hold the claim for one object in the block; None where another process fetched it meanwhile."""
        path = self.root / "claims" / part(store) / part(view.id)
        watch = claims.Watch(path)
        waits = False
        while (claim := claims.take(path)) is None:
            if not waits:
                transfer.begin(Phase.ELSEWHERE, view.size_bytes)
                waits = True
            transfer.reach(watch.done)
            if not watch.clear_if_abandoned():
                time.sleep(POLL_S)
        stop = transfer.changed.listen(lambda now: claim.renew(now.done))
        try:
            # It may have arrived between the last look and the claim.
            yield None if self._is_here(store, view, transfer) else claim
        finally:
            stop()
            claim.release()

    def _fetch(
        self,
        store: str,
        view: ObjectView,
        expected: str | None,
        fetch: Callable[[Path], None],
        transfer: Transfer,
        *,
        lease: bool,
    ) -> tuple[str, BinaryIO]:
        """Fetch an object, keep it, and return its digest in hex and its bytes as a file open for reading."""
        said_limit()  # a wish that can't be read is an error now; the upkeep, which nobody sees, would pass it over
        arriving = temporary_beside(private_dir(self.root / INCOMING) / part(view.id))
        try:
            fetch(arriving)
            os.utime(arriving, ns=(_time_ns(view), _time_ns(view)))
            hex_ = _hex(expected) or digest.of_file(arriving, _hashing(view, transfer)).partition(":")[2]
            if lease:
                self.leases.take(hex_)
            # Opened anew, and before it has a place: what is given out can't write, and can't be missed.
            reading = arriving.open("rb")
            try:
                self.blobs.add(arriving, hex_)
                self.refs.write(Ref(store=store, view=view, blob=hex_))
            except BaseException:
                reading.close()
                raise
        except BaseException:
            with suppress(OSError):
                arriving.unlink()
            raise
        self.upkeep.soon(os.fstat(reading.fileno()).st_size)
        return hex_, reading


@cache
def _at(root: Path) -> Cache:
    opened = Cache(root)
    marking.begin(root)
    atexit.register(opened.close)
    return opened


# A child takes for itself, and must not wait for a lock that a thread of its parent's held at that moment.
os.register_at_fork(after_in_child=_at.cache_clear)


def current() -> Cache:
    """Return the cache of this machine, made if it is missing.

    Raises:
        InputError: Its directory can't be made or written to.
    """
    return _at(cache_dir())


def if_any() -> Cache | None:
    """Return the cache of this machine; None where its directory can't be made or written to."""
    try:
        return current()
    except InputError:
        return None


def _hex(expected: str | None) -> str | None:
    found = _BLAKE3.fullmatch(expected or "")
    return found[1] if found else None


def _hashing(view: ObjectView, transfer: Transfer | None) -> Callable[[int], None]:
    """Return what tells a transfer of each step of hashing, from the first step on."""
    begun = False

    def hashed(n_bytes: int) -> None:
        nonlocal begun
        if transfer is not None:
            if not begun:
                transfer.begin(Phase.HASHING, view.size_bytes)
            transfer.advance(n_bytes)
        begun = True

    return hashed


def _time_ns(view: ObjectView) -> int:
    # A store may answer with any integer; a filesystem may not.
    return max(0, min(view.create_time_ms, 4_102_444_800_000)) * 1_000_000
