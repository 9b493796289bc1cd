"""The order of objects in windows of some thousand, so that nothing has to look at a million without a pause."""

from __future__ import annotations

from bisect import bisect_right
from operator import neg
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from runloop_jupyter.index.filter import Plan

WINDOW: Final = 5_000
# Windows are taken together, more and more of them, as there is ever more to look at.
_TOGETHER: Final = 5
_LAST: Final = 2**63 - 1


class Windows:
    """Where one window ends and the next begins: positions, newest first, so many objects apart or about that.

    They are found once, and again when another window's worth of objects has come. Until then the window they are in is
    larger, or others smaller: none of it matters to what is found.
    """

    def __init__(self, connection: sqlite3.Connection, objects: int) -> None:
        self._connection = connection
        self._objects = objects
        self._found: list[int] = []
        self._complete = False
        self._come = 0

    def grew(self) -> None:
        """Take notice of one more object."""
        self._come += 1
        if self._come >= self._objects:
            self._found, self._complete, self._come = [], False, 0

    def of(self, way: Plan, before: int | None) -> Iterator[tuple[int | None, int | None]]:
        """Yield the windows under the position `before` that suit `way`: all at once where it yields few."""
        if way.few:
            yield None, before
        elif way.words:
            yield from self._of_words(*way.words, before)
        else:
            yield from self._below(before)

    def _below(self, before: int | None) -> Iterator[tuple[int | None, int | None]]:
        """Yield the windows under the position `before`, newest first: the first position in it, the first after it.

        None is no limit. Boundaries are looked for no sooner than they are needed.
        """
        number = 0 if before is None else bisect_right(self._found, -before, key=neg)
        while before is not None and (since := self._boundary(number)) is not None and since >= before:
            number += 1
        together = 0
        while True:
            together = min(together + 1, _TOGETHER)
            number += together
            since = self._boundary(number - 1)
            yield since, before
            if since is None:
                return
            before = since

    def _of_words(self, table: str, query: str, before: int | None) -> Iterator[tuple[int | None, int | None]]:
        """Yield windows like `_below`, each with so many entries that an index of words yields, however far apart.

        In windows of the whole order FTS5 would go on past the end of each: to the next entry, which may be far.
        """
        together = 0
        while True:
            together = min(together + 1, _TOGETHER)
            n, since = self._connection.execute(
                f"SELECT count(*), min(rowid) FROM (SELECT rowid FROM {table} WHERE {table} MATCH ?"  # noqa: S608
                " AND rowid < ? ORDER BY rowid DESC LIMIT ?)",
                (query, _LAST if before is None else before, self._objects * together),
            ).fetchone()
            if n < self._objects * together:
                yield None, before
                return
            yield since, before
            before = since

    def _boundary(self, number: int) -> int | None:
        """Return where the window `number` begins; None for the last."""
        while len(self._found) <= number and not self._complete:
            after = ("WHERE position < ?", (self._found[-1],)) if self._found else ("", ())
            row = self._connection.execute(
                f"SELECT position FROM object {after[0]} ORDER BY position DESC LIMIT 1 OFFSET ?",  # noqa: S608
                (*after[1], self._objects - 1),
            ).fetchone()
            if row is None:
                self._complete = True
            else:
                self._found.append(row[0])
        return self._found[number] if number < len(self._found) else None
