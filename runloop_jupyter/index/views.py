"""Lists under a query: positions in order, found step by step, the last few of them kept."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from runloop_jupyter.index import moments
from runloop_jupyter.index.asking import is_plain, of_filters, sieve
from runloop_jupyter.index.kept import Ended, ended
from runloop_jupyter.index.ordering import in_order, is_walked, walked
from runloop_jupyter.index.parts import asks_for_parts
from runloop_jupyter.index.remembered import Remembered
from runloop_jupyter.index.windows import Windows
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Sequence

    from runloop_jupyter.index.asking import Masks
    from runloop_jupyter.index.moments import Moment
    from runloop_jupyter.wire.browse import Query

# So many lists are kept, and so many positions in all of them: 8 bytes each.
_LISTS: Final = 12
_POSITIONS: Final = 4_000_000
# Objects that are looked at in one step; windows come up to five together.
_WINDOW: Final = 500
# So many of the first rows are found by walking an index alone, for they are wanted at once.
_AHEAD: Final = 2000
# Of up to so many names it is looked at one by one what is past its time.
_ENDED: Final = 2000
# So many conditions are remembered, with a byte for each pair of the index.
_MASKS: Final = 3


class Totals(NamedTuple):
    """How long a list is, how many objects fit, and their bytes; None is not added up."""

    rows: int
    objects: int
    size_bytes: int | None


class List:
    """Positions in order, as far as they are known.

    Attributes:
        moment: Of when the list is.
        positions: In order.
        objects: How many objects fit, those that are folded away among them, as far as they are known.
        size_bytes: Bytes of those.
        whole: Whether all are known.
        kept: What is known of the whole without having found it.
        counted_on: The list of what fits that this one puts in order; None where it isn't made of another.
        wanted: Up to which row somebody has asked for it.
    """

    def __init__(self, moment: Moment, kept: Totals | None, counted_on: List | None = None) -> None:
        self.moment = moment
        self.positions = array("q")
        self.objects = 0
        self.size_bytes = 0
        self.whole = False
        self.kept = kept
        self.counted_on = counted_on
        self.wanted = 0
        self.steps: Iterator[None] = iter(())
        self._failure: BaseException | None = None

    def step(self) -> None:
        """Find a little more. What has failed once fails again: it has lost its place."""
        if self._failure is not None:
            raise self._failure
        try:
            next(self.steps)
        except StopIteration:
            self.whole = True
        except BaseException as error:
            self._failure = error
            raise

    @property
    def is_exact(self) -> bool:
        """Whether `totals` are those of the whole list."""
        return self.whole or self.kept is not None or (self.counted_on is not None and self.counted_on.is_exact)

    def has(self, end: int) -> bool:
        """Whether all rows before the one with the number `end` are known, as far as there are any."""
        return self.whole or len(self.positions) >= (min(end, self.totals.rows) if self.is_exact else end)

    @property
    def totals(self) -> Totals:
        """How much there is, as far as that is known."""
        if self.kept is not None and not self.whole:
            return self.kept
        if self.counted_on is None:
            return Totals(len(self.positions), self.objects, self.size_bytes)
        return self.counted_on.totals


class Lists:
    """The lists that were asked for last, by query and moment."""

    def __init__(self, connection: sqlite3.Connection, now_ms: Callable[[], int]) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._kept: dict[tuple[bytes, int, int], List] = {}  # the one asked for last at the end
        self._windows: dict[int, tuple[int, Windows]] = {}
        self.masks: Masks = Remembered(connection, _MASKS)

    def of(self, query: Query, as_of: str | None) -> tuple[List, Moment]:
        """Return the list under a query, as it was at the moment that `as_of` names, or is now; and what is now.

        One that isn't kept any more is made anew, up to the newest object of its time.
        """
        if query.order != "metadata":
            query = msgspec.structs.replace(query, key="")
        present = moments.now(self._connection, query, self._now_ms())
        wanted = moments.read(as_of)
        if wanted is None or wanted.changes > present.changes or wanted.is_as(present):
            wanted = present
        found = self._list(query, wanted, plain=is_plain(query) and wanted.is_as(present))
        self._let_go()
        return found, present

    def unfinished(self) -> List | None:
        """Return the list that isn't known as far as was asked, of the two that were asked for last."""
        last = list(self._kept.values())[-2:]
        return next((each for each in reversed(last) if not (each.is_exact and each.has(each.wanted))), None)

    def forget(self, gone: List) -> None:
        """Keep `gone` no longer."""
        self._kept = {key: each for key, each in self._kept.items() if gone not in (each, each.counted_on)}

    def _list(self, query: Query, moment: Moment, *, plain: bool) -> List:
        key = (json.encode(query), moment.changes, moment.overdue)
        found = self._kept.pop(key, None)
        if found is None:
            found = self._make(query, moment, plain=plain)
        self._kept[key] = found
        return found

    def _make(self, query: Query, moment: Moment, *, plain: bool) -> List:
        filters = of_filters(query)
        kept = self._totals(query, ended(self._connection, query.state, self._now_ms())) if plain else None
        if filters == query:
            made = List(moment, kept)
            made.steps = self._find(made, query)
        elif kept is not None and is_walked(query):
            made = List(moment, kept)
            made.objects, made.size_bytes = kept.objects, kept.size_bytes or 0
            made.steps = self._walk(made, query)
        else:
            base = self._list(filters, moment, plain=plain)
            made = List(base.moment, base.kept, base)
            made.steps = self._put_in_order(made, base, query)
        return made

    def _totals(self, query: Query, late: Collection[Ended]) -> Totals | None:
        """Return what triggers keep of all objects in a state, without those that are past their time."""
        if len(late) > _ENDED:
            return None
        n, size = self._connection.execute(
            "SELECT ifnull(sum(n), 0), ifnull(sum(size_bytes), 0) FROM tally WHERE state = ? AND NOT part",
            (query.state,),
        ).fetchone()
        n -= sum(each.objects for each in late)
        size -= sum(each.size_bytes for each in late)
        if not query.folded:
            return Totals(n, n, size)
        if query.state != ObjectState.READ_ONLY:
            return None
        (names,) = self._connection.execute("SELECT living FROM names").fetchone()
        return Totals(names - sum(each.is_all for each in late), n, size)

    def _find(self, made: List, query: Query) -> Iterator[None]:
        """Find what fits, newest first."""
        connection = self._connection
        found = None
        for found in sieve(connection, query, self._now_ms(), self.masks):
            if found is None:
                yield
        if found is None or found.way is None:
            return
        met = bytearray()  # by the number of the name
        for since, before in self.windows(_WINDOW).of(found.way, made.moment.newest + 1):
            rows = found.rows(connection, "o.position, o.named, ifnull(o.size_bytes, 0)", since, before)
            made.objects += len(rows)
            made.size_bytes += sum([row[2] for row in rows])
            if not query.folded:
                made.positions.extend([row[0] for row in rows])
            else:
                _fold(rows, met, made.positions)
            yield

    def _walk(self, made: List, query: Query) -> Iterator[None]:
        """Find the first rows by an index of the order, the others by putting all that fits in order."""
        for _ in walked(self._connection, query, made.moment.newest, self._now_ms(), made.positions):
            yield
            if len(made.positions) >= _AHEAD:
                break
        else:
            return
        base = self._list(of_filters(query), made.moment, plain=True)
        whole = List(made.moment, None)
        yield from self._put_in_order(whole, base, query)
        ahead = set(made.positions)
        for start in range(0, len(whole.positions), _AHEAD):
            piece = whole.positions[start : start + _AHEAD]
            made.positions.extend([position for position in piece if position not in ahead])
            yield

    def _put_in_order(self, made: List, base: List, query: Query) -> Iterator[None]:
        while not base.whole:
            base.step()
            yield
        fits = base.positions
        yield from in_order(self._connection, query, fits, made.positions, living=not asks_for_parts(query))

    def windows(self, objects: int) -> Windows:
        """Return windows of so many of the objects there are, or were before a few more came."""
        changes = self.masks.changes()
        made, windows = self._windows.get(objects, (0, None))
        if windows is None or changes - made > objects:
            windows = Windows(self._connection, objects)
            self._windows[objects] = changes, windows
        return windows

    def _let_go(self) -> None:
        while len(self._kept) > 1 and (
            len(self._kept) > _LISTS or sum(len(each.positions) for each in self._kept.values()) > _POSITIONS
        ):
            del self._kept[next(iter(self._kept))]


def _fold(rows: Sequence[tuple[int, ...]], met: bytearray, positions: array[int]) -> None:
    for row in rows:
        named = row[1]
        if named >= len(met):
            met.extend(bytes(named + 1024 - len(met)))
        if not met[named]:
            met[named] = 1
            positions.append(row[0])
