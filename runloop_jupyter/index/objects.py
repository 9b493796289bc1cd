"""The objects in an index: put in, changed, read back in pages, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from msgspec import Raw

from runloop_jupyter.index.filter import Filter, kept_count, plan
from runloop_jupyter.index.fold import fold
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

_COLUMNS: Final = (
    "o.id, o.name, o.state, o.content_type, o.create_time_ms, o.size_bytes, o.delete_after_time_ms, o.metadata"
)


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

    Belongs to one thread. Changes take part in the caller's `transaction`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, position: int, view: ObjectView) -> None:
        """Take in `view` at `position`, in the place of whatever had that position or id."""
        db = self._connection
        db.execute("DELETE FROM object WHERE position = ? OR id = ?", (position, view.id))
        db.execute(
            "INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                position,
                view.id,
                view.name,
                fold(view.name),
                view.state,
                view.content_type,
                view.create_time_ms,
                view.size_bytes,
                view.delete_after_time_ms,
                None if view.metadata is None else json.encode(view.metadata).decode(),
            ),
        )
        for pair in (view.metadata or {}).items():
            db.execute("INSERT OR IGNORE INTO meta_pair (key, value) VALUES (?, ?)", pair)
            db.execute(
                "INSERT INTO object_meta SELECT pair, ? FROM meta_pair WHERE key = ? AND value = ?", (position, *pair)
            )

    def change(self, position: int, *, state: str, size_bytes: int | None) -> None:
        """Set state and size of the object at `position`."""
        self._connection.execute(
            "UPDATE object SET state = ?, size_bytes = ? WHERE position = ?", (state, size_bytes, position)
        )

    def drop_metadata(self, position: int) -> None:
        """Forget the metadata of the object at `position`."""
        self._connection.execute("UPDATE object SET metadata = NULL WHERE position = ?", (position,))
        self._connection.execute("DELETE FROM object_meta WHERE position = ?", (position,))

    def remove(self, position: int) -> None:
        """Forget the object at `position`; harmless where there is none."""
        self._connection.execute("DELETE FROM object WHERE position = ?", (position,))

    def get(self, object_id: str) -> ObjectView | None:
        """Return the object with this id."""
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM object AS o WHERE o.id = ?", (object_id,)).fetchone()  # noqa: S608
        return None if row is None else _view(row)

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
        """Return the `limit` newest objects that `wanted` means, of those older than the position `before`.

        Args:
            wanted: Which objects are meant.
            limit: How many at most.
            before: The position that they are older than; None for the newest.
            as_json: Leave metadata the JSON that it is stored as, for a page that will only be encoded: reading and
                writing it again takes longer than all the rest.
        """
        way = plan(self._connection, wanted)
        if way is None:
            return Page([], has_more=False)
        where, values = list(way.where), list(way.values)
        if before is not None:
            where.append(f"{way.key} < ?")
            values.append(before)
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM {way.source}{_where(where)} ORDER BY {way.key} DESC LIMIT ?",  # noqa: S608
            (*values, limit + 1),
        ).fetchall()
        return Page([_view(row, as_json=as_json) for row in rows[:limit]], has_more=len(rows) > limit)

    def count(self, wanted: Filter) -> int:
        """Return how many objects `wanted` means."""
        kept = kept_count(self._connection, wanted)
        if kept is not None:
            return kept
        way = plan(self._connection, wanted)
        if way is None:
            return 0
        (n,) = self._connection.execute(
            f"SELECT count(*) FROM {way.source}{_where(way.where)}",  # noqa: S608
            way.values,
        ).fetchone()
        return int(n)

    def tally(self) -> dict[str, Tally]:
        """Return, by state, how many objects and bytes there are."""
        rows = self._connection.execute("SELECT state, sum(n), sum(size_bytes) FROM tally GROUP BY state HAVING sum(n)")
        return {state: Tally(n, size) for state, n, size in rows}

    def metadata_keys(self) -> list[str]:
        """Return every metadata key in use, in code point order."""
        # One step from key to key: DISTINCT would read every value of every key.
        rows = self._connection.execute(
            "WITH RECURSIVE step (key) AS (SELECT min(key) FROM meta_pair UNION ALL"
            " SELECT (SELECT min(key) FROM meta_pair WHERE key > step.key) FROM step WHERE step.key IS NOT NULL)"
            " SELECT key FROM step WHERE key IS NOT NULL"
        )
        return [key for (key,) in rows]

    def metadata_values(self, key: str) -> dict[str, int]:
        """Return the values in use under `key`, in code point order, each with how many objects have it."""
        rows = self._connection.execute("SELECT value, n FROM meta_pair WHERE key = ? ORDER BY value", (key,))
        return dict(rows.fetchall())

    def metadata_counts(self, key: str | None = None, *, without: Collection[str] = ()) -> dict[str, int]:
        """Return the metadata keys in use, or the values of `key`, each with how many objects have it.

        Args:
            key: Whose values; None for the keys.
            without: States whose objects aren't counted. They are looked at one by one: states that few are in.
        """
        text, only, values = ("key", "", ()) if key is None else ("value", " WHERE key = ?", (key,))
        counts: dict[str, int] = dict(
            self._connection.execute(
                f"SELECT {text}, sum(n) FROM meta_pair{only} GROUP BY {text} ORDER BY {text}",  # noqa: S608
                values,
            ).fetchall()
        )
        uncounted = self._connection.execute(
            f"SELECT p.{text}, count(*) FROM object AS o CROSS JOIN object_meta AS m ON m.position = o.position"  # noqa: S608
            f" CROSS JOIN meta_pair AS p ON p.pair = m.pair WHERE o.state IN ({', '.join('?' * len(without))})"
            f"{only and ' AND p.key = ?'} GROUP BY p.{text}",
            (*without, *values),
        )
        for each, n in uncounted:
            counts[each] -= n
        return counts


def _where(conditions: list[str] | tuple[str, ...]) -> str:
    return " WHERE " + " AND ".join(conditions) if conditions else ""


def _view(row: tuple[Any, ...], *, as_json: bool = False) -> ObjectView:
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
