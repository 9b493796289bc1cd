"""How a part of a name is asked of the index of names: by its trigrams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runloop_jupyter.index.fold import trigrams
from runloop_jupyter.index.words import about, worth_asking

if TYPE_CHECKING:
    import sqlite3

# Of a longer text so many trigrams are looked at, spread over it.
_TRIGRAMS: Final = 32
# How rare one is, is told from its newest so many names.
_NEWEST: Final = 200
# One or two characters that begin more trigrams than this are in so many names that walking finds them.
_BEGINNINGS: Final = 200
# What ends each name in the index, so that its last characters begin trigrams too.
_END: Final = "\x01"
_LAST: Final = "\U0010ffff"


def match(connection: sqlite3.Connection, folded: str) -> str | None:
    """Return the FTS5 query that yields every name with `folded` in it.

    Returns:
        The query; it yields exactly those names where `exact` says so, else some more. Empty when there is no such
        name; None when the index is no help.
    """
    if len(folded) >= 3:
        return " AND ".join(_quoted(each) for each in _telling(connection, trigrams(folded)))
    beginnings = _beginnings(connection, folded)
    return None if beginnings is None else " OR ".join(_quoted(each) for each in beginnings)


def exact(folded: str) -> bool:
    """Whether a name that `match` yields needs no second look."""
    return len(folded) <= 3 and _END not in folded


def _telling(connection: sqlite3.Connection, grams: list[str]) -> list[str]:
    """Return the rarest of `grams`: as many as are worth asking for before the names are read."""
    grams = grams[:: -(-len(grams) // _TRIGRAMS)]
    if len(grams) == 1:
        return grams
    rarity: list[tuple[int, str]] = []
    for gram in grams:
        n = about(connection, "object_name", _quoted(gram), _NEWEST)
        if n == 0:
            return []
        rarity.append((n, gram))
    rarity.sort()
    return [gram for _, gram in rarity[: worth_asking([n for n, _ in rarity])]]


def _beginnings(connection: sqlite3.Connection, folded: str) -> list[str] | None:
    """Return the trigrams in use that begin with `folded`; None when there are too many.

    One step from one to the next: each is there once for every name that has it.
    """
    found: list[str] = []
    after = folded
    while len(found) <= _BEGINNINGS:
        row = connection.execute(
            "SELECT term FROM object_gram WHERE term >= ? AND term <= ? LIMIT 1", (after, folded + 2 * _LAST)
        ).fetchone()
        if row is None or not row[0].startswith(folded):
            return found
        found.append(row[0])
        after = row[0] + _END
    return None


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
