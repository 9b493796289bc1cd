"""Facets: under a filter, how many objects have each value of a metadata key."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from runloop_jupyter.index.counts import uncounted
from runloop_jupyter.index.deadline import TimeUp, Turn, cut_off
from runloop_jupyter.index.filter import Filter, kind_count, other_states, plan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.index.windows import Windows


@dataclass(frozen=True)
class Facet:
    """The values of one key that the most objects have.

    Attributes:
        key: The key.
        values: Each with how many objects have it, the most frequent first. Which of those that equally many have are
            left out isn't said.
        distinct: How many different values there are.
    """

    key: str
    values: dict[str, int]
    distinct: int


@dataclass(frozen=True)
class Facets:
    """Facets of the objects that a filter means.

    Attributes:
        facets: One for each key that was asked for, in that order.
        objects: How many objects were counted.
        complete: Whether these are all. Where not, the newest were counted until the time was up, and every number is
            a lower bound.
    """

    facets: list[Facet]
    objects: int
    complete: bool


def facets(
    connection: sqlite3.Connection,
    windows: Windows,
    wanted: Filter,
    keys: Sequence[str],
    *,
    limit: int,
    within_s: float | None = None,
) -> Iterator[Facets | None]:
    """Yield the facets of the objects that `wanted` means, after a None wherever others may have their turn.

    Args:
        connection: Where the index is.
        windows: Its windows.
        wanted: Which objects are counted.
        keys: The metadata keys.
        limit: How many values of each key at most.
        within_s: After so many seconds the counting ends with what there is; None for never.
    """
    deadline = None if within_s is None else time.monotonic() + within_s
    numbers: dict[str, int] = {}
    for key in keys:
        row = connection.execute("SELECT key FROM meta_key WHERE text = ?", (key,)).fetchone()
        if row is not None:
            numbers[key] = row[0]
    others = _others(connection, wanted)
    if others is None:
        counting = _counted(connection, windows, wanted, numbers, limit, deadline)
    else:
        counting = _kept(connection, wanted, others, numbers, limit, deadline)
    for found in counting:
        if found is None:
            yield None
        else:
            known = {each.key: each for each in found.facets}
            yield Facets([known.get(key) or Facet(key, {}, 0) for key in keys], found.objects, found.complete)


def _others(connection: sqlite3.Connection, wanted: Filter) -> list[str] | None:
    """Return the states to leave out where the numbers kept for all objects serve; None where they don't."""
    if wanted.name or wanted.search or wanted.beneath or wanted.metadata or wanted.content_type is not None:
        return None
    return [] if wanted.state is None else other_states(connection, wanted.state)


def _kept(
    connection: sqlite3.Connection,
    wanted: Filter,
    others: list[str],
    numbers: dict[str, int],
    limit: int,
    deadline: float | None,
) -> Iterator[Facets | None]:
    done: list[Facet] = []
    for key, number in numbers.items():
        try:
            with cut_off(connection, deadline):
                less = uncounted(connection, number, others)
                (pairs,) = connection.execute("SELECT pairs FROM meta_key WHERE key = ?", (number,)).fetchone()
                most = frequent(connection, number, less.pairs, limit)
                done.append(Facet(key, _values(connection, most), pairs - less.only))
        except TimeUp:
            break
        yield None
    yield Facets(done, kind_count(connection, wanted), complete=len(done) == len(numbers))


def frequent(connection: sqlite3.Connection, key: int, less: dict[int, int], limit: int) -> list[tuple[int, int]]:
    """Return the `limit` pairs of `key` with the greatest kept number minus `less`, as (number, pair)."""
    best: list[tuple[int, int]] = []  # a heap, the least on top

    def offer(n: int, pair: int) -> None:
        left = n - less.get(pair, 0)
        if left > 0:
            (heapq.heappush if len(best) < limit else heapq.heappushpop)(best, (left, pair))

    for pair, n in connection.execute(
        "SELECT pair, n FROM meta_pair INDEXED BY meta_pair_by_n WHERE key = ? AND n > 1 ORDER BY n DESC", (key,)
    ):
        if len(best) == limit and n <= best[0][0]:
            return best
        offer(n, pair)
    if len(best) < limit:
        for (pair,) in connection.execute(
            "SELECT pair FROM meta_pair WHERE key = ? AND n = 1 ORDER BY value LIMIT ?",
            (key, limit + len(less)),
        ):
            offer(1, pair)
            if len(best) == limit:
                break
    return best


def _counted(
    connection: sqlite3.Connection,
    windows: Windows,
    wanted: Filter,
    numbers: dict[str, int],
    limit: int,
    deadline: float | None,
) -> Iterator[Facets | None]:
    # Where none of the keys is in use there are still objects to count; no key has the number 0.
    counters: dict[int, Counter[int | None]] = {number: Counter() for number in numbers.values() or [0]}
    first = next(iter(counters))
    objects, complete, turn = 0, True, Turn()
    way = plan(connection, wanted)
    for since, before in [] if way is None else windows.of(way, None):
        assert way is not None  # noqa: S101 - or there would be no window
        part = way.between(since, before)
        for number, counter in counters.items():
            held = part.joining("object_meta AS f ON f.key = ? AND f.position = {at}", number, how="LEFT")
            try:
                with cut_off(connection, deadline):
                    counter.update(map(itemgetter(0), connection.execute(*held.select("f.pair"))))
            except TimeUp:  # those before it are counted
                complete = False
                break
            finally:
                if number == first:
                    objects = counter.total()
            if turn.is_over():
                yield None
        if not complete:
            break
    for counter in counters.values():
        counter.pop(None, None)  # those without the key
    yield Facets(
        [
            Facet(key, _values(connection, _most(counters[number], limit)), len(counters[number]))
            for key, number in numbers.items()
        ],
        objects,
        complete,
    )


def _most(counter: Counter[int | None], limit: int) -> list[tuple[int, int]]:
    return heapq.nlargest(limit, ((n, pair) for pair, n in counter.items() if pair is not None))


def _values(connection: sqlite3.Connection, pairs: list[tuple[int, int]]) -> dict[str, int]:
    """Return the values of `pairs`, given as (number, pair), the most frequent first."""
    found = []
    for n, pair in pairs:
        row = connection.execute("SELECT value FROM meta_pair WHERE pair = ?", (pair,)).fetchone()
        if row is not None:  # it may have gone since it was counted
            found.append((-n, row[0]))
    return {value: -n for n, value in sorted(found)}
