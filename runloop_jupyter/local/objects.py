"""The nine operations of the Objects API, as functions over the database and the blobs. HTTP stays outside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter.index import Filter, ObjectIndex, Tally, transaction
from runloop_jupyter.local.database import Replies
from runloop_jupyter.local.ids import make_id, next_position, position_of
from runloop_jupyter.local.refusal import bad_request, conflict, not_found
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import (
    ContentType,
    FacetsView,
    FacetView,
    MetadataKeysView,
    ObjectCreateParameters,
    ObjectListView,
    ObjectState,
    ObjectView,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from runloop_jupyter.local.blobs import Blobs

_INT64: Final = 2**63 - 1
_CONTENT_TYPES: Final = frozenset(ContentType)
# How long a list call counts before it gives up, and a facets call before it answers with what it has.
_COUNT_SECONDS: Final = 0.04
_FACETS_SECONDS: Final = 0.08
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

    def list(
        self, wanted: Filter, *, limit: int, starting_after: str | None, count: bool
    ) -> Iterator[ObjectListView | None]:
        """Yield a page of objects, newest first, after a None wherever others may have their turn.

        ``total_count`` is null where it can't be told in `_COUNT_SECONDS`.

        Raises:
            Refusal: 400 when `starting_after` can't be an id of this store. One whose object is gone will do.
        """
        self.sweep()
        before = None
        if starting_after is not None:
            before = position_of(starting_after)
            if before is None:
                raise bad_request("starting_after is the id of the last object on the page before")
        for page in self._index.walk(wanted, limit=limit, before=before, as_json=True):
            if page is None:
                yield None
                continue
            total = None
            if count:
                whole = before is None and not page.has_more
                total = len(page.objects) if whole else self._index.count(wanted, within_s=_COUNT_SECONDS)
            yield ObjectListView(objects=page.objects, has_more=page.has_more, total_count=total)

    def facets(self, wanted: Filter, keys: Sequence[str], *, limit: int) -> Iterator[FacetsView | None]:
        """Yield, for each of `keys`, the values that most of the wanted objects have, after pauses as `list`."""
        self.sweep()
        for found in self._index.facets(wanted, keys, limit=limit, within_s=_FACETS_SECONDS):
            if found is None:
                yield None
                continue
            yield FacetsView(
                facets=[
                    FacetView(
                        key=each.key,
                        values=list(each.values),
                        counts=list(each.values.values()),
                        distinct=each.distinct,
                    )
                    for each in found.facets
                ],
                objects=found.objects,
                complete=found.complete,
            )

    def metadata_keys(self, *, count: bool) -> Iterator[MetadataKeysView | None]:
        """Yield every metadata key in use, after pauses as `list`; with `count`, how many whole objects have each."""
        self.sweep()
        if not count:
            yield MetadataKeysView(keys=list(self._index.metadata.keys()))
            return
        for counts in self._index.metadata.keys_without(_NOT_WHOLE):
            yield None if counts is None else MetadataKeysView(keys=list(counts), counts=list(counts.values()))

    def metadata_values(self, key: str, *, count: bool) -> Iterator[bytes]:
        """Yield the pieces of a `MetadataValuesView` of every value in use under `key`, none for a key that isn't.

        In pieces because there may be as many values as objects. With `count`, how many whole objects have each.
        """
        self.sweep()
        yield b'{"key":' + json.encode(key) + b',"values":['
        comma, numbers = b"", bytearray()
        if count:
            for counts in self._index.metadata.value_counts(key, without=_NOT_WHOLE):
                yield comma + json.encode(list(counts))[1:-1]
                numbers += comma + json.encode(list(counts.values()))[1:-1]
                comma = b","
            yield b'],"counts":[' + bytes(numbers) + b"]}"
            return
        for values in self._index.metadata.values(key):
            yield comma + json.encode(values)[1:-1]
            comma = b","
        yield b"]}"

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
