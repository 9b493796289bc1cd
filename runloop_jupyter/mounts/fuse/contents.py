"""What gives the bytes of a file: the cache, the store by ranges, or several of these, one after the other.

What comes by ranges isn't kept once nobody has it open, but for what the system keeps: part of an object can't be held
against the digest of all, and the cache holds only what was. A small object, which comes whole, is kept.
"""

from __future__ import annotations

import bisect
import errno
import os
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from runloop_jupyter.errors import RunloopError, TransferError, one_line, redact
from runloop_jupyter.filesystems.reading import cached
from runloop_jupyter.mounts.fuse.blocks import BlockReader, Budget
from runloop_jupyter.transfer import parts as sets
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.transfer.fetching import Parts
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.manifest import is_head, size_of, whole
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.transfer.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runloop_jupyter.mounts.fuse.nodes import Source
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.folders.listing import File, Listing
    from runloop_jupyter.wire.objects import ObjectView

SMALL: Final = 1 << 20
"""Bytes up to which an object is fetched whole and verified at the first read, and kept in the cache."""


class Content(Protocol):
    """Bytes, open for reading. Any number of threads may read."""

    def read_into(self, room: memoryview, offset: int) -> int:
        """Fill `room` with the bytes from `offset` on; fewer only at the end.

        Raises:
            RunloopError: They can't be had.
            OSError: There is no room for them, or the disk fails.
        """

    def close(self) -> None:
        """Let go of what it holds; nobody reads any more."""


class Tally:
    """What was read, fetched and failed since the mount was made. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: Counter[str] = Counter()
        self._open: set[Parts] = set()
        self.failures = 0
        self.last_failure: str | None = None

    def gave(self, n_bytes: int) -> None:
        """Count bytes that a reader was given."""
        with self._lock:
            self._sums["read"] += n_bytes

    def fetched(self, n_bytes: int, requests: int) -> None:
        """Count bytes that came otherwise than through `watch`."""
        with self._lock:
            self._sums["fetched"] += n_bytes
            self._sums["requests"] += requests

    def watch(self, parts: Parts) -> Parts:
        """Count what `parts` fetches, until `unwatch`."""
        with self._lock:
            self._open.add(parts)
        return parts

    def unwatch(self, parts: Parts) -> None:
        """Keep what `parts` has fetched, which fetches no more."""
        with self._lock:
            if parts in self._open:
                self._open.remove(parts)
                self._sums["fetched"] += parts.bytes_fetched
                self._sums["requests"] += parts.requests

    def failed(self, path: str, error: BaseException) -> None:
        """Note why something couldn't be read."""
        with self._lock:
            self.failures += 1
            self.last_failure = one_line(redact(f"{path}: {error}"), 300)

    def sums(self) -> tuple[int, int, int]:
        """Return bytes read, bytes fetched, and requests."""
        with self._lock:
            fetched = self._sums["fetched"] + sum(each.bytes_fetched for each in self._open)
            requests = self._sums["requests"] + sum(each.requests for each in self._open)
            return self._sums["read"], fetched, requests


class Opener:
    """Opens what a store holds.

    Args:
        store: The store.
        tally: Told what is fetched.

    Attributes:
        store: As given.
        looked_into: Ids of the objects of which something in the middle was read.
    """

    def __init__(self, store: Store, tally: Tally) -> None:
        self.store = store
        self.looked_into: set[str] = set()
        self._tally = tally
        self._budget = Budget()

    def object(self, view: ObjectView) -> Content:
        """Open an object: from the cache where it is there, whole where it is small, else by ranges.

        Raises:
            TransferError: It has no bytes, or can't be had.
            StoreError: The store refused.
        """
        size = size_of(view)
        if size is None:
            raise TransferError(f"“{view.name}” has no bytes yet (state {view.state})")
        if here := cached(self.store, whole(view)):
            return OnDisk(here)
        if size <= SMALL and (cache := if_any()) is not None and cache.keeps(size):
            return OnDisk(self.whole(view))
        if is_head(view):
            return self._set(view)
        return ByRanges(self, view, size, self._tally, self._budget)

    def whole(self, view: ObjectView) -> BinaryIO:
        """Return an object's verified bytes as an open file: in the cache, unless that may not keep them.

        Raises:
            DigestMismatch: What came isn't what was put.
            TransferError: They can't be had, or there is no room.
            StoreError: The store refused.
            OSError: The disk failed.
        """
        bringing = Whole(self.store.objects, self.store.identity.id, view, self._looking(view.name))
        if here := bringing.here():
            return here
        file = bringing.file()
        self._tally.fetched(bringing.size or 0, 1)
        return file

    def file_of(self, head: ObjectView, listing: Listing, file: File) -> Content:
        """Open a file in a folder that is kept as files.

        Args:
            head: The folder.
            listing: What is in it.
            file: The file.

        Raises:
            TransferError: It is gone, or can't be had.
            StoreError: The store refused.
        """
        fetching = Fetching(
            self.store.objects, self.store.identity.id, head.name, listing, self._looking(head.name), caches=False
        )
        pieces = [_Piece(each.size, lambda each=each: fetching.member(each)) for each in file.pieces]  # type: ignore[misc]
        return self._joined(pieces)

    def _set(self, head: ObjectView) -> Content:
        found = sets.read(self.store.objects, head, self._looking(head.name))
        if found.size != size_of(head):
            raise TransferError(f"“{head.name}” is not what was put: the list of its parts speaks of something else")
        objects = self.store.objects
        return self._joined(
            [
                _Piece(part.size, lambda number=number: sets.member(objects, found, number, head.name))  # type: ignore[misc]
                for number, part in enumerate(found.parts)
            ]
        )

    def _joined(self, pieces: Sequence[_Piece]) -> Content:
        return self.object(pieces[0].view()) if len(pieces) == 1 else Joined(self, pieces)

    def _looking(self, name: str) -> Transfer:
        return Transfer(name, "down", self.store.identity.label)


class OnDisk:
    """A file of this computer.

    Args:
        file: Open for reading; it is closed with this.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._descriptor = file.fileno()

    def read_into(self, room: memoryview, offset: int) -> int:
        """As `Content` has it."""
        done = 0
        while done < len(room) and (count := os.preadv(self._descriptor, [room[done:]], offset + done)):
            done += count
        return done

    def close(self) -> None:
        """As `Content` has it."""
        self._file.close()


class ByRanges:
    """An object of the store, fetched as it is read; whole where the store doesn't give parts.

    Args:
        opener: Opens it otherwise.
        view: The object.
        size: In bytes.
        tally: Told what is fetched.
        budget: What all readers may hold.
    """

    def __init__(self, opener: Opener, view: ObjectView, size: int, tally: Tally, budget: Budget) -> None:
        self._opener = opener
        self._view = view
        self._size = size
        self._tally = tally
        self._parts = tally.watch(Parts(opener.store.objects, view, lambda: None))
        # The system keeps what was read: the end of a table, say, isn't read again when it is opened once more.
        self._blocks = BlockReader(self._parts, size, budget, looked_into=view.id in opener.looked_into)
        self._lock = threading.Lock()
        self._whole: OnDisk | None = None

    def read_into(self, room: memoryview, offset: int) -> int:
        """As `Content` has it."""
        if self._parts.ignored and self._whole is None:
            # All before a part came with it: a second one would cost as much again.
            with self._lock:
                if self._whole is None:
                    self._whole = OnDisk(self._opener.whole(self._view))
        return (self._whole or self._blocks).read_into(room, offset)

    def close(self) -> None:
        """As `Content` has it."""
        self._blocks.rest()
        if self._blocks.looked_into:
            self._opener.looked_into.add(self._view.id)
        self._tally.unwatch(self._parts)
        if self._whole is not None:
            self._whole.close()


@dataclass(frozen=True)
class _Piece:
    """Some bytes of a file: how many, and what finds the object that holds them."""

    size: int
    view: Callable[[], ObjectView]


class Joined:
    """Pieces that follow each other; each is opened when something in it is read.

    Args:
        opener: Opens them.
        pieces: In their order.
    """

    def __init__(self, opener: Opener, pieces: Sequence[_Piece]) -> None:
        self._opener = opener
        self._pieces = pieces
        self._starts = [0]
        for piece in pieces:
            self._starts.append(self._starts[-1] + piece.size)
        self._open: dict[int, Content] = {}
        self._lock = threading.Lock()

    def read_into(self, room: memoryview, offset: int) -> int:
        """As `Content` has it."""
        done = 0
        while done < len(room) and offset + done < self._starts[-1]:
            number = bisect.bisect_right(self._starts, offset + done) - 1
            within = offset + done - self._starts[number]
            wanted = min(len(room) - done, self._pieces[number].size - within)
            count = self._piece(number).read_into(room[done : done + wanted], within)
            if count != wanted:
                raise TransferError("a piece of the file has fewer bytes than it was said to have")
            done += count
        return done

    def close(self) -> None:
        """As `Content` has it."""
        for each in self._open.values():
            each.close()

    def _piece(self, number: int) -> Content:
        with self._lock:
            if number not in self._open:
                self._open[number] = self._opener.object(self._pieces[number].view())
            return self._open[number]


class Volumes:
    """What is open: of each source one content, however many have it open, from its first read on."""

    def __init__(self) -> None:
        self._open: dict[str, Volume] = {}
        self._lock = threading.Lock()

    def take(self, source: Source) -> Volume:
        """Return the volume of a source; to be given back."""
        with self._lock:
            volume = self._open.get(source.key)
            if volume is None:
                volume = self._open[source.key] = Volume(source)
            volume.users += 1
            return volume

    def give_back(self, volume: Volume) -> None:
        """Let go of a volume; the last one closes it."""
        with self._lock:
            volume.users -= 1
            if volume.users:
                return
            del self._open[volume.source.key]
        volume.close()


class Volume:
    """One source's content, opened when it is first read.

    Args:
        source: Where the bytes are.

    Attributes:
        source: As given.
        users: How many have it open.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.users = 0
        self._content: Content | None = None
        self._lock = threading.Lock()

    def read_into(self, room: memoryview, offset: int) -> int:
        """As `Content` has it."""
        content = self._content
        if content is None:
            with self._lock:
                content = self._content
                if content is None:
                    content = self._content = self.source.open()
        return content.read_into(room, offset)

    def close(self) -> None:
        """Close it if it was read."""
        if self._content is not None:
            self._content.close()


@contextmanager
def failures_to(tally: Tally, path: str) -> Iterator[None]:
    """Turn what can go wrong with bytes that are fetched into EIO, and note why."""
    try:
        yield
    except (RunloopError, OSError) as error:
        tally.failed(path, error)
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
