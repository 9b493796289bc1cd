"""What browsers ask of an index: pages of lists in any order, facets, and what may be meant by a few letters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import InputError
from runloop_jupyter.index import choosing, moments
from runloop_jupyter.index.asking import check
from runloop_jupyter.index.deadline import Turn
from runloop_jupyter.index.kept import Hidden, ended
from runloop_jupyter.index.narrowing import Narrowing, check_facets
from runloop_jupyter.index.objects import COLUMNS, METADATA, view_of
from runloop_jupyter.index.parts import asks_for_parts
from runloop_jupyter.index.suggesting import check_suggest, suggest
from runloop_jupyter.index.views import List, Lists
from runloop_jupyter.wire import json
from runloop_jupyter.wire.browse import PageView, Row
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from runloop_jupyter.wire.browse import (
        BrowseFacetsView,
        FacetsAsked,
        Freshness,
        PageAsked,
        Query,
        SuggestAsked,
        SuggestView,
    )

_MOST_ROWS: Final = 500
# How long a page waits for its rows, and how much longer for the length of the list.
_ROWS_SECONDS: Final = 2.0
_LENGTH_SECONDS: Final = 0.004
_FACETS_SECONDS: Final = 0.08
# So many answers are kept, or what is counted of them so far.
_NARROWING: Final = 6
# Objects that are counted in one step; windows come up to five together.
_WINDOW: Final = 400


class Browsing:
    """Answers over a connection that its caller opened with `connect`, in whose thread it stays.

    Every answer is an iterator that pauses (yields None) every few milliseconds, so that others get their turn, and
    ends with the answer. Between two steps objects may come and go, whoever puts them into the index.

    What is past its time has gone: it is in no list and no count, also where nobody has deleted it yet.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        fresh: Callable[[], Freshness],
        clock: Callable[[], float] = time.time,
        *,
        as_json: bool = False,
    ) -> None:
        """Take over `connection`.

        Args:
            connection: Where the index is.
            fresh: Says how far the store is known.
            clock: The time of day in seconds.
            as_json: Leave metadata in rows the JSON that it is stored as, for pages that will only be encoded.
        """
        self._connection = connection
        self._fresh = fresh
        self._clock = clock
        self._as_json = as_json
        self._lists = Lists(connection, self._now_ms)
        self._hidden = Hidden(connection)
        # By what was asked and when; the one asked for last at the end.
        self._narrowing: dict[tuple[bytes, int, int], Narrowing] = {}

    def page(self, asked: PageAsked) -> Iterator[PageView | None]:
        """Yield some rows of a list.

        The answer comes as soon as its rows are known and, if that takes some ten milliseconds only, the length of the
        list is too. Where it isn't `exact` yet, the same question a little later tells more; `behind` goes on.

        Raises:
            InputError: It asks for what can't be.
        """
        query = asked.query
        check(query)
        if not 1 <= asked.n <= _MOST_ROWS:
            raise InputError(f"n is how many rows, from 1 to {_MOST_ROWS}")
        if not 0 <= asked.first < 1 << 53:
            raise InputError("first is the number of a row, from 0")
        began, turn = time.monotonic(), Turn()
        found, _ = self._lists.of(query, asked.as_of)
        end = asked.first + asked.n
        found.wanted = max(found.wanted, end)
        try:
            while not found.whole:
                here = found.has(end)
                if here and found.is_exact:
                    break
                if time.monotonic() - began > (_LENGTH_SECONDS if here else _ROWS_SECONDS):
                    break
                found.step()
                if turn.is_over():
                    yield None
        except BaseException:
            self._lists.forget(found)
            raise
        yield self._page(asked, found)

    def facets(self, asked: FacetsAsked, *, within_s: float = _FACETS_SECONDS) -> Iterator[BrowseFacetsView | None]:
        """Yield how many objects have what, as far as they can be counted in `within_s` seconds.

        What wasn't complete then is counted on `behind`: the same question a little later is answered from that.

        Raises:
            InputError: It asks for what can't be.
        """
        check_facets(asked)
        began, turn = time.monotonic(), Turn()
        key = (json.encode(asked), *moments.everything(self._connection, self._now_ms()))
        found = self._narrowing.pop(key, None)
        if found is None:
            found = Narrowing(
                self._connection, self._lists.windows(_WINDOW), self._hidden, self._lists.masks, asked, self._now_ms
            )
        self._narrowing[key] = found
        while len(self._narrowing) > _NARROWING:
            del self._narrowing[next(iter(self._narrowing))]
        try:
            while not found.whole and time.monotonic() - began < within_s:
                found.step()
                if turn.is_over():
                    yield None
        except BaseException:
            self._narrowing.pop(key, None)
            raise
        yield found.view()

    def suggest(self, asked: SuggestAsked) -> Iterator[SuggestView | None]:
        """Yield what may be meant by what was typed so far.

        Raises:
            InputError: It asks for what can't be.
        """
        check_suggest(asked)
        yield from suggest(self._connection, asked, self._now_ms())

    def keys(self) -> list[tuple[str, int | None]]:
        """Return the metadata keys in use but for ``rl.*``, each with how many objects have it, most objects first."""
        return [(text, n) for text, n, _ in choosing.keys(self._connection)]

    def behind(self) -> Iterator[None]:
        """Go on, step by step, with what was asked for last and isn't known yet: lists, then facets."""
        while True:
            found = self._lists.unfinished() or next(
                (each for each in reversed(self._narrowing.values()) if not each.whole), None
            )
            if found is None:
                return
            try:
                found.step()
            except BaseException:
                if isinstance(found, List):
                    self._lists.forget(found)
                else:
                    self._narrowing.clear()
                raise
            yield

    def _page(self, asked: PageAsked, found: List) -> PageView:
        totals = found.totals
        present = moments.now(self._connection, asked.query, self._now_ms())
        return PageView(
            rows=self._rows(asked.query, found.positions[asked.first : asked.first + asked.n].tolist()),
            first=asked.first,
            total=totals.rows,
            exact=found.is_exact and found.has(asked.first + asked.n),
            objects=totals.objects,
            size_bytes=totals.size_bytes,
            as_of=str(found.moment),
            newer=not found.moment.is_as(present),
            fresh=self._fresh(),
        )

    def _rows(self, query: Query, positions: list[int]) -> list[Row | None]:
        now_ms, parts = self._now_ms(), asks_for_parts(query)
        rows: dict[int, tuple[Any, ...]] = {
            row[0]: row[1:]
            for row in self._connection.execute(
                f"SELECT o.position, o.part, o.named, n.living, {COLUMNS} FROM object AS o{METADATA}"  # noqa: S608
                " LEFT JOIN name AS n ON n.number = o.named"
                f" WHERE o.position IN ({', '.join('?' * len(positions))})",
                positions,
            )
        }
        late = {each.named: each.objects for each in ended(self._connection, ObjectState.READ_ONLY, now_ms)}
        shown: list[Row | None] = []
        for position in positions:
            row = rows.get(position)
            if row is None or (row[0] and not parts):
                shown.append(None)
                continue
            view = view_of(row[3:], as_json=self._as_json)
            ends = view.delete_after_time_ms
            has_ended = ends is not None and ends <= now_ms and view.state != ObjectState.DELETED
            if view.state != query.state or has_ended:
                shown.append(None)
            else:
                shown.append(Row(object=view, versions=max(1, row[2] - late.get(row[1], 0))))
        return shown

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
