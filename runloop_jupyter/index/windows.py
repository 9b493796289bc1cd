"""The order of objects in windows of some thousand, so that nothing has to look at a million without a pause."""

from __future__ import annotations

import time
from bisect import bisect_right
from operator import neg
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

WINDOW: Final = 5_000
# How long others wait for their turn. More often would cost more than it gives: a turn goes through two threads.
TURN_S: Final = 0.01
# Windows are taken together, more and more of them, as there is ever more to look at.
_TOGETHER: Final = 5


class Turn:
    """The time since others last had theirs."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def is_over(self) -> bool:
        """Whether it is their turn; the next one then begins."""
        now = time.monotonic()
        if now - self._began < TURN_S:
            return False
        self._began = now
        return True


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

    def below(self, before: int | None) -> Iterator[tuple[int | None, int | None]]:
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
