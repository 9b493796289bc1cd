"""Lists in another order than newest first: what lacks that which it goes by is last, of equals the newest is first.

Whoever asks takes one step after another; each adds to the end of the list, or finds out what comes next.
"""

from __future__ import annotations

import heapq
from array import array
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.conditions import in_order as of_value
from runloop_jupyter.index.asking import is_plain
from runloop_jupyter.index.ranks import by_rank, ranks
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.wire.browse import Query

# So many are sorted at once; of more the order's index is walked, or pieces are sorted and merged.
SORTED: Final = 5000
_STEP: Final = 1500
# Of so many objects the rows are read in one step, from all over the file.
_LOOKED: Final = 200
_LAST: Final = 2**63 - 1
_COLUMNS: Final = {"name": "name", "size": "size_bytes", "expires": "delete_after_time_ms"}
# What is living, in the words of each index: in others SQLite would look at the object's row, or refuse the index.
_LIVING: Final = "state = 'READ_ONLY' AND NOT part"
_SOURCES: Final = {
    "name": "object INDEXED BY object_by_name WHERE state = 'READ_ONLY' AND part = 0",
    "size": f"object INDEXED BY object_by_size WHERE {_LIVING}",
    "expires": "object INDEXED BY object_by_expiry WHERE state = 'READ_ONLY' AND part = 0"
    " AND delete_after_time_ms IS NOT NULL AND state != 'DELETED'",
}


def is_walked(query: Query) -> bool:
    """Whether an index has the whole list in its order."""
    return is_plain(query) and query.state == ObjectState.READ_ONLY and query.order != "metadata"


def walked(
    connection: sqlite3.Connection, query: Query, newest: int, now_ms: int, positions: array[int]
) -> Iterator[None]:
    """Add to `positions` what a query means that `is_walked`, of objects up to the position `newest`."""
    if query.order == "put":
        found = _oldest_first(connection)
    else:
        found = _by_index(connection, query.order, descending=query.descending)
    # A version is the newest that fits where no living one is newer.
    lasts = "({0}.delete_after_time_ms IS NULL OR {0}.delete_after_time_ms > ?)"
    newer = (
        " AND NOT EXISTS (SELECT 1 FROM object AS n INDEXED BY object_living WHERE n.named = o.named"  # noqa: S608
        " AND n.state = 'READ_ONLY' AND NOT n.part AND n.position > o.position AND n.position <= ?"
        f" AND {lasts.format('n')})"
    )
    fits = (
        "SELECT o.position FROM json_each(?) AS b CROSS JOIN object AS o ON o.position = b.value"  # noqa: S608
        f" WHERE o.position <= ? AND {lasts.format('o')}{newer if query.folded else ''}"
    )
    limits = (newest, now_ms) * (2 if query.folded else 1)
    for several in found:
        for start in range(0, len(several), _LOOKED):
            some = several[start : start + _LOOKED]
            shown = {position for (position,) in connection.execute(fits, (json.encode(some).decode(), *limits))}
            positions.extend([position for position in some if position in shown])
            yield


def in_order(
    connection: sqlite3.Connection, query: Query, fits: array[int], positions: array[int], *, living: bool
) -> Iterator[None]:
    """Add `fits`, which are newest first, to `positions` in the order of `query`.

    Args:
        connection: Where the index is.
        query: Says the order.
        fits: All that fit.
        positions: The list.
        living: Whether the indexes of what is living have all of them, if the query's state is READ_ONLY.
    """
    if query.order == "put":
        positions.extend(fits if query.descending else fits[::-1])
    elif len(fits) <= SORTED:
        yield from _sorted(connection, query, fits, positions)
    elif query.order == "metadata":
        yield from _by_metadata(connection, query, fits, positions)
    elif living and query.state == ObjectState.READ_ONLY:
        yield from _picked(connection, query, fits, positions)
    else:
        yield from _sorted(connection, query, fits, positions)


def _oldest_first(connection: sqlite3.Connection) -> Iterator[list[int]]:
    after = -_LAST
    while True:
        rows = connection.execute(
            "SELECT position FROM object NOT INDEXED WHERE position > ? AND state = 'READ_ONLY' AND NOT part"
            " ORDER BY position LIMIT ?",
            (after, _STEP),
        ).fetchall()
        if rows:
            after = rows[-1][0]
            yield [position for (position,) in rows]
        if len(rows) < _STEP:
            return


def _by_index(connection: sqlite3.Connection, order: str, *, descending: bool) -> Iterator[list[int]]:
    """Yield the positions of all living objects, in order."""
    column, source = _COLUMNS[order], _SOURCES[order]
    sign, way = ("<", "DESC") if descending else (">", "ASC")
    condition, last = f"{column} IS NOT NULL", tuple[Any, ...]()
    while True:
        rows = connection.execute(
            f"SELECT {column}, position FROM {source} AND {condition}"  # noqa: S608
            f" ORDER BY {column} {way}, position {way} LIMIT ?",
            (*last, _STEP),
        ).fetchall()
        groups = [[position for _, position in group] for _, group in groupby(rows, key=itemgetter(0))]
        full = len(rows) == _STEP
        if full:  # the last value may have more, which come in another order
            groups.pop()
        yield [position for group in groups for position in (group if descending else reversed(group))]
        if not full:
            break
        condition, last = f"{column} {sign} ?", (rows[-1][0],)
        yield from _equal(connection, f"{source} AND {column} = ?", last)
    if order == "size":
        yield from _equal(connection, f"{source} AND size_bytes IS NULL", ())
    elif order == "expires":
        yield from _equal(connection, f"object NOT INDEXED WHERE {_LIVING} AND delete_after_time_ms IS NULL", ())


def _equal(connection: sqlite3.Connection, source: str, values: tuple[Any, ...]) -> Iterator[list[int]]:
    before = _LAST
    while True:
        rows = connection.execute(
            f"SELECT position FROM {source} AND position < ? ORDER BY position DESC LIMIT ?",  # noqa: S608
            (*values, before, _STEP),
        ).fetchall()
        yield [position for (position,) in rows]
        if len(rows) < _STEP:
            return
        before = rows[-1][0]


def _picked(connection: sqlite3.Connection, query: Query, fits: array[int], positions: array[int]) -> Iterator[None]:
    """Walk the order's index and take what fits."""
    left: set[int] = set()
    for start in range(0, len(fits), SORTED):
        left.update(fits[start : start + SORTED])
        yield
    for some in _by_index(connection, query.order, descending=query.descending):
        here = [position for position in some if position in left]
        left.difference_update(here)
        positions.extend(here)
        yield
    if left:  # what has gone since keeps its row
        positions.extend([position for position in fits if position in left])


def _sorted(connection: sqlite3.Connection, query: Query, fits: array[int], positions: array[int]) -> Iterator[None]:
    """Sort by what is read of each, piece by piece; sorting keeps equals as they were, newest first."""
    values: dict[int, Any] = {}
    pieces: list[list[int]] = []
    without = array("q")
    for start in range(0, len(fits), SORTED):
        piece = fits[start : start + SORTED].tolist()
        values.update(_values(connection, query, piece))
        having = [position for position in piece if position in values]
        having.sort(key=values.__getitem__, reverse=query.descending)
        pieces.append(having)
        without.extend([position for position in piece if position not in values])
        yield
    merged = heapq.merge(*pieces, key=values.__getitem__, reverse=query.descending)
    while some := list(islice(merged, SORTED)):
        positions.extend(some)
        yield
    positions.extend(without)


def _values(connection: sqlite3.Connection, query: Query, piece: Sequence[int]) -> dict[int, Any]:
    asked = json.encode(piece).decode()
    if query.order != "metadata":
        rows = connection.execute(
            f"SELECT o.position, o.{_COLUMNS[query.order]} FROM json_each(?) AS b"  # noqa: S608
            " CROSS JOIN object AS o ON o.position = b.value",
            (asked,),
        )
        return {position: value for position, value in rows if value is not None}
    rows = connection.execute(
        "SELECT x.position, p.value FROM json_each(?) AS b"
        " CROSS JOIN object_meta AS x ON x.key = (SELECT key FROM meta_key WHERE text = ?) AND x.position = b.value"
        " CROSS JOIN meta_pair AS p ON p.pair = x.pair",
        (asked, query.key),
    )
    return {position: of_value(value) for position, value in rows}


def _by_metadata(
    connection: sqlite3.Connection, query: Query, fits: array[int], positions: array[int]
) -> Iterator[None]:
    """Give each value of the key its place among them, and each object its place by that."""
    row = connection.execute("SELECT key FROM meta_key WHERE text = ?", (query.key,)).fetchone()
    if row is None:
        positions.extend(fits)
        return
    places: array[int] | None = None
    for places in ranks(connection, row[0]):
        if places is None:
            yield
    if places is not None:
        yield from by_rank(connection, row[0], places, fits, positions, descending=query.descending)
