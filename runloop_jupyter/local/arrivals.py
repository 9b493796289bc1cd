"""Objects that weren't created here: they come whole, with an id and a past of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from runloop_jupyter.index import ObjectIndex, transaction
from runloop_jupyter.local import limits
from runloop_jupyter.local.expiry import Expiry
from runloop_jupyter.local.ids import position_of
from runloop_jupyter.local.refusal import bad_request
from runloop_jupyter.wire.objects import ContentType, ObjectState, ObjectView

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from runloop_jupyter.local.bag import Description
    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.objects import Objects

_INT64: Final = 2**63 - 1
_YEAR_9999: Final = 253_402_300_799_999
_CONTENT_TYPES: Final = frozenset(ContentType)


class Arrivals:
    """What its owner's upkeep asks of the database and changes in it. All methods run in the database's thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        objects: Objects,
        blobs: Blobs,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._index = ObjectIndex(connection)
        self._objects = objects
        self._blobs = blobs
        self._expiry = Expiry(connection, clock)

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the state of each object with one of these ids, by id; nothing of those that aren't here."""
        found = (self._index.get(each) for each in ids)
        return {each.id: self._expiry.seen(each).state for each in found if each is not None}

    def overdue(self) -> int:
        """Return how many objects are past their time and not deleted yet."""
        return self._expiry.overdue()

    def take_in(self, description: Description, temporary: Path, *, restore: bool) -> str:
        """Make an object of another store, or of this one once, one of this store's, whole from the first moment on.

        Args:
            description: What it was.
            temporary: Its bytes, checked and on the disk; taken away when the object is taken in.
            restore: Also where it was deleted from this store.

        Returns:
            ``taken``; or why not: ``here`` (never replaced), ``deleted`` from this store, ``expired``.

        Raises:
            Refusal: 400 when it isn't what an object can be.
        """
        position = _checked(description)
        before = self._index.get(description.id)
        if before is not None and self._expiry.seen(before).state != ObjectState.DELETED:
            return "here"
        if before is not None and not restore:
            return "deleted"
        due = description.delete_after_time_ms
        if due is not None and due <= self._expiry.now_ms():
            return "expired"
        # Two stores may have created in the same millisecond; whoever pages looks an object's own position up.
        kept = self._index.position(description.id)
        while kept is None and self._index.taken(position):
            position += 1
        self._place(description, temporary, position if kept is None else kept)
        self._objects.overtaken_by(position)
        return "taken"

    def _place(self, description: Description, temporary: Path, position: int) -> None:
        view = ObjectView(
            id=description.id,
            name=description.name,
            state=ObjectState.READ_ONLY,
            content_type=description.content_type,
            create_time_ms=description.create_time_ms,
            size_bytes=description.size_bytes,
            delete_after_time_ms=description.delete_after_time_ms,
            metadata=description.metadata,
        )
        self._blobs.place(temporary, view.id)
        try:
            self._blobs.settled_size(view.id)  # the name is on the disk before the database speaks of it
            with transaction(self._connection):
                self._connection.execute("DELETE FROM doomed WHERE id = ?", (view.id,))
                self._index.put(position, view)
                self._expiry.expect(position, view.delete_after_time_ms)
        except BaseException:
            self._blobs.remove(view.id)
            raise


def _checked(description: Description) -> int:
    """Return the position that an id was made for. Raises Refusal 400 for what can't be an object."""
    position = position_of(description.id)
    if (
        position is None
        or description.content_type not in _CONTENT_TYPES
        or not 0 <= description.create_time_ms <= _YEAR_9999
        or not 0 <= (description.delete_after_time_ms or 0) <= _INT64
    ):
        raise bad_request(f"{description.id[:60]!r} isn't described as an object can be")
    limits.check(description.name, description.metadata)
    return position
