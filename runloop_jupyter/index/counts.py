"""Numbers of objects that triggers keep, and what has to be taken from them for those in other states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter.index.filter import FEW, Filter, kind_count, other_states
from runloop_jupyter.index.pairs import find_pairs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection


def kept_count(connection: sqlite3.Connection, wanted: Filter) -> int | None:
    """Return how many objects `wanted` means, where that number is kept; None where they must be counted."""
    if wanted.name or wanted.search or wanted.beneath:
        return None
    if not wanted.metadata:
        return kind_count(connection, wanted)
    if len(wanted.metadata) > 1 or wanted.content_type is not None:
        return None
    found = find_pairs(connection, wanted.metadata)
    if found is None:
        return 0
    (pairs,) = found
    if wanted.state is None:
        return pairs.n
    others = other_states(connection, wanted.state)
    if others is None or pairs.n <= FEW:
        return None
    return pairs.n - sum(n for pair, n in uncounted(connection, pairs.key, others).pairs.items() if pair in pairs.pairs)


@dataclass(frozen=True)
class Uncounted:
    """What has to be taken from the numbers kept for one key.

    Attributes:
        pairs: Its pairs that uncounted objects have, each with how many of them have it.
        only: How many of those pairs nothing else has.
    """

    pairs: dict[int, int]
    only: int


def uncounted(connection: sqlite3.Connection, key: int, states: Collection[str]) -> Uncounted:
    """Return what to take from the numbers of `key` to leave out objects in `states`, which few are in."""
    if not states:
        return Uncounted({}, 0)
    held = (
        "SELECT x.pair AS pair, count(*) AS n FROM object AS o INDEXED BY object_tagged"  # noqa: S608
        " CROSS JOIN object_meta AS x ON x.key = ? AND x.position = o.position"
        f" WHERE o.tagged AND o.state IN ({_marks(states)}) GROUP BY x.pair"
    )
    rows = connection.execute(
        f"SELECT u.pair, u.n, p.n FROM ({held}) AS u CROSS JOIN meta_pair AS p USING (pair)",  # noqa: S608
        (key, *states),
    ).fetchall()
    return Uncounted({pair: n for pair, n, _ in rows}, sum(n == whole for _, n, whole in rows))


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
