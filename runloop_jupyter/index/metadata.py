"""Metadata in an index: which object has which pairs, the keys in use, the values in use under each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.index.counts import uncounted
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping

_SLICE: Final = 10_000
_OBJECTS: Final = 5_000


class MetadataIndex:
    """Pairs, keys and values, over the index's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put(self, position: int, metadata: Mapping[str, str]) -> None:
        """Take in the metadata of the object at `position`, which has none yet."""
        db = self._connection
        db.execute("INSERT INTO object_metadata VALUES (?, ?)", (position, json.encode(metadata).decode()))
        pairs: list[int] = []
        for text, value in metadata.items():
            db.execute("INSERT OR IGNORE INTO meta_key (text) VALUES (?)", (text,))
            (key,) = db.execute("SELECT key FROM meta_key WHERE text = ?", (text,)).fetchone()
            db.execute("INSERT OR IGNORE INTO meta_pair (key, value) VALUES (?, ?)", (key, value))
            (pair,) = db.execute("SELECT pair FROM meta_pair WHERE key = ? AND value = ?", (key, value)).fetchone()
            db.execute("INSERT INTO object_meta VALUES (?, ?, ?)", (key, position, pair))
            pairs.append(pair)
        db.execute("INSERT INTO object_pair (rowid, pairs) VALUES (?, ?)", (position, _words(pairs)))

    def remove(self, position: int) -> None:
        """Forget the metadata of the object at `position`; harmless where there is none."""
        db = self._connection
        row = db.execute("SELECT json FROM object_metadata WHERE position = ?", (position,)).fetchone()
        if row is None:
            return
        pairs: list[int] = []
        for text in json.decode(row[0].encode(), dict[str, str]):
            key, pair = db.execute(
                "SELECT key, pair FROM object_meta WHERE key = (SELECT key FROM meta_key WHERE text = ?)"
                " AND position = ?",
                (text, position),
            ).fetchone()
            db.execute("DELETE FROM object_meta WHERE key = ? AND position = ?", (key, position))
            pairs.append(pair)
        # It holds no text: what is to be taken out has to be said.
        db.execute(
            "INSERT INTO object_pair (object_pair, rowid, pairs) VALUES ('delete', ?, ?)", (position, _words(pairs))
        )
        db.execute("DELETE FROM object_metadata WHERE position = ?", (position,))

    def keys(self) -> dict[str, int]:
        """Return every key in use, in code point order, each with how many objects have it."""
        return dict(self._connection.execute("SELECT text, n FROM meta_key ORDER BY text").fetchall())

    def keys_without(self, states: Collection[str]) -> Iterator[dict[str, int] | None]:
        """Yield what `keys` returns, without counting objects in `states`; those are looked at one by one."""
        less: dict[str, int] = {}
        for state in states:
            after: int | None = None
            while True:
                rows = self._connection.execute(
                    "SELECT j.position, j.json FROM object AS o INDEXED BY object_tagged"
                    " CROSS JOIN object_metadata AS j ON j.position = o.position"
                    " WHERE o.tagged AND o.state = ? AND (? IS NULL OR o.position > ?) ORDER BY o.position LIMIT ?",
                    (state, after, after, _OBJECTS),
                ).fetchall()
                for _, metadata in rows:
                    for key in json.decode(metadata.encode(), dict[str, str]):
                        less[key] = less.get(key, 0) + 1
                if len(rows) < _OBJECTS:
                    break
                after = rows[-1][0]
                yield None
        # What came or went between two steps must not make a count negative.
        yield {key: max(n - less.get(key, 0), 0) for key, n in self.keys().items()}

    def values(self, key: str) -> Iterator[list[str]]:
        """Yield the values in use under `key`, in code point order, some thousand at a time.

        There may be as many as there are objects.
        """
        for rows in self._slices(key, "value"):
            yield [value for (value,) in rows]

    def value_counts(self, key: str, *, without: Collection[str] = ()) -> Iterator[dict[str, int]]:
        """Yield what `values` does, each value with how many objects have it.

        Args:
            key: Whose values.
            without: States whose objects aren't counted. They are looked at one by one: states that few are in.
        """
        less: dict[int, int] | None = None
        for rows in self._slices(key, "value, n, pair, key"):
            if less is None:
                less = uncounted(self._connection, rows[0][3], without).pairs
            yield {value: max(n - less.get(pair, 0), 0) for value, n, pair, _ in rows}

    def _slices(self, key: str, columns: str) -> Iterator[list[Any]]:
        row = self._connection.execute("SELECT key FROM meta_key WHERE text = ?", (key,)).fetchone()
        if row is None:
            return
        # The first value may be the empty one; after that each slice begins after the last.
        condition = ""
        after: tuple[str, ...] = ()
        while True:
            rows = self._connection.execute(
                f"SELECT {columns} FROM meta_pair WHERE key = ?{condition} ORDER BY value LIMIT ?",  # noqa: S608
                (row[0], *after, _SLICE),
            ).fetchall()
            if rows:
                yield rows
            if len(rows) < _SLICE:
                return
            condition, after = " AND value > ?", (rows[-1][0],)


def _words(pairs: Collection[int]) -> str:
    return " ".join(map(str, pairs))
