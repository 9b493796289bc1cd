"""The order of very many objects by a metadata key: each value's place among the values, then each object's by that."""

from __future__ import annotations

import heapq
from array import array
from itertools import islice
from typing import TYPE_CHECKING, Final

from runloop_jupyter.conditions import number
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_SLICE: Final = 5000


def ranks(connection: sqlite3.Connection, key: int) -> Iterator[array[int] | None]:
    """Yield, by the number of a pair of `key`, its value's place among all, from 1; after Nones.

    Numbers come first, as numbers; of texts the index has the order already.
    """
    (most,) = connection.execute("SELECT ifnull(max(pair), 0) FROM meta_pair").fetchone()
    numbers: list[list[tuple[float, str, int]]] = []
    texts = array("q")
    condition, last = "", tuple[str, ...]()
    while True:
        rows = connection.execute(
            f"SELECT value, pair FROM meta_pair WHERE key = ?{condition} ORDER BY value LIMIT ?",  # noqa: S608
            (key, *last, _SLICE),
        ).fetchall()
        some = []
        for value, pair in rows:
            found = number(value)
            if found is None:
                texts.append(pair)
            else:
                some.append((found, value, pair))
        some.sort()
        numbers.append(some)
        if len(rows) < _SLICE:
            break
        condition, last = " AND value > ?", (rows[-1][0],)
        yield None
    found_ranks = array("I", bytes(4 * (most + 1)))
    rank = 0
    merged = heapq.merge(*numbers)
    while several := list(islice(merged, _SLICE)):
        for _, _, pair in several:
            rank += 1
            if pair <= most:
                found_ranks[pair] = rank
        yield None
    for start in range(0, len(texts), _SLICE):
        for pair in texts[start : start + _SLICE]:
            rank += 1
            if pair <= most:
                found_ranks[pair] = rank
        yield None
    yield found_ranks


def by_rank(
    connection: sqlite3.Connection,
    key: int,
    places: array[int],
    fits: array[int],
    positions: array[int],
    *,
    descending: bool,
) -> Iterator[None]:
    """Add `fits`, newest first, to `positions` by the place of the value that each has under `key`."""
    ranked, without = array("q"), array("q")  # a rank for each of `having`
    having = array("q")
    most = 0
    for start in range(0, len(fits), _SLICE):
        piece = fits[start : start + _SLICE]
        pairs = dict(_pairs(connection, key, piece))
        for position in piece:
            pair = pairs.get(position)
            rank = 0 if pair is None or pair >= len(places) else places[pair]
            if rank:
                having.append(position)
                ranked.append(rank)
                most = max(most, rank)
            else:
                without.append(position)
        yield
    # Where the objects of each rank begin: how many have a rank before it.
    begins = array("q", bytes(8 * (most + 2)))
    for start in range(0, len(ranked), _SLICE):
        for rank in ranked[start : start + _SLICE]:
            begins[rank] += 1
        yield
    total = 0
    order = range(most, 0, -1) if descending else range(1, most + 1)
    for start in range(0, most, _SLICE):
        for rank in order[start : start + _SLICE]:
            n = begins[rank]
            begins[rank] = total
            total += n
        yield
    placed = array("q", bytes(8 * len(having)))
    for start in range(0, len(having), _SLICE):
        for position, rank in zip(having[start : start + _SLICE], ranked[start : start + _SLICE], strict=True):
            at = begins[rank]
            placed[at] = position
            begins[rank] = at + 1
        yield
    positions.extend(placed)
    positions.extend(without)


def _pairs(connection: sqlite3.Connection, key: int, piece: array[int]) -> list[tuple[int, int]]:
    return connection.execute(
        "SELECT x.position, x.pair FROM json_each(?) AS b"
        " CROSS JOIN object_meta AS x ON x.key = ? AND x.position = b.value",
        (json.encode(piece.tolist()).decode(), key),
    ).fetchall()
