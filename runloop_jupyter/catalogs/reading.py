"""The index file of a catalog as it is asked, step by step, so that a long answer holds up no short one."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from runloop_jupyter.catalogs import messages
from runloop_jupyter.catalogs.gaps import Kind
from runloop_jupyter.catalogs.place import Damaged, is_damage
from runloop_jupyter.index import ObjectIndex
from runloop_jupyter.index.browsing import Browsing
from runloop_jupyter.options import RESERVED
from runloop_jupyter.wire.browse import Freshness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.catalogs.place import Place
    from runloop_jupyter.catalogs.progress import Progress


class Reader:
    """Answers over the file that holds, whoever writes to it. Belongs to one thread.

    Args:
        place: Where it is.
        progress: Says how far the walk is.
    """

    def __init__(self, place: Place, progress: Callable[[], Progress]) -> None:
        self._place = place
        self._progress = progress
        self._open: tuple[str, sqlite3.Connection, Browsing] | None = None

    def steps(self, message: messages.Asked) -> Iterator[Any]:
        """Yield the answer to a question, after a None wherever others may have their turn.

        Raises:
            InputError: It asks for what can't be.
            Damaged: The file can't be read; it was thrown away.
        """
        _, connection, browsing = self._current()
        try:
            if isinstance(message, messages.Page):
                yield from browsing.page(message.asked)
            elif isinstance(message, messages.Facets):
                yield from browsing.facets(message.asked)
            elif isinstance(message, messages.Suggest):
                yield from browsing.suggest(message.asked)
            elif isinstance(message, messages.Keys):
                yield _keys(connection)
            else:
                yield self.fresh()
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from None

    def behind(self) -> Iterator[None]:
        """Go on, a step at a time, with what was asked for last and isn't known to its end."""
        if self._open is not None:
            try:
                yield from self._open[2].behind()
            except sqlite3.DatabaseError as error:
                raise self._trouble(error) from None

    def fresh(self) -> Freshness:
        """Return how far the store is known.

        Raises:
            Damaged: The file can't be read; it was thrown away.
        """
        _, connection, _ = self._current()
        try:
            return self._fresh(connection)
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from None

    def state(self) -> tuple[Freshness, int]:
        """Return how far the store is known, and a number that is another whenever something has changed.

        Raises:
            Damaged: The file can't be read; it was thrown away.
        """
        _, connection, _ = self._current()
        try:
            (changes,) = connection.execute("SELECT ifnull(sum(changes), 0) FROM tally").fetchone()
            return self._fresh(connection), int(changes)
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from None

    def _fresh(self, connection: sqlite3.Connection) -> Freshness:
        progress = self._progress()
        indexed, fills = connection.execute(
            "SELECT (SELECT ifnull(sum(n), 0) FROM tally), EXISTS (SELECT 1 FROM gap WHERE kind != ?)", (Kind.SWEEP,)
        ).fetchone()
        return Freshness(
            indexed=indexed,
            whole=not fills,
            walking=progress.walking,
            looked_ms=progress.looked_ms,
            trouble=progress.trouble,
        )

    def _current(self) -> tuple[str, sqlite3.Connection, Browsing]:
        name = self._place.current()
        if self._open is not None and self._open[0] == name:
            return self._open
        self._close()
        try:
            connection = self._place.connect(name)
        except Damaged:
            self._place.throw_away(name)
            raise
        browsing = Browsing(connection, lambda: self._fresh(connection), as_json=True)
        self._open = name, connection, browsing
        return self._open

    def _trouble(self, error: sqlite3.DatabaseError) -> Exception:
        if not is_damage(error) or self._open is None:
            return error
        name = self._open[0]
        self._close()
        self._place.throw_away(name)
        return Damaged(name)

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _keys(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    keys = ObjectIndex(connection).metadata.keys()
    return sorted(
        ((key, n) for key, n in keys.items() if not key.startswith(RESERVED)), key=lambda each: (-each[1], each[0])
    )
