"""What counts objects for one facet, fed with those that are walked, or told what is kept."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Protocol

from runloop_jupyter.wire.browse import Facet, Ranges

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence


# Of so many values the rarer half is let go of: those of a note may be as many as there are objects.
_MOST: Final = 50_000


class Counting(Protocol):
    """Something that counts what it is fed with.

    Attributes:
        column: What is read of each object for it, the object's row being ``o``.
        countable: Whether there is room for all that there is to count.
        complete: Whether it has counted all.
    """

    column: str
    countable: bool
    complete: bool

    def feed(self, values: Iterable[Any]) -> None:
        """Count objects, given what is read of each."""


class Objects:
    """How many objects there are."""

    column = "o.position"
    countable = True

    def __init__(self) -> None:
        self.n = 0
        self.complete = False

    def feed(self, values: Iterable[Any]) -> None:
        """Count them."""
        self.n += sum(1 for _ in values)


class Values:
    """How many objects have each value of a metadata key.

    Attributes:
        text: The key.
        key: Its number; None where nothing has it.
        counts: By the number of a pair; only the most frequent where `distinct` was told.
        distinct: How many there are; None for as many as `counts` has.
        less: What was taken from the numbers that are kept, by pair.
    """

    def __init__(self, text: str, key: int | None) -> None:
        self.text = text
        self.key = key
        self.counts: Counter[int | None] = Counter()
        self.distinct: int | None = None
        self.less: Counter[int] = Counter()
        self.countable = True
        self.complete = False
        self.column = f"v{key}.pair"

    def feed(self, values: Iterable[Any]) -> None:
        """Count them; None has no value."""
        self.counts.update(values)
        self.counts.pop(None, None)
        if len(self.counts) > _MOST:
            self.counts = Counter(dict(self.counts.most_common(_MOST // 2)))
            self.countable = False

    def facet(self, connection: sqlite3.Connection, limit: int, chosen: Sequence[str]) -> Facet:
        """Return the most frequent values, and those of `chosen` that aren't among them after these."""
        most = heapq.nlargest(limit, ((n, pair) for pair, n in self.counts.items() if n > 0 and pair is not None))
        found: list[tuple[int, str]] = []
        for n, pair in most:
            row = connection.execute("SELECT value FROM meta_pair WHERE pair = ?", (pair,)).fetchone()
            if row is not None:  # it may have gone since it was counted
                found.append((-n, row[0]))
        counts = {value: -n for n, value in sorted(found)}
        for value in chosen:
            if value not in counts:
                counts[value] = self._count(connection, value)
        distinct = self.distinct if self.distinct is not None else len(self.counts)
        return Facet(
            key=self.text,
            values=list(counts),
            counts=list(counts.values()),
            distinct=distinct if self.complete else None,
            complete=self.complete,
        )

    def _count(self, connection: sqlite3.Connection, value: str) -> int:
        row = connection.execute(
            "SELECT pair, n FROM meta_pair WHERE key = ? AND value = ?", (self.key, value)
        ).fetchone()
        if row is None:
            return 0
        return self.counts[row[0]] if self.distinct is None else int(row[1]) - self.less[row[0]]


class InRanges:
    """How many objects have a number in each of some ranges.

    Attributes:
        ends: Where one range ends and the next begins.
        counts: One more than there are ends.
        without: How many have no number.
    """

    def __init__(self, name: str, ends: Sequence[int]) -> None:
        self.name = name
        self.countable = True
        self.column = f"o.{name}"
        self.ends = ends
        self.counts = [0] * (len(ends) + 1)
        self.without = 0
        self.complete = False

    def feed(self, values: Iterable[Any]) -> None:
        """Count them; None is none."""
        ends, counts = self.ends, self.counts
        for value in values:
            if value is None:
                self.without += 1
            else:
                counts[bisect_right(ends, value)] += 1

    def ranges(self) -> Ranges:
        """Return the counts."""
        return Ranges(counts=list(self.counts), without=self.without, complete=self.complete)


class Folders:
    """How many objects are in each folder beneath a prefix; those that are in none aren't counted.

    Attributes:
        counts: By the folder's name, without what it is beneath, without slash.
    """

    column = "o.name"
    countable = True

    def __init__(self, beneath: str) -> None:
        self.beneath = beneath
        self.counts: Counter[str] = Counter()
        self.complete = False

    def feed(self, values: Iterable[Any]) -> None:
        """Count names, all of which begin with the prefix."""
        start = len(self.beneath)
        self.counts.update(
            [folder for folder, slash, _ in (str(name)[start:].partition("/") for name in values) if slash]
        )
        if len(self.counts) > _MOST:
            self.counts = Counter(dict(self.counts.most_common(_MOST // 2)))
            self.countable = False

    def facet(self, limit: int) -> Facet:
        """Return those with the most objects."""
        return _of_texts("folder", self.counts, limit, complete=self.complete)


class States:
    """How many objects are in each state.

    Attributes:
        counts: By state.
        objects: Counts those of one state each while they are walked.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.objects: dict[str, Objects] = {}

    @property
    def complete(self) -> bool:
        """Whether all were counted."""
        return all(each.complete for each in self.objects.values())

    def facet(self) -> Facet:
        """Return the states in which there are any."""
        counts = Counter(self.counts | {state: each.n for state, each in self.objects.items()})
        return _of_texts("state", counts, len(counts), complete=self.complete)


def _of_texts(key: str, counts: Counter[str], limit: int, *, complete: bool) -> Facet:
    found = heapq.nsmallest(limit, ((-n, text) for text, n in counts.items() if n > 0))
    return Facet(
        key=key,
        values=[text for _, text in found],
        counts=[-n for n, _ in found],
        distinct=sum(n > 0 for n in counts.values()) if complete else None,
        complete=complete,
    )
