"""One page of a listing on its way into the index: where each object stands, what is new, what is missing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runloop_jupyter.catalogs.gaps import Kind, Merged
from runloop_jupyter.catalogs.place import TOP
from runloop_jupyter.index.bulk import put_new
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from runloop_jupyter.catalogs.gaps import Gap
    from runloop_jupyter.index import ObjectIndex
    from runloop_jupyter.wire.objects import ObjectView

MET: Final = 32
"""So many known objects one after the other, and what follows is known too: some may have come out of order."""
_PER_MILLISECOND: Final = 1 << 16
_HEADROOM: Final = 1 << 32
_LATEST_MS: Final = 1 << 41  # in the year 2039; what claims to be later goes by its neighbours
_GONE_AT_ONCE: Final = 100_000
_GREATEST: Final = 1 << 62
_TOGETHER: Final = 900


class Page:
    """One page on its way into the index, within a transaction."""

    def __init__(self, db: sqlite3.Connection, index: ObjectIndex, gap: Gap, views: Sequence[ObjectView]) -> None:
        self._db = db
        self._index = index
        self._gap = gap
        self._views = views
        self._merged = Merged()
        self._new: dict[int, ObjectView] = {}
        ids = [view.id for view in views]
        self._known: dict[str, int] = dict(among(db, "SELECT id, position FROM object WHERE id IN", ids))
        self._noted: set[str] = {each for (each,) in among(db, "SELECT id FROM noted WHERE id IN", ids)}
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
                self._add(storable(view))
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
        position = between(view, self._floor, self._gap.ceiling)
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
        merged.changed |= take_changes(self._index, position, storable(view))
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
        if len(self._merged.missing) > _GONE_AT_ONCE:
            return
        rows = self._db.execute(
            "SELECT id FROM object WHERE position < ? AND position > ? AND state != 'DELETED' LIMIT ?",
            (self._gap.ceiling, position, _GONE_AT_ONCE + 1),
        )
        self._merged.missing += [each for (each,) in rows]

    def _next_known(self, position: int) -> int | None:
        (floor,) = self._db.execute("SELECT max(position) FROM object WHERE position < ?", (position,)).fetchone()
        return None if floor is None else int(floor)


def among(db: sqlite3.Connection, statement: str, ids: Sequence[str]) -> list[Any]:
    """Return the rows of a statement that ends with IN for any number of ids; JSON would lose some odd ones."""
    rows: list[Any] = []
    for start in range(0, len(ids), _TOGETHER):
        some = ids[start : start + _TOGETHER]
        rows += db.execute(f"{statement} ({', '.join('?' * len(some))})", some).fetchall()
    return rows


def between(view: ObjectView, floor: int | None, ceiling: int) -> int:
    """Return a position over `floor` and under `ceiling`: by the object's time, where that is between them."""
    if 0 < view.create_time_ms < _LATEST_MS:
        position = view.create_time_ms * _PER_MILLISECOND
        if (floor is None or position > floor) and position < ceiling:
            return position
    if ceiling < TOP:
        return ceiling - 1
    return _HEADROOM if floor is None else floor + _HEADROOM


def storable(view: ObjectView) -> ObjectView:
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


def take_changes(index: ObjectIndex, position: int, view: ObjectView) -> bool:
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
