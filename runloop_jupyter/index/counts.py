"""Numbers of objects that triggers keep, and what has to be taken from them for those in other states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.index.filter import Filter, find_pairs, kind_count

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

# Up to so many objects with metadata in other states are looked at one by one.
_OTHERS: Final = 20_000


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
    if others is None or pairs.n <= _OTHERS:
        return None
    return pairs.n - sum(n for pair, n in uncounted(connection, pairs.key, others).items() if pair in pairs.pairs)


def other_states(connection: sqlite3.Connection, state: str) -> list[str] | None:
    """Return the states but `state` in which objects are; None when too many of those have metadata."""
    rows = connection.execute("SELECT DISTINCT state FROM tally WHERE n > 0 AND state != ?", (state,))
    others = [each for (each,) in rows]
    if not others:
        return []
    (n,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM object INDEXED BY object_tagged"  # noqa: S608 - only question marks
        f" WHERE tagged AND state IN ({_marks(others)}) LIMIT ?)",
        (*others, _OTHERS + 1),
    ).fetchone()
    return others if n <= _OTHERS else None


def uncounted(connection: sqlite3.Connection, key: int, states: Collection[str]) -> dict[int, int]:
    """Return the pairs of `key` that objects in `states` have, each with how many have it."""
    if not states:
        return {}
    rows = connection.execute(
        "SELECT x.pair, count(*) FROM object AS o INDEXED BY object_tagged CROSS JOIN object_meta AS x"  # noqa: S608
        " INDEXED BY object_meta_by_key ON x.key = ? AND x.position = o.position"
        f" WHERE o.tagged AND o.state IN ({_marks(states)}) GROUP BY x.pair",
        (key, *states),
    )
    return dict(rows.fetchall())


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
