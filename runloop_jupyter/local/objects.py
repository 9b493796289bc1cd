"""The nine operations of the Objects API, as functions over the database and the blobs. HTTP stays outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter.index import Filter, ObjectIndex, Tally, transaction
from runloop_jupyter.local import limits
from runloop_jupyter.local.database import Replies
from runloop_jupyter.local.ids import make_id, next_position, position_of
from runloop_jupyter.local.refusal import bad_request, conflict, not_found
from runloop_jupyter.wire.objects import (
    ContentType,
    MetadataKeysView,
    MetadataValuesView,
    ObjectCreateParameters,
    ObjectListView,
    ObjectState,
    ObjectView,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from runloop_jupyter.local.blobs import Blobs

_INT64: Final = 2**63 - 1
_CONTENT_TYPES: Final = frozenset(ContentType)
# Deleted objects have no metadata any more.
_NOT_WHOLE: Final = (ObjectState.UPLOADING, ObjectState.ERROR)


class Objects:
    """Everything that the store knows of objects. All methods run in the database's thread.

    An object past its time is deleted before anything looks at it, whether or not the sweeper has been by. A deleted
    object stays known (its id answers, lists without a state filter have it: a filter only ever narrows), without its
    bytes and its metadata.
    """

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs, clock: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._index = ObjectIndex(connection)
        self._replies = Replies(connection)
        self._blobs = blobs
        self._clock = clock
        self._newest = self._index.newest()

    def once(self, request_id: str | None, route: str, work: Callable[[], bytes]) -> bytes:
        """Return the answer `work` makes, or the one it made when this request came before. All or nothing is done.

        Args:
            request_id: The client's ``x-request-id``, the same on each retry; None does the work each time.
            route: Method and path; an id is only good for one of them.
            work: Does the work and returns the answer's body. What it refuses isn't remembered.
        """
        self.sweep()
        with transaction(self._connection):
            answer = self._replies.find(request_id, route) if request_id else None
            if answer is None:
                answer = work()
                if request_id:
                    self._replies.remember(request_id, route, answer, self._now_ms())
        self._remove_doomed()
        return answer

    def create(self, wanted: ObjectCreateParameters) -> ObjectView:
        """Create an object that waits for its bytes. Call within `once`.

        Raises:
            Refusal: 400 for a content type that isn't published or a TTL that is no time to come.
        """
        limits.check(wanted.name, wanted.metadata)
        if wanted.content_type not in _CONTENT_TYPES:
            raise bad_request(f"content_type is one of {', '.join(ContentType)}")
        now = self._now_ms()
        if wanted.ttl_ms is not None and not 0 <= wanted.ttl_ms <= _INT64 - now:
            raise bad_request("ttl_ms is a number of milliseconds, 0 or more; leave it out to keep the object for ever")
        position = next_position(self._newest, now)
        view = ObjectView(
            id=make_id(position),
            name=wanted.name,
            state=ObjectState.UPLOADING,
            content_type=wanted.content_type,
            create_time_ms=now,
            delete_after_time_ms=None if wanted.ttl_ms is None else now + wanted.ttl_ms,
            metadata=wanted.metadata,
        )
        self._index.put(position, view)
        if view.delete_after_time_ms is not None:
            self._connection.execute("INSERT INTO ttl VALUES (?, ?)", (view.delete_after_time_ms, position))
        self._newest = position
        return view

    def get(self, object_id: str) -> ObjectView:
        """Return an object in whatever state. Raises Refusal 404."""
        self.sweep()
        return self._get(object_id)

    def list(self, wanted: Filter, *, limit: int, starting_after: str | None, count: bool) -> ObjectListView:
        """Return a page of objects, newest first.

        Raises:
            Refusal: 400 when `starting_after` can't be an id of this store. One whose object is gone will do.
        """
        self.sweep()
        before = None
        if starting_after is not None:
            before = self._index.position(starting_after) or position_of(starting_after)
            if before is None:
                raise bad_request("starting_after is the id of the last object on the page before")
        page = self._index.page(wanted, limit=limit, before=before, as_json=True)
        return ObjectListView(
            objects=page.objects,
            has_more=page.has_more,
            total_count=self._index.count(wanted) if count else None,
        )

    def metadata_keys(self, *, count: bool) -> MetadataKeysView:
        """Return every metadata key in use; with `count`, how many whole objects have each."""
        self.sweep()
        if not count:
            return MetadataKeysView(keys=self._index.metadata_keys())
        counts = self._index.metadata_counts(without=_NOT_WHOLE)
        return MetadataKeysView(keys=list(counts), counts=list(counts.values()))

    def metadata_values(self, key: str, *, count: bool) -> MetadataValuesView:
        """Return every value in use under `key`, none for a key that isn't; with `count`, as `metadata_keys`."""
        self.sweep()
        if not count:
            return MetadataValuesView(key=key, values=list(self._index.metadata_values(key)))
        counts = self._index.metadata_counts(key, without=_NOT_WHOLE)
        return MetadataValuesView(key=key, values=list(counts), counts=list(counts.values()))

    def place(self, object_id: str, temporary: Path) -> None:
        """Make an uploaded file the bytes of `object_id`; a later upload replaces them until the object is completed.

        Raises:
            Refusal: 404, or 409 when the object isn't UPLOADING (any more).
        """
        self.uploading(object_id)
        self._blobs.place(temporary, object_id)

    def uploading(self, object_id: str) -> ObjectView:
        """Return an object that takes bytes. Raises Refusal 404 or 409."""
        view = self.get(object_id)
        if view.state != ObjectState.UPLOADING:
            raise conflict(f"the object is {view.state} and takes no more bytes: create a new one")
        return view

    def readable(self, object_id: str) -> ObjectView:
        """Return an object that has bytes to give.

        Raises:
            Refusal: 404, or 400 when the object is still uploading or deleted.
        """
        view = self.get(object_id)
        if view.state == ObjectState.UPLOADING:
            raise bad_request("the object is still UPLOADING: complete it first")
        if view.state != ObjectState.READ_ONLY:
            raise bad_request(f"the object is {view.state}: there is nothing to download")
        return view

    def complete(self, object_id: str) -> ObjectView:
        """Make an object READ_ONLY with the bytes that were put. Call within `once`.

        Raises:
            Refusal: 404, or 409 when it isn't UPLOADING or no bytes were put.
        """
        view = self._get(object_id)
        if view.state != ObjectState.UPLOADING:
            raise conflict(f"the object is {view.state}, not UPLOADING")
        size = self._blobs.size(object_id)
        if size is None:
            raise conflict("nothing was uploaded yet: PUT the bytes to the upload_url, then complete")
        return self._change(view, ObjectState.READ_ONLY, size)

    def delete(self, object_id: str) -> ObjectView:
        """Delete an object in whatever state; harmless on a deleted one. Call within `once`. Raises Refusal 404."""
        view = self._get(object_id)
        return view if view.state == ObjectState.DELETED else self._delete(view)

    def sweep(self) -> int:
        """Delete the objects whose time has come, and return how many."""
        now = self._now_ms()
        due = self._connection.execute(
            "SELECT o.id FROM ttl JOIN object AS o USING (position) WHERE due_ms <= ?", (now,)
        ).fetchall()
        if not due:
            return 0
        with transaction(self._connection):
            for (object_id,) in due:
                self.delete(object_id)
            self._connection.execute("DELETE FROM ttl WHERE due_ms <= ?", (now,))
        self._remove_doomed()
        return len(due)

    def tidy(self) -> int:
        """Sweep, finish deletes that were cut off, forget old answers; return how many objects were swept."""
        swept = self.sweep()
        self._remove_doomed()
        self._replies.prune(self._now_ms())
        return swept

    def overtaken_by(self, position: int) -> None:
        """Let new objects come after `position`, at which one arrived that wasn't created here."""
        self._newest = max(position, -1 if self._newest is None else self._newest)

    def tally(self) -> dict[str, Tally]:
        """Return, by state, how many objects and bytes there are."""
        self.sweep()
        return self._index.tally()

    def _get(self, object_id: str) -> ObjectView:
        view = self._index.get(object_id)
        if view is None:
            raise not_found(object_id)
        return view

    def _delete(self, view: ObjectView) -> ObjectView:
        position = self._position(view)
        self._index.drop_metadata(position)
        self._connection.execute("INSERT OR IGNORE INTO doomed VALUES (?)", (view.id,))
        return self._change(msgspec.structs.replace(view, metadata=None), ObjectState.DELETED, view.size_bytes)

    def _change(self, view: ObjectView, state: ObjectState, size_bytes: int | None) -> ObjectView:
        self._index.change(self._position(view), state=state, size_bytes=size_bytes)
        return msgspec.structs.replace(view, state=state, size_bytes=size_bytes)

    def _position(self, view: ObjectView) -> int:
        position = self._index.position(view.id)
        assert position is not None, view.id  # noqa: S101 - the view was read in this transaction
        return position

    def _remove_doomed(self) -> None:
        """Remove the bytes of deleted objects; after the commit, so that a crash loses none that are still wanted."""
        doomed = [object_id for (object_id,) in self._connection.execute("SELECT id FROM doomed").fetchall()]
        if not doomed:
            return
        for object_id in doomed:
            self._blobs.remove(object_id)
        self._connection.executemany("DELETE FROM doomed WHERE id = ?", [(object_id,) for object_id in doomed])

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
