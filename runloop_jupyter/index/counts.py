"""Numbers of objects that triggers keep, and what has to be taken from them for those in other states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.index.filter import FEW, Filter, find_pairs, kind_count, other_states

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection


def kept_count(connection: sqlite3.Connection, wanted: Filter) -> int | None:
    """Return how many objects `wanted` means, where that number is kept; None where they must be counted."""
    if wanted.name or wanted.search:
        return None
    if not wanted.metadata:
        return kind_count(connection, wanted)
    if len(wanted.metadata) > 1 or wanted.content_type is not None:
        return None
    ((key, values),) = wanted.metadata.items()
    pairs = find_pairs(connection, key, values)
    if pairs is None:
        return 0
    if wanted.state is None:
        return pairs.n
    others = other_states(connection, wanted.state)
    if others is None or pairs.n <= FEW:
        return None
    return pairs.n - sum(n for pair, n in uncounted(connection, pairs.key, others).items() if pair in pairs.pairs)


def uncounted(connection: sqlite3.Connection, key: int, states: Collection[str]) -> dict[int, int]:
    """Return the pairs of `key` that objects in `states` have, each with how many have it."""
    return dict(connection.execute(_of_states(states), (key, *states)).fetchall()) if states else {}


def only(connection: sqlite3.Connection, key: int, states: Collection[str]) -> int:
    """Return how many pairs of `key` nothing but objects in `states` has."""
    if not states:
        return 0
    statement = (
        f"SELECT count(*) FROM ({_of_states(states)}) AS u CROSS JOIN meta_pair AS p USING (pair) WHERE p.n = u.n"  # noqa: S608
    )
    (n,) = connection.execute(statement, (key, *states)).fetchone()
    return int(n)


def _of_states(states: Collection[str]) -> str:
    return (
        "SELECT x.pair AS pair, count(*) AS n FROM object AS o INDEXED BY object_tagged CROSS JOIN object_meta AS x"  # noqa: S608
        " INDEXED BY object_meta_by_key ON x.key = ? AND x.position = o.position"
        f" WHERE o.tagged AND o.state IN ({_marks(states)}) GROUP BY x.pair"
    )


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
