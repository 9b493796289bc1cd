"""Which metadata keys tell objects apart best."""

from __future__ import annotations

import heapq
from math import log2
from typing import TYPE_CHECKING, Final

from runloop_jupyter.conditions import number
from runloop_jupyter.index.parts import KIND

if TYPE_CHECKING:
    import sqlite3

# A key with more values than this is told by searching, not by looking through them.
_VALUES: Final = 2000
_KEYS: Final = 5000
# A key with more values than this, of which the most frequent are all numbers, is a measurement.
_GRADES: Final = 24
_LOOKED_AT: Final = 20


def keys(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Return the metadata keys in use but for ``rl.*``: each with how many objects have it, and how many values it has.

    Those that the most objects have come first; of very many the others are left out.
    """
    rows = connection.execute("SELECT text, n, pairs FROM meta_key WHERE substr(text, 1, 3) != 'rl.'")
    return heapq.nsmallest(_KEYS, rows.fetchall(), key=lambda row: (-row[1], row[0]))


def suited(connection: sqlite3.Connection, n: int) -> list[str]:
    """Return up to `n` keys: the kind first, then those that many objects have and that have few values.

    A key under which most objects have a value of their own, such as a note, is none of them, nor is a measurement,
    which is asked for by more and less.
    """
    kind = connection.execute("SELECT 1 FROM meta_key WHERE text = ?", (KIND,)).fetchone()
    few = [row for row in keys(connection) if row[2] <= _VALUES and (2 * row[2] <= row[1] or (row[2] < row[1] < 8))]
    few = [row for row in few if row[2] <= _GRADES or not _is_measured(connection, row[0])]
    best = heapq.nsmallest(n, few, key=lambda row: (-_worth(row[1], row[2]), row[0]))
    return [KIND, *(text for text, _, _ in best)][:n] if kind else [text for text, _, _ in best]


def _worth(objects: int, values: int) -> float:
    """Return how well a key suits: one value tells nothing apart, and many are hard to look through."""
    return objects / 4 if values <= 1 else objects / (1 + log2(values))


def _is_measured(connection: sqlite3.Connection, key: str) -> bool:
    """Whether the values of a key that the most objects have are all numbers."""
    rows = connection.execute(
        "SELECT value FROM meta_pair WHERE key = (SELECT key FROM meta_key WHERE text = ?) AND n > 1"
        " ORDER BY n DESC LIMIT ?",
        (key, _LOOKED_AT),
    )
    return all(number(value) is not None for (value,) in rows)
