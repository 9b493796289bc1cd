"""ls: objects by name, metadata, kind and time, and an honest word on how far the look went.

A store may pass over any filter that it is sent: everything that is asked for is looked at here too.
"""

from __future__ import annotations

import fnmatch
import re
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import from_catalog, running
from runloop_jupyter.actions.counted import count
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.object_table import Extent, ObjectTable
from runloop_jupyter.actions.resolve import store_and_address
from runloop_jupyter.actions.sorting import First, Order, order
from runloop_jupyter.actions.walk import End, Later, Walk
from runloop_jupyter.actions.when import length_ms, span_ms
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.conditions import Condition, conditions, for_server
from runloop_jupyter.errors import AddressError, CatalogError, RunloopError
from runloop_jupyter.index.fold import fold
from runloop_jupyter.options import check_limit
from runloop_jupyter.transfer.manifest import PART, format_of, without_members
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, timedelta

    from runloop_jupyter.catalogs import Catalog
    from runloop_jupyter.conditions import Where
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectListView, ObjectView

DEFAULT_LIMIT: Final = 20
# Deleted objects, newest first, among which a name's newest version is looked for.
_GONE_PAGE: Final = 1000
_GLOB: Final = re.compile(r"[*?\[]")
# A class ends at the first bracket after its first character, as fnmatch reads it.
_CLASS_OR_WILD: Final = re.compile(r"\[!?.[^\]]*\]|[*?\[]")


def ls(
    pattern: str | None = None,
    *,
    where: Where = None,
    since: str | date | timedelta | None = None,
    before: str | date | timedelta | None = None,
    type: str | None = None,  # noqa: A002 - the same word as --type
    expiring: str | timedelta | None = None,
    sort: str | None = None,
    limit: int = DEFAULT_LIMIT,
    versions: bool = False,
    public: bool = False,
) -> ObjectTable:
    """Find objects; of each name the newest version that fits, newest first.

    Args:
        pattern: A part of the name, whatever its case; with ``* ? [`` in it, a pattern for the whole name.
        where: Metadata that must hold: key to value (numbers as their text) or to a list of which it must be one; or
            words such as ``"acc>0.9"``, ``"model!=vit"``, ``"model"`` (has it), or a list of them.
        since: Put no earlier than this: ``30d`` (ago), a `timedelta` (ago), ``2026-11-01``, ``2026-11-01T12:00``, a
            `date` or `datetime`; what names no zone is in UTC.
        before: Put before this; as `since`.
        type: A kind (``table``, ``array``, ``folder``…), a format (``parquet``…) or a content type.
        expiring: Only those whose time ends within this: ``7d``, or a `timedelta`.
        sort: ``name``, ``size``, ``put``, ``expires``, ``kind``, ``shape``, ``rows`` or a metadata key; ``-size`` has
            the greatest first. Everything that fits is looked at before any of it is left out.
        limit: How many to show.
        versions: A row a version, those that are gone too.
        public: The public objects of the service in place of the account's own, a row each.

    Raises:
        InputError: A limit under one, or something that can't be meant.
        StoreError: The store refused.

    Example:
        >>> rl.ls("runs/*", where=["model=resnet50", "acc>0.9"], since="30d", sort="-acc")  # doctest: +SKIP
    """
    check_limit(limit)
    now_ms = round(time.time() * 1000)
    since_ms, before_ms = span_ms(since, before, now_ms)
    length = length_ms(expiring, f"expiring {expiring}")
    query = _Query(
        conditions=conditions(where),
        since_ms=since_ms,
        before_ms=before_ms,
        ends_by_ms=None if length is None else now_ms + length,
        kind=type,
        order=order(sort),
        limit=limit,
        versions=versions,
        public=public,
        now_ms=now_ms,
    )
    session = sessions.current()

    def look(looking: Transfer) -> ObjectTable:
        store, part = store_and_pattern(session, pattern)
        known = None if public or versions or limit > from_catalog.MOST_CHECKED else from_catalog.up_to_date(store)
        if known is not None:
            with suppress(CatalogError):
                table = _Look(store, part, query, looking, known).table()
                if from_catalog.are_there(store, [thing.view for thing in table]):
                    return table
        return _Look(store, part, query, looking).table()

    return running.look(session, "ls" if not pattern else f"ls {pattern}", look)


def everything(store: Store, pattern: str | None, where: Sequence[Condition], looking: Transfer) -> list[ObjectView]:
    """Return all objects that fit, newest first: of each name its newest version, where that fits.

    An older version that fits is no substitute for what the name means.

    Args:
        store: Which.
        pattern: As `ls` has it.
        where: What must hold of the metadata.
        looking: Told how many objects were looked at; its `cancel` stops this.

    Raises:
        StoreError, Unreachable: As for any call.
    """
    query = _Query(conditions=list(where), limit=sys.maxsize, now_ms=round(time.time() * 1000))
    table = _Look(store, pattern, query, looking).table()
    return [thing.view for thing in table if thing.id not in table.notes]


@dataclass(frozen=True)
class _Query:
    """What is asked for, but for the name; times in milliseconds since 1970."""

    conditions: list[Condition] = field(default_factory=list)
    since_ms: int | None = None
    before_ms: int | None = None
    ends_by_ms: int | None = None
    kind: str | None = None
    order: Order | None = None
    limit: int = DEFAULT_LIMIT
    versions: bool = False
    public: bool = False
    now_ms: int = 0

    def fits(self, view: ObjectView) -> bool:
        """Whether all but the name is as it was asked for."""
        if self.since_ms is not None and view.create_time_ms < self.since_ms:
            return False
        if self.before_ms is not None and view.create_time_ms >= self.before_ms:
            return False
        ends = view.delete_after_time_ms
        if self.ends_by_ms is not None and (ends is None or not self.now_ms < ends <= self.ends_by_ms):
            return False
        has = view.metadata or {}
        if self.kind is not None and self.kind not in (has.get("rl.kind"), format_of(has), view.content_type):
            return False
        for each in self.conditions:
            value = has.get(each.key)
            if value is None or not each.holds(value):
                return False
        return True

    @property
    def keys(self) -> list[str]:
        """The metadata keys that are asked about."""
        sorted_by = self.order.key if self.order else None
        return [each.key for each in self.conditions] + ([] if sorted_by is None else [sorted_by])

    def is_alive(self, view: ObjectView) -> bool:
        ends = view.delete_after_time_ms
        return view.state == ObjectState.READ_ONLY and (ends is None or ends > self.now_ms)


class _Look:
    """One walk through a store, and what was found on it.

    Args:
        store: Which.
        pattern: What names are to be like.
        query: What else.
        looking: Told how far it is.
        known: A catalog of all that is in it, to walk through in its place.
    """

    def __init__(
        self, store: Store, pattern: str | None, query: _Query, looking: Transfer, known: Catalog | None = None
    ) -> None:
        self._store = store
        self._known = known
        self._query = query
        self._looking = looking
        self._matches = matcher(pattern)
        state = None if query.versions or query.public else ObjectState.READ_ONLY
        self._wanted = Filter(name=literal_part(pattern), state=state, metadata=for_server(query.conditions))
        self._first = First(query.limit, query.order)
        self._versions: Counter[str] = Counter()
        self._found = 0
        self._keys: dict[str, None] = {}
        # Names by what was seen of them before the first version that fits.
        self._passed: dict[str, str] = {}

    def table(self) -> ObjectTable:
        query, objects = self._query, self._store.objects
        gone = None if query.versions or query.public else Later(self._deleted)
        walk = Walk(
            self._shown(
                from_catalog.pages(self._known, self._wanted)
                if self._known
                else objects.pages(self._wanted, public=query.public, narrowed=False)
            ),
            self._looking,
            since_ms=query.since_ms,
            # What is sorted must all be known; what comes in order is good as soon as there is enough of it.
            enough=lambda: query.order is None and self._found >= query.limit,
            to_the_end=query.limit == sys.maxsize,
        )
        take = self._take_each if query.versions or query.public else self._take_newest
        for page in walk:
            for view in page:
                take(view)
        views = self._first.views(self._keys)
        notes = self._notes(views, gone.wait(self._looking) if gone else [])
        return ObjectTable(
            tuple(Object(view, self._store, public=query.public) for view in views),
            extent=self._extent(walk),
            versions=self._versions,
            notes=notes,
            type=query.kind,
            keys=query.keys,
            shows="public" if query.public else "versions" if query.versions else "names",
        )

    def _shown(self, pages: Iterator[ObjectListView]) -> Iterator[ObjectListView]:
        """Return the pages without parts of sets, which are seen where they are asked for by name of their kind."""
        return pages if self._query.kind == PART else without_members(pages)

    def _take_newest(self, view: ObjectView) -> None:
        name = view.name
        if not self._matches(name):
            return
        if not self._query.is_alive(view):
            if view.size_bytes is not None and name not in self._versions:
                self._passed.setdefault(name, "newest is gone")
            return
        if not self._query.fits(view):
            if name not in self._versions:
                self._passed.setdefault(name, "not the newest")
            return
        self._versions[name] += 1
        if self._versions[name] == 1:
            self._found += 1
            self._add(view)

    def _take_each(self, view: ObjectView) -> None:
        if self._matches(view.name) and self._query.fits(view):
            if self._query.public and not self._query.versions and not self._query.is_alive(view):
                return
            self._found += 1
            self._add(view)

    def _add(self, view: ObjectView) -> None:
        if self._query.order is not None and view.metadata:
            self._keys.update(dict.fromkeys(view.metadata))
        self._first.add(view)

    def _deleted(self) -> list[ObjectView]:
        """Return the newest deleted objects, a page of them. They say a little more; a look does without."""
        try:
            wanted = Filter(name=self._wanted.name, state=ObjectState.DELETED)
            return self._store.objects.list(wanted, limit=_GONE_PAGE).objects
        except RunloopError:
            return []

    def _notes(self, views: list[ObjectView], deleted: list[ObjectView]) -> dict[str, str]:
        """Return, by id, why an object that is shown isn't what its bare name means, where that is known."""
        newest_gone: dict[str, int] = {}
        for view in deleted:
            # An upload that was stopped leaves a deleted object that never had bytes: no version of anything.
            if view.state == ObjectState.DELETED and view.size_bytes is not None:
                newest_gone[view.name] = max(view.create_time_ms, newest_gone.get(view.name, view.create_time_ms))
        notes = {}
        for view in views:
            if newest_gone.get(view.name, view.create_time_ms) > view.create_time_ms:
                notes[view.id] = "newest is gone"
            elif note := self._passed.get(view.name):
                notes[view.id] = note
        return notes

    def _extent(self, walk: Walk) -> Extent:
        whole = walk.end in {End.ALL, End.SINCE}
        narrowed = bool(self._wanted.name or self._wanted.metadata)
        looked_at: int | None = walk.looked_at
        if walk.end is End.SINCE:
            looked_at = None if narrowed else walk.young
        elif whole and narrowed:  # the store looked at the rest, if it listened
            looked_at = self._count()
        return Extent(
            found=self._found,
            looked_at=looked_at,
            of=None if whole else self._count(),
            whole=whole,
            only_since=walk.end is End.SINCE,
            sorted=self._query.order is not None,
        )

    def _count(self) -> int | None:
        """Return how many objects there are; None for the hosted service, where a count may cost more than the look."""
        if not self._store.profile.embedded:
            return None
        if self._query.kind == PART:
            return None
        return count(self._store.objects, self._wanted.state, public=self._query.public)


def store_and_pattern(session: Session, pattern: str | None) -> tuple[Store, str | None]:
    """Return the store that a pattern speaks of, and the pattern of names in it."""
    if not pattern:
        return session.store, None
    try:
        store, place = store_and_address(session, pattern)
    except AddressError:  # a pattern need not be an address: it is looked for as it stands
        return session.store, pattern
    return store, place.text


def matcher(pattern: str | None) -> Callable[[str], Any]:
    """Return what says whether a name fits: a part of it, whatever its case, or a pattern for the whole."""
    if not pattern:
        return lambda name: True
    if _GLOB.search(pattern):
        return re.compile(fnmatch.translate(pattern)).match
    folded = fold(pattern)
    # Most names are ASCII, and need no table to be folded.
    return lambda name: folded in (name.lower() if name.isascii() and "\0" not in name else fold(name))


def literal_part(pattern: str | None) -> str | None:
    """Return the longest piece of a pattern that every fitting name holds, for the server to narrow by."""
    if not pattern:
        return None
    pieces = _CLASS_OR_WILD.split(pattern) if _GLOB.search(pattern) else [pattern]
    return max(pieces, key=len) or None
