"""The objects in an index: put in, changed, read back in pages, counted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from msgspec import Raw

from runloop_jupyter.index.counts import kept_count
from runloop_jupyter.index.deadline import TimeUp, Turn, cut_off
from runloop_jupyter.index.facets import Facets, facets
from runloop_jupyter.index.filter import Filter, plan
from runloop_jupyter.index.metadata import MetadataIndex
from runloop_jupyter.index.row import INSERT, row
from runloop_jupyter.index.windows import WINDOW, Windows
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.index.filter import Plan

COLUMNS: Final = "o.id, o.name, o.state, o.content_type, o.create_time_ms, o.size_bytes, o.delete_after_time_ms, j.json"
METADATA: Final = " LEFT JOIN object_metadata AS j ON j.position = o.position"


@dataclass(frozen=True)
class Page:
    """Objects newest first, and whether there are older ones."""

    objects: list[ObjectView]
    has_more: bool


@dataclass(frozen=True)
class Tally:
    """How many objects there are in one state, and their bytes."""

    objects: int
    size_bytes: int


class ObjectIndex:
    """Objects by position (greater is newer) and id, over a connection that its caller opened with `connect`.

    Belongs to one thread. Changes take part in the caller's `transaction`. Whatever may have to look at very many
    objects is an iterator that pauses (yields None) every few milliseconds, so that others get their turn; between two
    steps objects may come and go, and each is reported as it is when it is looked at.

    Attributes:
        metadata: Keys and values in use.
    """

    def __init__(self, connection: sqlite3.Connection, *, window: int = WINDOW) -> None:
        """Take over `connection`; `window` is how many objects are looked at before the first pause."""
        self._connection = connection
        self._windows = Windows(connection, window)
        self.metadata = MetadataIndex(connection)

    def put(self, position: int, view: ObjectView) -> None:
        """Take in `view` at `position`, in the place of whatever had that position or id."""
        db = self._connection
        for (each,) in db.execute(
            "SELECT position FROM object WHERE position = ? OR id = ?", (position, view.id)
        ).fetchall():
            self.remove(each)
        db.execute(INSERT, row(position, view, self._named(view.name)))
        if view.metadata is not None:
            self.metadata.put(position, view.metadata)
        self._windows.grew()

    def _named(self, name: str) -> int:
        """Return the number of `name`, a new one where nothing is called so."""
        row = self._connection.execute("SELECT named FROM object WHERE name = ? LIMIT 1", (name,)).fetchone()
        if row is None:
            row = self._connection.execute("INSERT INTO name DEFAULT VALUES RETURNING number").fetchone()
        return int(row[0])

    def change(self, position: int, *, state: str, size_bytes: int | None) -> None:
        """Set state and size of the object at `position`."""
        self._connection.execute(
            "UPDATE object SET state = ?, size_bytes = ? WHERE position = ?", (state, size_bytes, position)
        )

    def drop_metadata(self, position: int) -> None:
        """Forget the metadata of the object at `position`."""
        self._connection.execute("UPDATE object SET tagged = 0 WHERE position = ?", (position,))
        self.metadata.remove(position)

    def remove(self, position: int) -> None:
        """Forget the object at `position`; harmless where there is none."""
        self.metadata.remove(position)
        self._connection.execute("DELETE FROM object WHERE position = ?", (position,))

    def get(self, object_id: str) -> ObjectView | None:
        """Return the object with this id."""
        row = self._connection.execute(
            f"SELECT {COLUMNS} FROM object AS o{METADATA} WHERE o.id = ?",  # noqa: S608
            (object_id,),
        ).fetchone()
        return None if row is None else view_of(row)

    def position(self, object_id: str) -> int | None:
        """Return where the object with this id stands in the order."""
        row = self._connection.execute("SELECT position FROM object WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else int(row[0])

    def taken(self, position: int) -> bool:
        """Return whether an object stands at `position`."""
        return self._connection.execute("SELECT 1 FROM object WHERE position = ?", (position,)).fetchone() is not None

    def newest(self) -> int | None:
        """Return the greatest position; None in an empty index."""
        (position,) = self._connection.execute("SELECT max(position) FROM object").fetchone()
        return None if position is None else int(position)

    def page(self, wanted: Filter, *, limit: int, before: int | None = None, as_json: bool = False) -> Page:
        """Return the page that `walk` ends with, without a pause."""
        return _last(self.walk(wanted, limit=limit, before=before, as_json=as_json))

    def walk(
        self, wanted: Filter, *, limit: int, before: int | None = None, as_json: bool = False
    ) -> Iterator[Page | None]:
        """Yield the `limit` newest objects that `wanted` means, of those older than the position `before`.

        Args:
            wanted: Which objects are meant.
            limit: How many at most.
            before: The position that they are older than; None for the newest.
            as_json: Leave metadata the JSON that it is stored as, for a page that will only be encoded: reading and
                writing it again takes longer than all the rest.
        """
        rows: list[tuple[Any, ...]] = []
        way = plan(self._connection, wanted)
        if way is not None:
            shown = way.with_object().followed_by(METADATA)
            order, turn = f" ORDER BY {way.key} DESC LIMIT ?", Turn()
            for since, until in self._windows.of(way, before):
                # That a window has none is told in two thirds of the time by walking it upwards. The first has some.
                if until == before or way.words or self._any(way.between(since, until)):
                    statement, values = shown.between(since, until).select(COLUMNS, order)
                    rows += self._connection.execute(statement, (*values, limit + 1 - len(rows)))
                if len(rows) > limit:
                    break
                if turn.is_over():
                    yield None
        yield Page([view_of(row, as_json=as_json) for row in rows[:limit]], has_more=len(rows) > limit)

    def _any(self, way: Plan) -> bool:
        return self._connection.execute(*way.select("1", " LIMIT 1")).fetchone() is not None

    def count(self, wanted: Filter, *, within_s: float | None = None) -> int | None:
        """Return how many objects `wanted` means; None when counting them takes longer than `within_s` seconds."""
        try:
            with cut_off(self._connection, None if within_s is None else time.monotonic() + within_s):
                n = kept_count(self._connection, wanted)
                if n is None:
                    way = plan(self._connection, wanted)
                    n = 0 if way is None else self._connection.execute(*way.all().select("count(*)")).fetchone()[0]
                return n
        except TimeUp:
            return None

    def facets(
        self, wanted: Filter, keys: Sequence[str], *, limit: int, within_s: float | None = None
    ) -> Iterator[Facets | None]:
        """Yield, for each of `keys`, the values that most of the objects have that `wanted` means; see `facets`."""
        return facets(self._connection, self._windows, wanted, keys, limit=limit, within_s=within_s)

    def tally(self) -> dict[str, Tally]:
        """Return, by state, how many objects and bytes there are."""
        rows = self._connection.execute("SELECT state, sum(n), sum(size_bytes) FROM tally GROUP BY state HAVING sum(n)")
        return {state: Tally(n, size) for state, n, size in rows}


def _last(steps: Iterator[Page | None]) -> Page:
    *_, page = steps
    assert page is not None  # noqa: S101 - walk ends with a page
    return page


def view_of(row: tuple[Any, ...], *, as_json: bool = False) -> ObjectView:
    """Return the object that a row of `COLUMNS` holds; with `as_json` its metadata is left as it is stored."""
    object_id, name, state, content_type, create_time_ms, size_bytes, delete_after_time_ms, metadata = row
    if metadata is not None:
        metadata = Raw(metadata) if as_json else json.decode(metadata.encode(), dict[str, str])
    return ObjectView(
        id=object_id,
        name=name,
        state=state,
        content_type=content_type,
        create_time_ms=create_time_ms,
        size_bytes=size_bytes,
        delete_after_time_ms=delete_after_time_ms,
        metadata=metadata,
    )
