"""Facets that narrow each other: each is counted without what the query itself says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter.errors import InputError
from runloop_jupyter.index import kept
from runloop_jupyter.index.asking import check, check_number, is_plain, of_filters, sieve
from runloop_jupyter.index.choosing import suited
from runloop_jupyter.index.counters import Folders, InRanges, Objects, States, Values
from runloop_jupyter.wire import json
from runloop_jupyter.wire.browse import BrowseFacetsView
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from runloop_jupyter.index.asking import Masks
    from runloop_jupyter.index.counters import Counting
    from runloop_jupyter.index.windows import Windows
    from runloop_jupyter.wire.browse import FacetsAsked, Query

_MOST_KEYS: Final = 50
_MOST_VALUES: Final = 1000
_MOST_ENDS: Final = 100
_INDEXES: Final = {
    "size_bytes": "object_by_size",
    "create_time_ms": "object_by_put",
    "delete_after_time_ms": "object_by_expiry",
}


def check_facets(asked: FacetsAsked) -> None:
    """Raise `InputError` where it asks for what can't be."""
    check(asked.query)
    if not 0 <= asked.n_keys <= _MOST_KEYS or len(asked.keys or ()) > _MOST_KEYS:
        raise InputError(f"keys and n_keys ask for up to {_MOST_KEYS} metadata keys")
    if not 1 <= asked.limit <= _MOST_VALUES:
        raise InputError(f"limit is how many values of each key, from 1 to {_MOST_VALUES:,}")
    for what, ends in (("sizes", asked.sizes), ("puts", asked.puts), ("expiries", asked.expiries)):
        if len(ends) > _MOST_ENDS or sorted(set(ends)) != ends:
            raise InputError(f"{what} are up to {_MOST_ENDS} numbers, each greater than the one before")
        for end in ends:
            check_number(what, end)


class Narrowing:
    """The facets under one query, counted step by step; what is counted so far can be read at any time.

    Those that need the same objects to be looked at are counted together. Of each such group some objects are looked at
    in turn, newest first, so that all facets have something when the time is up; every other turn is that of the
    objects which the query itself means.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        windows: Windows,
        hidden: kept.Hidden,
        masks: Masks,
        asked: FacetsAsked,
        now_ms: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._windows = windows
        self._asked = asked
        self._now_ms = now_ms()
        self._query = of_filters(asked.query)
        # By what is left of the query: that query, and what is counted under it.
        self._walks: dict[bytes, tuple[Query, list[Counting]]] = {}
        # What is soon known from what is kept, one after the other; then the walks in turn.
        self._first: list[Iterator[None]] = []
        self._steps: list[Iterator[None]] = []
        self._hidden = hidden
        self._masks = masks
        self._less: list[int] | None = None
        self._looked = False
        self._objects = self._count_objects()
        self._values = [self._count_values(key) for key in self._keys()]
        self._folders = self._count_folders() if asked.folders else None
        self._ranges = [
            self._count_ranges(column, ends)
            for column, ends in (
                ("size_bytes", asked.sizes),
                ("create_time_ms", asked.puts),
                ("delete_after_time_ms", asked.expiries),
            )
        ]
        self._states = self._count_states()
        main = self._walks.pop(json.encode(self._query), None)
        self._main = None if main is None else self._walk(*main)
        self._is_mains = True
        self._steps += [self._walk(*walk) for walk in self._walks.values()]

    @property
    def whole(self) -> bool:
        """Whether all is counted."""
        return not self._first and not self._steps and self._main is None

    def step(self) -> None:
        """Count a little more."""
        if self._first:
            for _ in self._first[0]:
                return
            del self._first[0]
            return
        self._is_mains = not self._is_mains
        if self._main is not None and (self._is_mains or not self._steps):
            for _ in self._main:
                return
            self._main = None
            return
        turn = self._steps.pop(0)
        for _ in turn:
            self._steps.append(turn)
            return

    def view(self) -> BrowseFacetsView:
        """Return what is counted so far."""
        asked = self._asked
        counted = [self._objects, self._states, self._folders, *self._values, *self._ranges]
        sizes, puts, expiries = [None if each is None else each.ranges() for each in self._ranges]
        return BrowseFacetsView(
            keys=[
                each.facet(self._connection, asked.limit, asked.query.where.get(each.text, ())) for each in self._values
            ],
            folders=None if self._folders is None else self._folders.facet(asked.limit),
            states=self._states.facet(),
            sizes=sizes,
            puts=puts,
            expiries=expiries,
            objects=self._objects.n,
            complete=self.whole and all(each.complete for each in counted if each is not None),
        )

    def _keys(self) -> list[str]:
        if self._asked.keys is not None:
            return list(dict.fromkeys(self._asked.keys))
        said = [*self._query.where, *(each.key for each in self._query.conditions)]
        best = suited(self._connection, self._asked.n_keys)
        return list(dict.fromkeys([*best[:1], *said, *best[1:]]))[: max(self._asked.n_keys, 0)]

    def _count_objects(self) -> Objects:
        found = Objects()
        if is_plain(self._query):
            found.n, found.complete = self._plain(self._query.state), True
        else:
            self._counted(self._query, found)
        return found

    def _count_folders(self) -> Folders:
        found = Folders(self._query.beneath)
        if is_plain(msgspec.structs.replace(self._query, beneath="")):
            self._first.append(kept.folders(self._connection, found, self._query.state, self._now_ms))
        else:
            self._counted(self._query, found)
        return found

    def _count_values(self, text: str) -> Values:
        row = self._connection.execute("SELECT key FROM meta_key WHERE text = ?", (text,)).fetchone()
        found = Values(text, None if row is None else row[0])
        query = msgspec.structs.replace(
            self._query,
            where={key: values for key, values in self._query.where.items() if key != text},
            conditions=[each for each in self._query.conditions if each.key != text],
        )
        if row is None:
            found.complete = True
            return found
        less = self._less_those() if is_plain(query) else None
        if less is None:
            self._counted(query, found)
        else:
            kept.at_least(self._connection, found, len(less), self._asked.limit)
            self._first.append(kept.values(self._connection, found, self._hidden, query.state, less, self._asked.limit))
        return found

    def _count_ranges(self, column: str, ends: Sequence[int]) -> InRanges | None:
        if not ends:
            return None
        found = InRanges(column, ends)
        if column == "size_bytes":
            query = msgspec.structs.replace(self._query, size=None)
        elif column == "create_time_ms":
            query = msgspec.structs.replace(self._query, put=None)
        else:
            query = msgspec.structs.replace(self._query, expires=None, lasting=None)
        if is_plain(query) and query.state == ObjectState.READ_ONLY:
            self._first.append(kept.ranges(self._connection, found, _INDEXES[column], self._now_ms))
        else:
            self._counted(query, found)
        return found

    def _count_states(self) -> States:
        found = States()
        for state in ObjectState:
            query = msgspec.structs.replace(self._query, state=state.value)
            if is_plain(query):
                found.counts[state.value] = self._plain(state.value)
            elif state == self._query.state:
                found.objects[state.value] = self._objects
            else:
                found.objects[state.value] = Objects()
                self._counted(query, found.objects[state.value])
        return found

    def _plain(self, state: str) -> int:
        (n,) = self._connection.execute(
            "SELECT ifnull(sum(n), 0) FROM tally WHERE state = ? AND NOT part", (state,)
        ).fetchone()
        return int(n) - len(kept.late(self._connection, state, self._now_ms, "position"))

    def _less_those(self) -> list[int] | None:
        if not self._looked:
            self._less = kept.hidden(self._connection, self._query.state, self._now_ms)
            self._looked = True
        return self._less

    def _counted(self, query: Query, counting: Counting) -> None:
        self._walks.setdefault(json.encode(query), (query, []))[1].append(counting)

    def _walk(self, query: Query, counting: Sequence[Counting]) -> Iterator[None]:
        connection = self._connection
        found = None
        for found in sieve(connection, query, self._now_ms, self._masks):
            if found is None:
                yield
        if found is not None and (way := found.way) is not None:
            keys = [each.key for each in counting if isinstance(each, Values) and each.key is not None]
            columns = ", ".join(each.column for each in counting)
            for since, before in self._windows.of(way, None):
                rows = found.read(connection, columns, keys, since, before)
                for each, values in zip(counting, zip(*rows, strict=True), strict=False):
                    each.feed(values)
                yield
        for each in counting:
            each.complete = each.countable
