"""What was found out of an index, for as long as nothing in it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable

V = TypeVar("V")


class Remembered(Generic[V]):
    """The last few answers to questions that take several steps."""

    def __init__(self, connection: sqlite3.Connection, most: int) -> None:
        """Remember up to `most`."""
        self._connection = connection
        self._most = most
        self._changes = -1
        self._found: dict[Hashable, V] = {}

    def changes(self) -> int:
        """Return a number that goes up whenever something changes."""
        (changes,) = self._connection.execute("SELECT ifnull(sum(changes), 0) FROM tally").fetchone()
        if changes != self._changes:
            self._found, self._changes = {}, changes
        return int(changes)

    def get(self, what: Hashable) -> V | None:
        """Return the answer; None where nobody knows it, or not any more."""
        self.changes()
        return self._found.get(what)

    def put(self, what: Hashable, found: V, changes: int) -> None:
        """Remember an answer, unless something has changed since `changes` was read, before it was looked for."""
        if self.changes() == changes:
            self._found[what] = found
            if len(self._found) > self._most:
                del self._found[next(iter(self._found))]
