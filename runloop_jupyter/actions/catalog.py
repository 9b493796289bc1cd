"""catalog: what a store has as a sequence of any length, narrowed and counted by an index, without a browser."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, overload

from runloop_jupyter import catalogs
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.find import store_and_pattern
from runloop_jupyter.actions.forms import KINDS
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.object_table import Extent, ObjectTable
from runloop_jupyter.actions.running import ask
from runloop_jupyter.actions.when import length_ms, span_ms
from runloop_jupyter.conditions import Condition, conditions
from runloop_jupyter.display import humane
from runloop_jupyter.display.result import Result, ResultList
from runloop_jupyter.display.table import Column, Table
from runloop_jupyter.errors import InputError, ObjectNotFound
from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, Query, Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, timedelta

    from runloop_jupyter.catalogs import Catalog
    from runloop_jupyter.conditions import Where
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.browse import BrowseFacetsView, Freshness, OrderBy, PageView

SHOWN: Final = 20
_PAGE: Final = 500
_PAGES_KEPT: Final = 20
_ORDERS: Final[dict[str, OrderBy]] = {"name": "name", "size": "size", "put": "put", "expires": "expires"}
_NOT_HERE: Final = ("kind", "type", "shape", "rows")
_METADATA: Final = "metadata."
_PATIENCE_S: Final = 10.0
_AGAIN_S: Final = 0.05


def catalog(
    search: str | None = None,
    *,
    where: Where = None,
    since: str | date | timedelta | None = None,
    before: str | date | timedelta | None = None,
    type: str | None = None,  # noqa: A002 - the same word as --type
    expiring: str | timedelta | None = None,
    sort: str | None = None,
    versions: bool = False,
) -> CatalogTable:
    """Return everything that fits, however much it is, by an index: of each name the newest version that does.

    The embedded store keeps that index itself. Of a hosted service a process on this machine walks through the
    listing, once, and then keeps up with it: until it has seen all, what it knows is the newest part, and is said to
    be. What you type is as for `ls`.

    Args:
        search: A part of the name, whatever its case, or the beginning of an id; ``PROFILE:part`` for another store.
        where: Metadata that must hold: key to value or to a list of which it must be one; or words such as
            ``"acc>0.9"``, ``"model!=vit"``, ``"model"`` (has it), or a list of them.
        since: Put no earlier than this: ``30d`` (ago), a `timedelta` (ago), ``2026-11-01``, a `date` or `datetime`.
        before: Put before this; as `since`.
        type: A kind (``table``, ``array``, ``folder``…) or a format (``parquet``…).
        expiring: Only those whose time ends within this: ``7d``, or a `timedelta`.
        sort: ``name``, ``size``, ``put``, ``expires`` or a metadata key; ``-size`` has the greatest first. Newest
            first without it.
        versions: A row a version, not a name.

    Raises:
        InputError: Something that can't be meant.
        StoreError: The store refused.
        CatalogError: This machine can't keep an index.

    Example:
        >>> runs = rl.catalog("resnet", where="acc>0.9", sort="-acc")  # doctest: +SKIP
        >>> len(runs), runs[0].name, runs.facets(["model"])["model"]  # doctest: +SKIP
    """
    now_ms = round(time.time() * 1000)
    since_ms, before_ms = span_ms(since, before, now_ms)
    length = length_ms(expiring, f"expiring {expiring}")
    order, key, descending = _order(sort)
    asked = conditions(where)
    if type is not None:
        asked.append(Condition("rl.kind" if type in KINDS else "rl.format", "=", (type,)))
    query = Query(
        conditions=asked,
        put=None if since_ms is None and before_ms is None else Span(since_ms, before_ms),
        expires=None if length is None else Span(now_ms, now_ms + length),
        order=order,
        key=key,
        descending=descending,
        folded=not versions,
    )
    session = sessions.current()

    def begin(asking: Transfer) -> CatalogTable:
        store, part = store_and_pattern(session, search)
        found = CatalogTable(catalogs.of(store), replace_search(query, part or ""), type)
        found.begin(asking.checkpoint)
        return found

    return ask("catalog", begin)


class CatalogTable(ResultList[Object]):
    """What `catalog` found: a sequence of `Object`, of which pages are fetched as they are looked at.

    It is of one moment: what comes later is seen after `refresh`, and what goes leaves its place empty until then.
    """

    def __init__(self, asked: Catalog, query: Query, type_: str | None = None) -> None:
        self._catalog = asked
        self._query = query
        self._type = type_
        self._as_of: str | None = None
        self._pages: OrderedDict[int, list[Object | None]] = OrderedDict()
        self._versions: dict[str, int] = {}
        self._last: PageView | None = None

    @property
    def store(self) -> Store:
        """Whose objects they are."""
        return self._catalog.store

    @property
    def fresh(self) -> Freshness:
        """How far the store is known now: how many objects, whether all, and when new ones were looked for."""
        return self._catalog.fresh()

    def refresh(self) -> CatalogTable:
        """Look for new ones, and be of this moment; return itself.

        Raises:
            StoreError, Unreachable: The store can't be asked.
        """

        def look(asking: Transfer) -> None:
            now_ms = round(time.time() * 1000)
            self._catalog.refresh()
            until = time.monotonic() + _PATIENCE_S
            while time.monotonic() < until:
                asking.checkpoint()
                fresh = self._catalog.fresh()
                if fresh.trouble or fresh.looked_ms is None or fresh.looked_ms >= now_ms:
                    break
                time.sleep(_AGAIN_S)
            self.begin(asking.checkpoint)

        ask("refresh", look)
        return self

    def begin(self, checkpoint: Callable[[], None]) -> None:
        """Be of this moment, with the first page there. `checkpoint` returns if it is to go on."""
        self._as_of = None
        self._page(0, checkpoint)

    def facets(self, keys: Sequence[str] | None = None, *, limit: int = 8) -> CatalogFacets:
        """Return the values of metadata keys that most of these have, and how many have each.

        Args:
            keys: Which keys; by default those that suit best: in many objects, with few values.
            limit: How many values of each.
        """
        asked = FacetsAsked(query=self._query, keys=None if keys is None else list(keys), limit=limit, folders=False)

        def count(asking: Transfer) -> BrowseFacetsView:
            until = time.monotonic() + _PATIENCE_S
            while True:
                found = self._catalog.facets(asked)
                if found.complete or time.monotonic() > until:
                    return found
                asking.checkpoint()
                time.sleep(_AGAIN_S)

        found = ask("facets", count)
        counts = {each.key: dict(zip(each.values, each.counts, strict=True)) for each in found.keys}
        return CatalogFacets(counts, found.objects, found.complete)

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame` of all of them: a row an object, its metadata in columns ``metadata.KEY``.

        Raises:
            MissingLibrary: pandas isn't installed.
        """
        return self._shown_table(list(self)).to_pandas()

    def __len__(self) -> int:
        return ask("catalog", lambda asking: self._length(asking.checkpoint))

    @overload
    def __getitem__(self, index: int) -> Object: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Object]: ...

    def __getitem__(self, index: int | slice) -> Object | Sequence[Object]:
        """Return one, or of a slice those that are still there.

        Raises:
            IndexError: There are fewer.
            ObjectNotFound: It has gone since.
        """
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            return [thing for number in numbers if (thing := self._at(number)) is not None]
        number = index if index >= 0 else index + len(self)
        if number < 0 or number >= len(self):
            raise IndexError(f"there are {humane.plural(len(self), 'object')}, no number {index}")
        thing = self._at(number)
        if thing is None:
            raise ObjectNotFound(f"number {index} has gone since. See what there is now with refresh()")
        return thing

    def __iter__(self) -> Iterator[Object]:
        number = 0
        while page := self._things(number):
            yield from (thing for thing in page if thing is not None)
            number += 1
            if len(page) < _PAGE:
                return

    def __bool__(self) -> bool:
        return bool(self._things(0))

    def _items(self) -> Sequence[Object]:
        return self

    def _at(self, number: int) -> Object | None:
        page = self._things(number // _PAGE)
        return page[number % _PAGE] if number % _PAGE < len(page) else None

    def _things(self, number: int) -> list[Object | None]:
        if number in self._pages:
            self._pages.move_to_end(number)
            return self._pages[number]
        return ask("catalog", lambda asking: self._page(number, asking.checkpoint))

    def _page(self, number: int, checkpoint: Callable[[], None]) -> list[Object | None]:
        while True:
            view = self._catalog.page(
                PageAsked(query=self._query, first=number * _PAGE, n=_PAGE, as_of=self._as_of),
            )
            if view.exact or len(view.rows) == _PAGE:
                break
            checkpoint()  # what takes long to put in order comes piece by piece: this isn't the end of it
            time.sleep(_AGAIN_S)
        if self._as_of != view.as_of:  # it is made anew, or what was kept of that moment is known no more
            self._as_of = view.as_of
            self._pages.clear()
            self._versions.clear()
        self._last = view
        things = [None if row is None else Object(row.object, self.store) for row in view.rows]
        self._versions |= {row.object.name: row.versions for row in view.rows if row is not None}
        self._pages[number] = things
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        return things

    def _length(self, checkpoint: Callable[[], None]) -> int:
        """Return how many there are, as far as the store is known, once they are counted."""
        until = time.monotonic() + _PATIENCE_S
        while self._last is None or not self._last.exact:
            checkpoint()
            self._last = self._catalog.page(PageAsked(query=self._query, n=1, as_of=self._as_of))
            if time.monotonic() > until:
                break
            if not self._last.exact:
                time.sleep(_AGAIN_S)
        return self._last.total

    def _shown_table(self, things: Sequence[Object]) -> ObjectTable:
        keys = [each.key for each in self._query.conditions if not each.key.startswith("rl.")]
        return ObjectTable(
            tuple(things),
            Extent(len(things)),
            versions={} if not self._query.folded else self._versions,
            type=self._type,
            keys=[*keys, *([self._query.key] if self._query.key else [])],
            shows="names" if self._query.folded else "versions",
        )

    def table(self) -> Table:
        """Return the table that shows the first of them."""
        table = self._shown_table([thing for thing in self._things(0)[:SHOWN] if thing is not None]).table()
        rest = [each for each in table.footer if isinstance(each, str) and each.startswith("metadata not shown")]
        return replace(table, footer=[f"{humane.count(len(table.rows))} of {self._words()}", *self._known(), *rest])

    def _words(self) -> str:
        n = len(self)
        least = "" if self._last is not None and self._last.exact and self._last.fresh.whole else "≥ "
        return f"{least}{humane.plural(n, 'object' if self._query.folded else 'version')}"

    def _known(self) -> list[str]:
        """Return what should be known of how far the store is."""
        if self._last is None:
            return []
        fresh = self._last.fresh
        words = []
        if not fresh.whole:
            words.append(f"{humane.count(fresh.indexed)} known so far: the newest; refresh() shows more")
        if fresh.trouble:
            words.append(fresh.trouble)
        if self._last.newer:
            words.append("there are newer ones: refresh()")
        return words

    def __repr__(self) -> str:
        return f"<CatalogTable {self._words()}>"

    def _shown(self) -> Table:
        return self.table()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True, eq=False, repr=False)
class CatalogFacets(Result, Mapping[str, "dict[str, int]"]):
    """Values of metadata keys, most frequent first: key to value to how many objects have it.

    Attributes:
        counts: The same as a dict.
        objects: How many objects were counted.
        complete: Whether all were; where not, each number is a lower bound.
    """

    counts: dict[str, dict[str, int]]
    objects: int
    complete: bool

    def __getitem__(self, key: str) -> dict[str, int]:
        return self.counts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.counts)

    def __len__(self) -> int:
        return len(self.counts)

    def table(self) -> Table:
        """Return the table that shows it."""
        rows = [
            [key if first else "", value, humane.count(n)]
            for key, values in self.counts.items()
            for first, (value, n) in zip([True, *[False] * len(values)], values.items(), strict=False)
        ]
        return Table(
            [Column("key"), Column("value"), Column("objects", "number")],
            rows,
            footer=[self._words()],
            empty="no metadata is in use",
        )

    def _words(self) -> str:
        return f"of {'' if self.complete else '≥ '}{humane.plural(self.objects, 'object')}"

    def __repr__(self) -> str:
        return f"<CatalogFacets {', '.join(self.counts) or 'none'} {self._words()}>"

    def _shown(self) -> Table:
        return self.table()


def replace_search(query: Query, text: str) -> Query:
    """Return `query` for names with `text` in them.

    Raises:
        InputError: It is a pattern, which an index of parts can't answer.
    """
    import msgspec

    if any(sign in text for sign in "*?["):
        raise InputError(f"“{text}” is a pattern. Give a part of the name here, or a pattern to rl.ls")
    return msgspec.structs.replace(query, search=text)


def _order(sort: object) -> tuple[OrderBy, str, bool]:
    """Return what to order by: which, the metadata key, and whether the greatest come first."""
    if sort is None:
        return "put", "", True
    if not isinstance(sort, str) or not sort.removeprefix("-"):
        raise InputError(f"sort={sort!r} is no column. There are {', '.join(_ORDERS)} and the metadata keys")
    column, descending = sort.removeprefix("-"), sort.startswith("-")
    if column in _ORDERS:
        return _ORDERS[column], "", descending
    if column in _NOT_HERE:
        raise InputError(
            f"a catalog has no order by {column}. There are {', '.join(_ORDERS)} and the metadata keys "
            f"(metadata.{column} for one that is called so); rl.ls can sort by it"
        )
    return "metadata", column.removeprefix(_METADATA), descending
