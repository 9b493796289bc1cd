"""Many objects at once: what `ObjectIndex.put` does for each, a page at a time, in the order in which a disk likes it.

Pairs go in sorted, each once with how often the page has it, in place of two triggers for every pair of every object;
rows of the indexes of words go in ascending, for FTS5 begins another segment wherever a row comes before the last.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from runloop_jupyter.index.row import INSERT, row
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from runloop_jupyter.wire.objects import ObjectView

_COUNTS: Final = "object_meta_inserted"


def put_new(connection: sqlite3.Connection, placed: Iterable[tuple[int, ObjectView]]) -> None:
    """Take in objects, each at a position, in the caller's transaction. No position and no id may be taken.

    While it lasts a trigger is set aside: other connections read their statements anew after the transaction.
    """
    rows = sorted(placed, key=lambda each: each[0])
    names = _names(connection, [view.name for _, view in rows])
    connection.executemany(INSERT, (row(position, view, names[view.name]) for position, view in rows))
    _put_metadata(connection, [(position, view.metadata) for position, view in rows if view.metadata is not None])


def _names(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, int]:
    """Return the number of each name, a new one for each that nothing is called by yet."""
    different = sorted(set(names))
    known: dict[str, int] = {}
    for name in different:
        if row := connection.execute("SELECT named FROM object WHERE name = ? LIMIT 1", (name,)).fetchone():
            known[name] = row[0]
    (greatest,) = connection.execute("SELECT ifnull(max(number), 0) FROM name").fetchone()
    new = {name: greatest + n for n, name in enumerate((each for each in different if each not in known), start=1)}
    connection.executemany("INSERT INTO name (number) VALUES (?)", ((number,) for number in new.values()))
    return known | new


def _put_metadata(connection: sqlite3.Connection, placed: Sequence[tuple[int, dict[str, str]]]) -> None:
    if not placed:
        return
    connection.executemany(
        "INSERT INTO object_metadata VALUES (?, ?)",
        ((position, json.encode(metadata).decode()) for position, metadata in placed),
    )
    keys = _keys(connection, Counter(text for _, metadata in placed for text in metadata))
    pairs = _pairs(
        connection, Counter((keys[text], value) for _, metadata in placed for text, value in metadata.items())
    )
    held = [
        (position, [(keys[text], pairs[keys[text], value]) for text, value in metadata.items()])
        for position, metadata in placed
    ]
    (trigger,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (_COUNTS,)).fetchone()
    connection.execute(f"DROP TRIGGER {_COUNTS}")
    connection.executemany(
        "INSERT INTO object_meta VALUES (?, ?, ?)",
        sorted((key, position, pair) for position, some in held for key, pair in some),
    )
    connection.execute(trigger)
    connection.executemany(
        "INSERT INTO object_pair (rowid, pairs) VALUES (?, ?)",
        ((position, " ".join(str(pair) for _, pair in some)) for position, some in held),
    )


def _keys(connection: sqlite3.Connection, uses: Counter[str]) -> dict[str, int]:
    """Count so many uses of each key, and return their numbers."""
    connection.executemany(
        "INSERT INTO meta_key (text, n) VALUES (?, ?) ON CONFLICT (text) DO UPDATE SET n = n + excluded.n",
        uses.items(),
    )
    number = connection.execute
    return {text: number("SELECT key FROM meta_key WHERE text = ?", (text,)).fetchone()[0] for text in uses}


def _pairs(connection: sqlite3.Connection, uses: Counter[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Count so many uses of each pair, and return their numbers."""
    ordered = sorted(uses)
    connection.executemany(
        "INSERT INTO meta_pair (key, value, n) VALUES (?, ?, ?)"
        " ON CONFLICT (key, value) DO UPDATE SET n = n + excluded.n",
        ((key, value, uses[key, value]) for key, value in ordered),
    )
    number = connection.execute
    statement = "SELECT pair FROM meta_pair WHERE key = ? AND value = ?"
    return {pair: number(statement, pair).fetchone()[0] for pair in ordered}
