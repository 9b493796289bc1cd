"""What the indexes of words (FTS5) have in common: names by their trigrams, metadata by the numbers of its pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

# An object is looked at in the time in which so many entries of a word are passed over, and a further word leaves one
# object of so many.
_PASSED: Final = 30
_LEAVES: Final = 10


def about(connection: sqlite3.Connection, table: str, query: str, exactly: int) -> int:
    """Return how many entries of `table` a query yields: exactly where they are less than `exactly`, else about.

    Where they are more, it isn't less than that. The further back the newest of them reach, the fewer there are.
    """
    n, reached = connection.execute(
        f"SELECT count(*), min(rowid) FROM (SELECT rowid FROM {table} WHERE {table} MATCH ?"  # noqa: S608
        " ORDER BY rowid DESC LIMIT ?)",
        (query, exactly),
    ).fetchone()
    if n < exactly:
        return int(n)
    newest, oldest = connection.execute(
        "SELECT (SELECT max(position) FROM object), (SELECT min(position) FROM object)"
    ).fetchone()
    part = (newest - reached) / (newest - oldest) if newest > oldest else 1.0
    return round(int(n) / part) if part else int(n)


def worth_asking(numbers: list[int]) -> int:
    """Return how many of some words are worth asking for together, of which so many entries each has, the rarest first.

    FTS5 passes over every entry of every word: all eighteen trigrams of a path cost far more than the three that only
    few have.
    """
    left = float(numbers[0])
    for asked, n in enumerate(numbers[1:], start=1):
        if n > left * _PASSED:
            return asked
        left /= _LEAVES
    return len(numbers)
