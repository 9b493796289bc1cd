"""What a walk writes down: pages of a listing merged into the index, and what has still to be walked through.

The listing is newest first, and so are positions: greater is newer. What isn't known yet is a *gap*: the object before
it, with its position (the ceiling) and its id (where the walk goes on). A new file is one gap from top to bottom; a
look for new objects opens one at the top, which closes where it meets what is known. Each page goes in together with
where its gap then stands, in one transaction: however a process ends, the next goes on from there.

What two neighbours of the listing have between them in the index, but not in the listing, has gone from the store.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runloop_jupyter.catalogs.place import TOP
from runloop_jupyter.index import ObjectIndex, transaction
from runloop_jupyter.index.bulk import put_new
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from runloop_jupyter.wire.objects import ObjectView

MET: Final = 32
"""So many known objects one after the other, and what follows is known too: some may have come out of order."""
_PER_MILLISECOND: Final = 1 << 16
_HEADROOM: Final = 1 << 32
_LATEST_MS: Final = 1 << 41  # in the year 2039; what claims to be later goes by its neighbours
GONE_AT_ONCE: Final = 100_000
_GREATEST: Final = 1 << 62
_TOGETHER: Final = 900


class Superseded(Exception):
    """Another process has taken over the walk."""


class Kind(IntEnum):
    """Why a walk goes through something."""

    FILL = 0
    """It isn't known; the walk ends where it meets what is."""
    SWEEP = 1
    """It is known, and gone through again to see what has gone, to the end of the listing."""
    AGAIN = 2
    """Parts of it aren't known, nobody knows which: to the end of the listing."""


@dataclass
class Gap:
    """What a walk goes through.

    Attributes:
        ceiling: Position of the object before it; `TOP` where it begins with the newest.
        after_id: That object's id; empty where it begins with the newest.
        kind: Why.
    """

    ceiling: int = TOP
    after_id: str = ""
    kind: Kind = Kind.FILL


@dataclass
class Merged:
    """What came of a page.

    Attributes:
        ended: Whether the gap is closed.
        moved: Whether anything in it was further down than what came before.
        new: How many objects weren't known.
        changed: Whether the index is another than before.
        missing: Ids that should have been there: they may have gone from the store.
        met: How many known ones came one after the other at the end of it.
    """

    ended: bool = False
    moved: bool = False
    new: int = 0
    changed: bool = False
    missing: list[str] = field(default_factory=list)
    met: int = 0


class Book:
    """The index file of a catalog, to write to. Belongs to one thread.

    Args:
        connection: Opened by `Place.connect`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.index = ObjectIndex(connection)

    def take_over(self, token: str) -> None:
        """Be who walks: whoever walked before finds out at its next page."""
        with transaction(self._db):
            self.say("walker", token)

    def gaps(self) -> list[Gap]:
        """Return what has still to be walked through: first what isn't known, of that the newest first."""
        rows = self._db.execute("SELECT ceiling, after_id, kind FROM gap ORDER BY kind = 1, ceiling DESC").fetchall()
        return [Gap(ceiling, after_id, Kind(kind)) for ceiling, after_id, kind in rows]

    def said(self, key: str) -> str | None:
        """Return what was written down under `key`."""
        row = self._db.execute("SELECT value FROM walked WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def say(self, key: str, value: str) -> None:
        """Write something down, in the caller's transaction."""
        self._db.execute("INSERT OR REPLACE INTO walked VALUES (?, ?)", (key, value))

    def begin_sweep(self, now_ms: int) -> None:
        """Go through all of the store again, from the newest."""
        with transaction(self._db):
            self._db.execute("DELETE FROM gap WHERE kind = ?", (Kind.SWEEP,))
            self._keep(Gap(kind=Kind.SWEEP))
            self.say("swept_ms", str(now_ms))

    def is_whole(self, now_ms: int) -> None:
        """Take notice that all of the store was walked through just now."""
        with transaction(self._db):
            self.say("swept_ms", str(now_ms))

    def begin_again(self) -> None:
        """Forget how far the walk came: what is known stays, and all is walked through once more."""
        with transaction(self._db):
            self._db.execute("DELETE FROM gap")
            self._keep(Gap(kind=Kind.AGAIN))

    def before(self, gap: Gap) -> Gap | None:
        """Return a gap that begins an object further up, for one whose object the store doesn't know any more."""
        row = self._db.execute(
            "SELECT position, id FROM object WHERE position > ? ORDER BY position LIMIT 1", (gap.ceiling,)
        ).fetchone()
        return None if row is None else Gap(row[0], row[1], gap.kind)

    def move(self, gap: Gap, to: Gap) -> None:
        """Let a gap begin elsewhere."""
        with transaction(self._db):
            self._drop(gap.ceiling, gap.kind)
            self._keep(to)

    def _keep(self, gap: Gap) -> None:
        self._db.execute("INSERT OR REPLACE INTO gap VALUES (?, ?, ?)", (gap.ceiling, gap.kind, gap.after_id))

    def _drop(self, ceiling: int, kind: Kind) -> None:
        self._db.execute("DELETE FROM gap WHERE ceiling = ? AND kind = ?", (ceiling, kind))

    def merge(self, gap: Gap, views: Sequence[ObjectView], *, has_more: bool, token: str) -> Merged:
        """Take in a page, and write down where its gap then stands: `gap` is moved on.

        Args:
            gap: What the page is from; its first object comes after ``after_id``.
            views: The page.
            has_more: Whether the listing goes on after it.
            token: Whose walk it is.

        Raises:
            Superseded: Another process walks now; nothing was changed.
        """
        with transaction(self._db):
            if self.said("walker") != token:
                raise Superseded
            began = gap.ceiling
            merged = _Page(self._db, self.index, gap, views).merge(has_more=has_more)
            self._drop(began, gap.kind)
            if not merged.ended:
                self._keep(gap)
        return merged

    def places(self, ids: Iterable[str]) -> list[tuple[str, int]]:
        """Return those ids that are known, with their positions, the newest first."""
        rows = _among(self._db, "SELECT id, position FROM object WHERE id IN", list(ids))
        return sorted(rows, key=lambda each: -each[1])

    def known_between(self, last: int, first: int) -> int:
        """Return how many objects are known from position `last` up to `first`, without that one; 1,001 for more."""
        (n,) = self._db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM object WHERE position >= ? AND position < ? LIMIT 1001)",
            (last, first),
        ).fetchone()
        return int(n)

    def lacking(self, views: Sequence[ObjectView], first: int, last: int, *, to_the_end: bool) -> list[str]:
        """Return which ids from position `first` down to `last` a page lacks that begins there.

        Args:
            views: The page.
            first: Position of the first that it should have.
            last: Position of the last that is asked about.
            to_the_end: Whether the listing ends with it; otherwise it says nothing of what is further down.
        """
        there = {view.id for view in views}
        reached = min((position for _, position in self.places(there)), default=None)
        if reached is None and not to_the_end:
            return []
        floor = last if reached is None or to_the_end else max(last, reached)
        rows = self._db.execute(
            "SELECT id FROM object WHERE position <= ? AND position >= ? AND state != 'DELETED'", (first, floor)
        )
        return [each for (each,) in rows if each not in there]

    def refresh(self, views: Iterable[ObjectView]) -> bool:
        """Take in what the store says of single objects now; return whether anything was changed."""
        changed = False
        with transaction(self._db):
            for view in views:
                position = self.index.position(view.id)
                if position is not None:
                    changed |= _changed(self.index, position, _storable(view))
        return changed

    def note(self, views: Iterable[ObjectView]) -> bool:
        """Take in what this machine put or deleted, before any walk meets it; return whether anything was changed."""
        changed = False
        with transaction(self._db):
            for each in views:
                view = _storable(each)
                position = self.index.position(view.id)
                if position is not None:
                    changed |= _changed(self.index, position, view)
                elif view.state != ObjectState.DELETED:
                    newest = self.index.newest()
                    self.index.put(_between(view, newest, TOP), view)
                    # Others may have put something before it that isn't known: it doesn't end a look.
                    self._db.execute("INSERT OR IGNORE INTO noted VALUES (?)", (view.id,))
                    changed = True
        return changed

    def remove(self, ids: Iterable[str]) -> int:
        """Forget objects; return how many there were."""
        n = 0
        with transaction(self._db):
            for each in ids:
                if (position := self.index.position(each)) is not None:
                    self.index.remove(position)
                    n += 1
                self._db.execute("DELETE FROM noted WHERE id = ?", (each,))
        return n

    def expire(self, now_ms: int, at_most: int = 1000) -> int:
        """Let what is past its time be deleted, as its store does; return how many there were."""
        due = self._db.execute(
            "SELECT position, size_bytes FROM object INDEXED BY object_by_expiry"
            " WHERE delete_after_time_ms <= ? AND delete_after_time_ms IS NOT NULL AND state != 'DELETED' LIMIT ?",
            (now_ms, at_most),
        ).fetchall()
        if due:
            with transaction(self._db):
                for position, size in due:
                    self.index.change(position, state=ObjectState.DELETED, size_bytes=size)
        return len(due)

    def unfinished(self, since_ms: int, at_most: int) -> list[str]:
        """Return ids of objects that are still being uploaded, made since then, the newest first."""
        rows = self._db.execute(
            "SELECT id FROM object WHERE state = 'UPLOADING' AND create_time_ms >= ? ORDER BY position DESC LIMIT ?",
            (since_ms, at_most),
        )
        return [each for (each,) in rows]

    def count(self) -> int:
        """Return how many objects are known, in every state."""
        return sum(each.objects for each in self.index.tally().values())


class _Page:
    """One page on its way into the index, within a transaction."""

    def __init__(self, db: sqlite3.Connection, index: ObjectIndex, gap: Gap, views: Sequence[ObjectView]) -> None:
        self._db = db
        self._index = index
        self._gap = gap
        self._views = views
        self._merged = Merged()
        self._new: dict[int, ObjectView] = {}
        ids = [view.id for view in views]
        self._known: dict[str, int] = dict(_among(db, "SELECT id, position FROM object WHERE id IN", ids))
        self._noted: set[str] = {each for (each,) in _among(db, "SELECT id FROM noted WHERE id IN", ids)}
        self._floor = self._next_known(gap.ceiling)
        # Where other gaps begin that this one may come to, the newest first.
        self._others: list[int] = [
            ceiling
            for (ceiling,) in db.execute(
                "SELECT ceiling FROM gap WHERE kind = ? AND ceiling < ? ORDER BY ceiling DESC",
                (Kind.FILL, gap.ceiling),
            )
        ]

    def merge(self, *, has_more: bool) -> Merged:
        """Take it in; return what came of it."""
        merged = self._go_through(has_more=has_more)
        put_new(self._db, self._new.items())
        return merged

    def _go_through(self, *, has_more: bool) -> Merged:
        gap, merged = self._gap, self._merged
        for view in self._views:
            position = self._known.get(view.id)
            if position is None:
                self._add(_storable(view))
            elif position < gap.ceiling:
                self._meet(view, position)
            # Else it was there before, further up: a listing that repeats itself, or that somebody reordered.
            if gap.kind is Kind.FILL and merged.met >= MET:
                merged.ended = True
                return merged
        if not has_more:
            merged.ended = True
            self._miss(-TOP)
            self._db.execute("DELETE FROM gap WHERE kind = ? AND ceiling < ?", (Kind.FILL, gap.ceiling))
        elif self._views:
            gap.after_id = self._views[-1].id
        return merged

    def _add(self, view: ObjectView) -> None:
        position = _between(view, self._floor, self._gap.ceiling)
        if self._floor is not None and position <= self._floor:  # no room: as near as can be
            while self._index.taken(position) or position in self._new:
                position -= 1
        self._new[position] = view
        self._known[view.id] = position
        merged = self._merged
        merged.new += 1
        merged.met = 0
        merged.changed = True
        self._moved_to(position, view.id)

    def _meet(self, view: ObjectView, position: int) -> None:
        merged = self._merged
        self._miss(position)
        merged.changed |= _changed(self._index, position, _storable(view))
        if view.id in self._noted:
            self._db.execute("DELETE FROM noted WHERE id = ?", (view.id,))
        else:
            merged.met += 1
        self._moved_to(position, view.id)
        self._floor = self._next_known(position)

    def _moved_to(self, position: int, object_id: str) -> None:
        """Let the gap begin after this object; one that began in what was passed is part of it."""
        gap, merged = self._gap, self._merged
        while self._others and self._others[0] >= position:
            ceiling = self._others.pop(0)
            if gap.kind is Kind.FILL:
                self._db.execute("DELETE FROM gap WHERE ceiling = ? AND kind = ?", (ceiling, Kind.FILL))
                merged.met = 0  # what follows isn't known, whatever was met above
        gap.ceiling, gap.after_id = position, object_id
        merged.moved = True

    def _miss(self, position: int) -> None:
        """Take notice of what should have come before `position`, and didn't."""
        if len(self._merged.missing) > GONE_AT_ONCE:
            return
        rows = self._db.execute(
            "SELECT id FROM object WHERE position < ? AND position > ? AND state != 'DELETED' LIMIT ?",
            (self._gap.ceiling, position, GONE_AT_ONCE + 1),
        )
        self._merged.missing += [each for (each,) in rows]

    def _next_known(self, position: int) -> int | None:
        (floor,) = self._db.execute("SELECT max(position) FROM object WHERE position < ?", (position,)).fetchone()
        return None if floor is None else int(floor)


def _among(db: sqlite3.Connection, statement: str, ids: Sequence[str]) -> list[Any]:
    """Return the rows of a statement that ends with IN for any number of ids; JSON would lose some odd ones."""
    rows: list[Any] = []
    for start in range(0, len(ids), _TOGETHER):
        some = ids[start : start + _TOGETHER]
        rows += db.execute(f"{statement} ({', '.join('?' * len(some))})", some).fetchall()
    return rows


def _between(view: ObjectView, floor: int | None, ceiling: int) -> int:
    """Return a position over `floor` and under `ceiling`: by the object's time, where that is between them."""
    if 0 < view.create_time_ms < _LATEST_MS:
        position = view.create_time_ms * _PER_MILLISECOND
        if (floor is None or position > floor) and position < ceiling:
            return position
    if ceiling < TOP:
        return ceiling - 1
    return _HEADROOM if floor is None else floor + _HEADROOM


def _storable(view: ObjectView) -> ObjectView:
    """Return `view` with no number that a database can't hold."""
    numbers = (view.create_time_ms, view.size_bytes or 0, view.delete_after_time_ms or 0)
    if all(-_GREATEST < each < _GREATEST for each in numbers):
        return view
    return msgspec.structs.replace(
        view,
        create_time_ms=_clipped(view.create_time_ms),
        size_bytes=None if view.size_bytes is None else _clipped(view.size_bytes),
        delete_after_time_ms=None if view.delete_after_time_ms is None else _clipped(view.delete_after_time_ms),
    )


def _clipped(number: int) -> int:
    return max(-_GREATEST, min(number, _GREATEST))


def _changed(index: ObjectIndex, position: int, view: ObjectView) -> bool:
    """Take in what may change of an object; return whether it has."""
    known = index.get(view.id)
    tagged = view.metadata is not None and known is not None and known.metadata is None
    if known is None or (known.state == view.state and known.size_bytes == view.size_bytes and not tagged):
        return False
    if known.state == ObjectState.DELETED and view.state != ObjectState.DELETED and _is_past(known):
        return False  # past its time, and its store hasn't got to it yet
    if tagged:
        index.put(position, view)
    else:
        size = known.size_bytes if view.size_bytes is None else view.size_bytes
        index.change(position, state=view.state, size_bytes=size)
    return True


def _is_past(view: ObjectView) -> bool:
    return view.delete_after_time_ms is not None and view.delete_after_time_ms <= time.time() * 1000
