"""Facets of all objects in a state: from what triggers keep, less what is hidden, and from the orders of indexes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from runloop_jupyter.index.facets import frequent
from runloop_jupyter.index.filter import after
from runloop_jupyter.index.remembered import Remembered
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.index.counters import Folders, InRanges, Values

# Up to so many hidden objects are looked at one by one.
_HIDDEN: Final = 20_000
# So many entries of an index are counted without a pause.
_COUNTED: Final = 25_000
_NAMES: Final = 500
# Of so many keys it is remembered what hidden objects have.
_KEYS: Final = 12
_LATE: Final = "delete_after_time_ms IS NOT NULL AND state != 'DELETED' AND delete_after_time_ms <= ?"


def late(connection: sqlite3.Connection, state: str, now_ms: int, column: str) -> list[object]:
    """Return `column` of each object that stands in a state and is past its time, parts of sets left out."""
    return [
        value
        for (value,) in connection.execute(
            f"SELECT {column} FROM object INDEXED BY object_by_expiry"  # noqa: S608
            f" WHERE {_LATE} AND state = ? AND NOT part",
            (now_ms, state),
        )
    ]


class Ended(NamedTuple):
    """Objects under one name that stand in a state and are past their time.

    Attributes:
        named: The name's number.
        objects: How many they are.
        size_bytes: Their bytes.
        is_all: Whether the name has no other living ones.
    """

    named: int
    objects: int
    size_bytes: int
    is_all: bool


def ended(connection: sqlite3.Connection, state: str, now_ms: int) -> list[Ended]:
    """Return what stands in a state and is past its time, parts of sets left out."""
    rows = connection.execute(
        "SELECT o.named, count(*), sum(ifnull(o.size_bytes, 0)), n.living <= count(*)"  # noqa: S608
        f" FROM object AS o INDEXED BY object_by_expiry CROSS JOIN name AS n ON n.number = o.named"
        f" WHERE {_LATE} AND o.state = ? AND NOT o.part GROUP BY o.named",
        (now_ms, state),
    )
    return [Ended(named, n, size, bool(whole)) for named, n, size, whole in rows]


def hidden(connection: sqlite3.Connection, state: str, now_ms: int) -> list[int] | None:
    """Return the positions of what has metadata and isn't to be counted among objects of a state; None for too many."""
    rows = connection.execute(
        "SELECT position FROM ("  # noqa: S608 - all of it stands here
        "SELECT position FROM object INDEXED BY object_tagged WHERE tagged AND state < ?"
        " UNION ALL SELECT position FROM object INDEXED BY object_tagged WHERE tagged AND state > ?"
        " UNION ALL SELECT position FROM object INDEXED BY object_part WHERE part AND state = ?"
        f" UNION ALL SELECT position FROM object INDEXED BY object_by_expiry WHERE {_LATE} AND state = ? AND NOT part"
        ") LIMIT ?",
        (state, state, state, now_ms, state, _HIDDEN + 1),
    ).fetchall()
    return None if len(rows) > _HIDDEN else [position for (position,) in rows]


class Hidden:
    """What is to be taken from the numbers kept for objects that are whole, until something changes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._found: Remembered[Counter[int]] = Remembered(connection, _KEYS)

    def less(self, state: str, key: int, positions: Sequence[int]) -> Iterator[Counter[int] | None]:
        """Yield how many of the objects at `positions`, hidden from those of a state, have each pair of a key.

        Nones come before that.
        """
        what = (state, key, len(positions))  # with time, more are past theirs
        found, changes = self._found.get(what), self._found.changes()
        if found is None:
            found = Counter()
            for start in range(0, len(positions), _NAMES):
                rows = self._connection.execute(
                    "SELECT x.pair FROM json_each(?) AS b"
                    " CROSS JOIN object_meta AS x ON x.key = ? AND x.position = b.value",
                    (json.encode(positions[start : start + _NAMES]).decode(), key),
                )
                found.update([pair for (pair,) in rows])
                yield None
            self._found.put(what, found, changes)
        yield found


def values(
    connection: sqlite3.Connection,
    found: Values,
    hidden: Hidden,
    state: str,
    positions: Sequence[int],
    limit: int,
) -> Iterator[None]:
    """Tell `found` the most frequent values, of objects of a state, from which those at `positions` are hidden."""
    if found.key is not None:
        less: Counter[int] | None = None
        for less in hidden.less(state, found.key, positions):
            if less is None:
                yield
        assert less is not None  # noqa: S101 - it ends with them
        gone = 0
        for pair, n in less.items():
            (kept,) = connection.execute("SELECT ifnull(max(n), 0) FROM meta_pair WHERE pair = ?", (pair,)).fetchone()
            gone += kept <= n
        row = connection.execute("SELECT pairs FROM meta_key WHERE key = ?", (found.key,)).fetchone()
        found.distinct = 0 if row is None else row[0] - gone
        found.less = less
        found.counts = Counter({pair: n for n, pair in frequent(connection, found.key, less, limit)})
    found.complete = True
    yield


def at_least(connection: sqlite3.Connection, found: Values, hidden: int, limit: int) -> None:
    """Tell `found` how many objects have each of the most frequent values at least, `hidden` not being counted."""
    if found.key is not None:
        most = frequent(connection, found.key, {}, limit)
        found.counts = Counter({pair: n - hidden for n, pair in most if n > hidden})


def ranges(connection: sqlite3.Connection, found: InRanges, index: str, now_ms: int) -> Iterator[None]:
    """Tell `found` how many living objects have a number in each range."""
    column = found.name
    ending = " AND delete_after_time_ms IS NOT NULL AND state != 'DELETED'"
    living = "state = 'READ_ONLY' AND NOT part"
    source = f"object INDEXED BY {index} WHERE {living}{ending if index == 'object_by_expiry' else ''}"
    limits = [None, *found.ends, None]
    over = late(connection, "READ_ONLY", now_ms, column)
    for place in range(len(found.counts)):
        for n in _count(connection, source, column, limits[place], limits[place + 1]):
            found.counts[place] += n
            yield
    if column != "create_time_ms":
        (objects,) = connection.execute(
            "SELECT ifnull(sum(n), 0) FROM tally WHERE state = 'READ_ONLY' AND NOT part"
        ).fetchone()
        found.without = max(objects - sum(found.counts), 0)
    less = type(found)(column, found.ends)
    less.feed(over)
    found.counts = [max(n - m, 0) for n, m in zip(found.counts, less.counts, strict=True)]
    found.without = max(found.without - less.without, 0)
    found.complete = True
    yield


def folders(connection: sqlite3.Connection, found: Folders, state: str, now_ms: int) -> Iterator[None]:
    """Tell `found` how many objects of a state are in each folder: from one to the next, not from name to name."""
    index, of_state = "object INDEXED BY object_by_name WHERE name IS NOT NULL", " AND state = ? AND part = 0"
    low, end = found.beneath, after(found.beneath)
    start = len(found.beneath)
    while True:
        bound = " AND name < ?" if end else ""
        names = [
            name
            for (name,) in connection.execute(
                f"SELECT name FROM {index}{of_state} AND name >= ?{bound} ORDER BY name LIMIT ?",  # noqa: S608
                (state, low, *end, _NAMES),
            )
        ]
        yield
        if len(names) < _NAMES:
            found.feed(names)
            break
        # The last folder may go on: it is looked at from its beginning, or, where these are all in it, passed over.
        title, slash, _ = names[-1][start:].partition("/")
        inside = f"{found.beneath}{title}/"
        if not slash:
            low = names[-1]
            found.feed([name for name in names if name != low])
            if names[0] == low:
                low += "\0"
        elif names[0].startswith(inside):
            (over,) = after(inside)
            for n in _count(connection, index, "name", inside, over, only=of_state, values=(state,)):
                found.counts[title] += n
                yield
            low = over
        else:
            found.feed([name for name in names if not name.startswith(inside)])
            low = inside
    ended = type(found)(found.beneath)
    ended.feed([name for name in late(connection, state, now_ms, "name") if str(name).startswith(found.beneath)])
    found.counts.subtract(ended.counts)
    found.complete = found.countable
    yield


def _count(
    connection: sqlite3.Connection,
    source: str,
    column: str,
    since: int | str | None,
    before: int | str | None,
    *,
    only: str = "",
    values: tuple[str, ...] = (),
) -> Iterator[int]:
    """Yield numbers of entries of an index, some at a time, that add up to those between two limits.

    Args:
        connection: Where the index is.
        source: The index, its condition after WHERE.
        column: What it is in order of.
        since: The least that is counted; None for what isn't null.
        before: What is greater than all that is counted; None for no such limit.
        only: A further condition, which entries that aren't counted don't fulfil.
        values: Its parameters.
    """
    while True:
        inside, given = _between(source, column, since, before)
        row = connection.execute(
            f"SELECT {column} FROM {inside} ORDER BY {column} LIMIT 1 OFFSET ?",  # noqa: S608
            (*given, _COUNTED),
        ).fetchone()
        if row is None:
            counted = f"SELECT count(*) FROM {inside}{only}"  # noqa: S608
            yield connection.execute(counted, (*given, *values)).fetchone()[0]
            return
        if row[0] == since:  # more than that have the same
            counted = f"SELECT count(*) FROM {source} AND {column} = ?{only}"  # noqa: S608
            yield connection.execute(counted, (since, *values)).fetchone()[0]
            since = row[0] + "\0" if isinstance(row[0], str) else row[0] + 1
            if since == before:
                return
            continue
        inside, given = _between(source, column, since, row[0])
        yield connection.execute(f"SELECT count(*) FROM {inside}{only}", (*given, *values)).fetchone()[0]  # noqa: S608
        since = row[0]


def _between(
    source: str, column: str, since: int | str | None, before: int | str | None
) -> tuple[str, tuple[int | str, ...]]:
    """Return `source` between two limits, and the parameters. SQLite seeks by one limit at each end, and no more."""
    bounds = [(f" AND {column} {sign} ?", limit) for sign, limit in ((">=", since), ("<", before)) if limit is not None]
    inside = source + ("".join(text for text, _ in bounds) or f" AND {column} IS NOT NULL")
    return inside, tuple(limit for _, limit in bounds)
