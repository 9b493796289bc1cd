"""How metadata is asked of the index of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from runloop_jupyter.index.words import about, worth_asking

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True)
class Pairs:
    """The metadata pairs of which an object must have one: a key and some of its values.

    Attributes:
        key: The key's number.
        pairs: The pairs' numbers.
        n: How many objects have one.
    """

    key: int
    pairs: tuple[int, ...]
    n: int

    @property
    def query(self) -> str:
        """The FTS5 query for the objects that have one."""
        return f"({' OR '.join(map(str, self.pairs))})"


class Together:
    """The objects that have one of each of some pairs, as far as the index of pairs is worth asking.

    Attributes:
        asked: Those that it is asked for; the others are tested on each object that it yields.
        query: The FTS5 query.
    """

    def __init__(self, connection: sqlite3.Connection, wanted: Sequence[Pairs], *, few: int) -> None:
        """Take the rarest of `wanted` and what is worth asking for with it; `few` objects are quickly looked at."""
        rarest_first = sorted(wanted, key=lambda each: each.n)
        self._connection = connection
        self._few = few
        rare = rarest_first[0].n <= few
        self.asked = rarest_first[: 1 if rare else worth_asking([each.n for each in rarest_first])]
        self.query = " AND ".join(each.query for each in self.asked)

    @cached_property
    def n(self) -> int:
        """About how many objects those are, exactly where they are few."""
        if len(self.asked) == 1:
            return self.asked[0].n
        return about(self._connection, "object_pair", self.query, self._few + 1)


def find_pairs(connection: sqlite3.Connection, metadata: Mapping[str, Collection[str]]) -> list[Pairs] | None:
    """Return, for each key, the pairs with one of its values; None where nothing has one."""
    found = [_find(connection, key, values) for key, values in metadata.items()]
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


def _find(connection: sqlite3.Connection, key: str, values: Collection[str]) -> Pairs | None:
    row = connection.execute("SELECT key FROM meta_key WHERE text = ?", (key,)).fetchone()
    if row is None:
        return None
    found: list[tuple[int, int]] = []
    for value in dict.fromkeys(values):
        found += connection.execute("SELECT pair, n FROM meta_pair WHERE key = ? AND value = ?", (row[0], value))
    return Pairs(row[0], tuple(pair for pair, _ in found), sum(n for _, n in found)) if found else None
