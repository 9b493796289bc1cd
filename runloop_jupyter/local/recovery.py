"""What a start makes good, whatever ended the run before: afterwards the files and the database agree."""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.index import ObjectIndex, transaction
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.layout import Layout

# An id and how many bytes its file must have. A million objects take 40 MB like this, and 200 as a dict.
_WANTED: Final = struct.Struct("31sq")
_ANY_SIZE: Final = -1
_NAMED: Final = 5


@dataclass(frozen=True)
class Recovered:
    """What was found, and made good.

    Attributes:
        cut_off: Uploads that the end cut off; removed.
        removed: Files of deleted objects; removed.
        strays: Files of objects that the database never heard of, as after an older copy of it was put back; set aside.
        damaged: Ids of READ_ONLY objects whose file is gone or has another size; they are ERROR now.
        mended: Ids of ERROR objects whose file is back, as after a disk was mounted; they are READ_ONLY again.
    """

    cut_off: int = 0
    removed: int = 0
    strays: int = 0
    damaged: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()

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


def recover(connection: sqlite3.Connection, blobs: Blobs) -> Recovered:
    """Make files and database agree. Before anything is served: one look at each file, one pass over the objects.

    An ERROR object's file is kept: what is left of the bytes is worth more than a tidy directory.

    Raises:
        OSError: A directory can't be read.
        sqlite3.Error: No room to write down what is damaged, or a damaged database.
    """
    cut_off = blobs.clear_incoming()
    wanted: defaultdict[str, bytearray] = defaultdict(bytearray)
    lost: dict[str, int] = {}
    for object_id, state, size in connection.execute(
        "SELECT id, state, size_bytes FROM object WHERE state <> ?", (ObjectState.DELETED,)
    ):
        whole = state == ObjectState.READ_ONLY
        wanted[object_id[-2:]] += _WANTED.pack(object_id.encode(), size if whole and size is not None else _ANY_SIZE)
        if state == ObjectState.ERROR and size is not None:
            lost[object_id] = size
    removed, strays = 0, 0
    damaged: list[str] = []
    mended: list[str] = []
    index = ObjectIndex(connection)
    for directory, sizes in blobs.stored():
        for raw, size in _WANTED.iter_unpack(wanted.pop(directory, b"")):
            object_id = raw.decode()
            found = sizes.pop(object_id, None)
            if size != _ANY_SIZE and found != size:
                damaged.append(object_id)
            elif object_id in lost and found == lost[object_id]:
                mended.append(object_id)
        for object_id in sizes:
            if index.position(object_id) is None or object_id[-2:] != directory:
                blobs.set_aside(directory, object_id)
                strays += 1
            else:
                blobs.remove(object_id)
                removed += 1
    for rest in wanted.values():
        damaged += [raw.decode() for raw, size in _WANTED.iter_unpack(rest) if size != _ANY_SIZE]
    if damaged or mended:
        with transaction(connection):
            _set_state(connection, ObjectState.ERROR, damaged)
            _set_state(connection, ObjectState.READ_ONLY, mended)
    return Recovered(cut_off, removed, strays, tuple(damaged), tuple(mended))


def _set_state(connection: sqlite3.Connection, state: ObjectState, ids: list[str]) -> None:
    connection.executemany("UPDATE object SET state = ? WHERE id = ?", [(state, each) for each in ids])


def _some(ids: tuple[str, ...]) -> str:
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")
