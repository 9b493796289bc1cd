"""What a walk writes down: pages of a listing merged into the index, and what has still to be walked through.

The listing is newest first, and so are positions: greater is newer. What isn't known yet is a *gap*: the object before
it, with its position (the ceiling) and its id (where the walk goes on). A new file is one gap from top to bottom; a
look for new objects opens one at the top, which closes where it meets what is known. Each page goes in together with
where its gap then stands, in one transaction: however a process ends, the next goes on from there.

What two neighbours of the listing have between them in the index, but not in the listing, has gone from the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.catalogs.gaps import Gap, Kind
from runloop_jupyter.catalogs.merging import Page, among, between, storable, take_changes
from runloop_jupyter.catalogs.place import TOP
from runloop_jupyter.index import ObjectIndex, transaction
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from runloop_jupyter.catalogs.gaps import Merged
    from runloop_jupyter.wire.objects import ObjectView


class Superseded(Exception):
    """Another process has taken over the walk."""


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
            merged = Page(self._db, self.index, gap, views).merge(has_more=has_more)
            self._drop(began, gap.kind)
            if not merged.ended:
                self._keep(gap)
        return merged

    def places(self, ids: Iterable[str]) -> list[tuple[str, int]]:
        """Return those ids that are known, with their positions, the newest first."""
        rows = among(self._db, "SELECT id, position FROM object WHERE id IN", list(ids))
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
                    changed |= take_changes(self.index, position, storable(view))
        return changed

    def note(self, views: Iterable[ObjectView]) -> bool:
        """Take in what this machine put or deleted, before any walk meets it; return whether anything was changed."""
        changed = False
        with transaction(self._db):
            for each in views:
                view = storable(each)
                position = self.index.position(view.id)
                if position is not None:
                    changed |= take_changes(self.index, position, view)
                elif view.state != ObjectState.DELETED:
                    newest = self.index.newest()
                    self.index.put(between(view, newest, TOP), view)
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
