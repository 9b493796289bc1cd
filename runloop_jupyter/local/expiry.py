"""When which object's time comes, and what it is from then on, whether or not its bytes have been removed yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from runloop_jupyter.wire.objects import ObjectView


class Due(NamedTuple):
    """An entry whose time has come.

    Attributes:
        due_ms: When that was.
        position: Where the object stands in the order.
        object_id: Its id; None where there is no object there any more.
    """

    due_ms: int
    position: int
    object_id: str | None


class Expiry:
    """The times to come, over the store's connection."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._clock = clock

    def now_ms(self) -> int:
        """Return the time of day."""
        return int(self._clock() * 1000)

    def expect(self, position: int, due_ms: int | None) -> None:
        """Keep in mind that the time of the object at `position` comes then; None is never."""
        if due_ms is not None:
            self._connection.execute("INSERT OR REPLACE INTO ttl VALUES (?, ?)", (due_ms, position))

    def due(self, limit: int) -> list[Due]:
        """Return the entries whose time has come, the earliest first."""
        rows = self._connection.execute(
            "SELECT due_ms, position, id FROM ttl LEFT JOIN object USING (position) WHERE due_ms <= ?"
            " ORDER BY due_ms, position LIMIT ?",
            (self.now_ms(), limit),
        )
        return [Due(*row) for row in rows]

    def forget(self, entries: Sequence[Due]) -> None:
        """Take `entries` out: what they stood for is done."""
        self._connection.executemany(
            "DELETE FROM ttl WHERE due_ms = ? AND position = ?", [(each.due_ms, each.position) for each in entries]
        )

    def overdue(self) -> int:
        """Return how many objects are past their time and not deleted yet."""
        (n,) = self._connection.execute(
            "SELECT count(*) FROM ttl JOIN object AS o USING (position) WHERE due_ms <= ? AND o.state != ?",
            (self.now_ms(), ObjectState.DELETED),
        ).fetchone()
        return int(n)

    def seen(self, view: ObjectView) -> ObjectView:
        """Return `view` as it is to be seen now: past its time an object is deleted, also before anybody was there."""
        due = view.delete_after_time_ms
        if due is None or view.state == ObjectState.DELETED or due > self.now_ms():
            return view
        return msgspec.structs.replace(view, state=ObjectState.DELETED, metadata=None)
