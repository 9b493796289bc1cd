"""What a start makes good, whatever ended the run before: afterwards the files and the database agree.

A small store is looked through before it serves. A large one serves meanwhile: with a million objects it takes seven
seconds of a processor, and an object that somebody asks for is looked at then (`Objects.get`).
"""

from __future__ import annotations

import struct
import time
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.index import Filter, ObjectIndex, transaction
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.layout import Layout

# An id and how many bytes its file must have. Half a million objects take 20 MB like this, and 100 as a dict.
_WANTED: Final = struct.Struct("31sq")
# A larger store is looked through in several rounds, each for some of the directories.
_TOGETHER: Final = 500_000
_ANY_SIZE: Final = -1
_PAGE: Final = 2000
_NAMED: Final = 5


def check_database(layout: Layout, blobs: Blobs) -> None:
    """Refuse to begin a new database over the files of an old one. Before the database is opened.

    Raises:
        EmbeddedStoreError: The database is gone, the bytes aren't.
    """
    if layout.database.exists() and layout.database.stat().st_size:
        return
    orphans = sum(len(sizes) for _, sizes in blobs.stored())
    if orphans:
        raise EmbeddedStoreError(
            f"{layout.database} is gone, but the bytes of {orphans} objects are there: put it back from a backup,"
            f" or move {layout.root} away to begin anew"
        )


class Recovery:
    """One look through all files and all objects, in steps. Each step runs in the database's thread.

    What differs from the list of objects made first is looked up again before anything is done about it, so that
    uploads and deletes may go on meanwhile. An ERROR object's file is kept: what is left of the bytes is worth more
    than a tidy directory.

    Attributes:
        cut_off: How many uploads the end had cut off; removed.
        removed: How many files of deleted objects were there; removed.
        strays: How many files of objects that the database never heard of, as after an older copy of it was put back;
            set aside.
        damaged: Ids of READ_ONLY objects whose file is gone or has another size; they are ERROR now.
        mended: Ids of ERROR objects whose file is back, as after a disk was mounted; they are READ_ONLY again.
        done: Whether everything was looked at.
    """

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs) -> None:
        self._connection = connection
        self._index = ObjectIndex(connection)
        self._blobs = blobs
        self.cut_off = blobs.clear_incoming()
        self.removed = 0
        self.strays = 0
        self.damaged: list[str] = []
        self.mended: list[str] = []
        self.done = False
        self._steps = self._look_through()

    def advance(self, seconds: float) -> bool:
        """Go on for about so long, and return whether everything was looked at.

        Raises:
            OSError: A directory can't be read.
            sqlite3.Error: No room to write down what is damaged, or a damaged database.
        """
        until = time.monotonic() + seconds
        while not self.done and time.monotonic() < until:
            self.done = next(self._steps, self) is self
        return self.done

    def lines(self, layout: Layout) -> Iterator[str]:
        """Yield what the log says of it; nothing when there was nothing."""
        if self.cut_off:
            yield f"removed {self.cut_off} uploads that were cut off"
        if self.removed:
            yield f"removed the files of {self.removed} deleted objects"
        if self.strays:
            yield f"{self.strays} files belong to no object the database knows: moved to {layout.strays}"
        if self.damaged:
            yield (
                f"{len(self.damaged)} objects have lost their bytes (file gone or of another size) and are ERROR now:"
                f" {_some(self.damaged)}. Put their files back into {layout.blobs}, or delete them"
            )
        if self.mended:
            yield f"the files of {len(self.mended)} objects are back: {_some(self.mended)}"

    def _look_through(self) -> Iterator[None]:
        rounds = 1 + (self._index.count(Filter()) or 0) // _TOGETHER
        for number in range(rounds):
            yield from self._round(number, rounds)

    def _round(self, number: int, rounds: int) -> Iterator[None]:
        def mine(directory: str) -> bool:
            return zlib.crc32(directory.encode()) % rounds == number

        wanted: defaultdict[str, bytearray] = defaultdict(bytearray)
        position = -1
        while rows := self._connection.execute(
            "SELECT position, id, state, size_bytes FROM object WHERE position > ? ORDER BY position LIMIT ?",
            (position, _PAGE),
        ).fetchall():
            position = rows[-1][0]
            for _, object_id, state, size in rows:
                if state != ObjectState.DELETED and mine(object_id[-2:]):
                    size = size if state == ObjectState.READ_ONLY and size is not None else _ANY_SIZE
                    wanted[object_id[-2:]] += _WANTED.pack(object_id.encode(), size)
            self._check([object_id for _, object_id, state, _ in rows if state == ObjectState.ERROR])
            yield
        for directory, sizes in self._blobs.stored(mine):
            self._compare(wanted.pop(directory, bytearray()), sizes)
            for object_id in sizes:
                self._put_away(directory, object_id)
            yield
        for rest in wanted.values():
            self._compare(rest, {})
            yield

    def _compare(self, wanted: bytearray, sizes: dict[str, int]) -> None:
        """Check what has no file of its size, and leave in `sizes` the files that no object in `wanted` has."""
        doubtful = []
        for raw, size in _WANTED.iter_unpack(wanted):
            object_id = raw.decode()
            found = sizes.pop(object_id, None)
            if size not in (_ANY_SIZE, found):
                doubtful.append(object_id)
        self._check(doubtful)

    def _check(self, ids: list[str]) -> None:
        """Make those objects ERROR or READ_ONLY that should be."""
        changes = []
        for object_id in ids:
            view = self._index.get(object_id)
            if view is None or view.state not in (ObjectState.READ_ONLY, ObjectState.ERROR):
                continue
            whole = view.size_bytes is not None and self._blobs.size(object_id) == view.size_bytes
            right = ObjectState.READ_ONLY if whole else ObjectState.ERROR
            if view.state != right:
                changes.append((right, object_id))
        if not changes:
            return
        with transaction(self._connection):
            self._connection.executemany("UPDATE object SET state = ? WHERE id = ?", changes)
        self.damaged += [object_id for state, object_id in changes if state == ObjectState.ERROR]
        self.mended += [object_id for state, object_id in changes if state == ObjectState.READ_ONLY]

    def _put_away(self, directory: str, object_id: str) -> None:
        """Remove the file of a deleted object; move one that the database never heard of; leave one that is new."""
        view = self._index.get(object_id)
        if view is None or object_id[-2:] != directory:
            self._blobs.set_aside(directory, object_id)
            self.strays += 1
        elif view.state == ObjectState.DELETED:
            self._blobs.remove(object_id)
            self.removed += 1


def _some(ids: list[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")
