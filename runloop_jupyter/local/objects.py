"""The nine operations of the Objects API, as functions over the database and the blobs. HTTP stays outside."""

from __future__ import annotations

import logging
import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from runloop_jupyter.index import Filter, ObjectIndex, Tally, transaction
from runloop_jupyter.local import limits
from runloop_jupyter.local.ballast import no_room
from runloop_jupyter.local.database import Replies
from runloop_jupyter.local.expiry import Expiry
from runloop_jupyter.local.ids import make_id, next_position, position_of
from runloop_jupyter.local.public import Shelf
from runloop_jupyter.local.refusal import Refusal, bad_request, conflict, not_found
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
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.expiry import Due

T = TypeVar("T")

log = logging.getLogger(__name__)

# How many deletes make one transaction: what a full disk's last room has to hold.
_SWEEP: Final = 50
# How long nobody waits for the deletes of what is past its time; a hundred thousand take half a minute.
_SWEEP_SECONDS: Final = 0.01
# With the time of day for centuries to come, it ends at a moment that 64 bits can say.
_LONGEST_TTL: Final = 9 * 10**18
_CONTENT_TYPES: Final = frozenset(ContentType)
# How long a list call counts before it gives up, and a facets call before it answers with what it has.
_COUNT_SECONDS: Final = 0.04
_FACETS_SECONDS: Final = 0.08
# Deleted objects have no metadata any more.
_NOT_WHOLE: Final = (ObjectState.UPLOADING, ObjectState.ERROR)


class Objects:
    """Everything that the store knows of objects. All methods run in the database's thread.

    An object past its time is seen as deleted, whether or not the sweeper has been by; where very many come due at
    once, counts and filters may take a moment to follow. A deleted object stays known (its id answers, lists without a
    state filter have it: a filter only ever narrows), without its bytes and its metadata.
    """

    def __init__(self, connection: sqlite3.Connection, blobs: Blobs, clock: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._index = ObjectIndex(connection)
        self._replies = Replies(connection)
        self._blobs = blobs
        self._expiry = Expiry(connection, clock)
        self._newest = self._index.newest()
        # Whether more was due than the last sweep had time for.
        self._behind = False
        # Until a recovery has seen everything, each object that is asked for is looked at.
        self.checked = False
        self._public = Shelf()

    def once(self, request_id: str | None, route: str, work: Callable[[], bytes], *, frees: bool = False) -> bytes:
        """Return the answer `work` makes, or the one it made when this request came before. All or nothing is done.

        Args:
            request_id: The client's ``x-request-id``, the same on each retry; None does the work each time.
            route: Method and path; an id is only good for one of them.
            work: Does the work and returns the answer's body. What it refuses isn't remembered.
            frees: It will make room, and on a full disk gets the room that was set aside for that.
        """
        self.sweep()

        def all_or_nothing() -> bytes:
            with transaction(self._connection):
                return self.answer(request_id, route, work)

        answer = self._with_room(all_or_nothing) if frees else all_or_nothing()
        self._remove_doomed()
        return answer

    def answer(self, request_id: str | None, route: str, work: Callable[[], bytes]) -> bytes:
        """Return what `once` does, in the transaction of `together`."""
        answer = self._replies.find(request_id, route) if request_id else None
        if answer is None:
            answer = work()
            if request_id:
                self._replies.remember(request_id, route, answer, self._expiry.now_ms())
        return answer

    def together(self, steps: Sequence[Callable[[], object]]) -> list[object]:
        """Do several things in one transaction, so that they reach the disk by one fsync.

        Args:
            steps: Each refuses before it writes, and is done once more where the others' transaction failed.

        Returns:
            For each, in their order, what it returned or raised; by then it is on the disk.
        """
        self.sweep()
        outcomes: list[object] = []
        try:
            with transaction(self._connection):
                for step in steps:
                    written = self._connection.total_changes
                    try:
                        outcomes.append(step())
                    except Refusal as refusal:
                        if self._connection.total_changes != written:
                            raise
                        outcomes.append(refusal)
        except Exception as error:
            # One of them, or the disk: which of them, each finds out by itself.
            return [error] if len(steps) == 1 else [outcome for step in steps for outcome in self.together([step])]
        return outcomes

    def create(self, wanted: ObjectCreateParameters) -> ObjectView:
        """Create an object that waits for its bytes. Call within `once`.

        Raises:
            Refusal: 400 for a content type that isn't published, a TTL that is no time to come, or what is too large;
                507 when there is no room for its bytes anyway.
        """
        limits.check(wanted.name, wanted.metadata)
        if wanted.content_type not in _CONTENT_TYPES:
            raise bad_request(f"content_type is one of {', '.join(ContentType)}")
        now = self._expiry.now_ms()
        if wanted.ttl_ms is not None and not 0 <= wanted.ttl_ms <= _LONGEST_TTL:
            raise bad_request("ttl_ms is from 0 to 9·10¹⁸ milliseconds; leave it out to keep the object for ever")
        self._blobs.check_room()
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
        self._expiry.expect(position, view.delete_after_time_ms)
        self._newest = position
        return view

    def get(self, object_id: str) -> ObjectView:
        """Return an object in whatever state, or a public one. Raises Refusal 404."""
        self.sweep()
        return self._public.get(object_id) or self._whole(self._get(object_id))

    def list(
        self, wanted: Filter, *, limit: int, starting_after: str | None, count: bool
    ) -> Iterator[ObjectListView | None]:
        """Yield a page of objects, newest first, after a None wherever others may have their turn.

        ``total_count`` is null where it can't be told in `_COUNT_SECONDS`.

        Raises:
            Refusal: 400 when `starting_after` can't be an id of this store. One whose object is gone will do.
        """
        self.sweep()
        before = self._before(starting_after)
        for page in self._index.walk(wanted, limit=limit, before=before, as_json=True):
            if page is None:
                yield None
                continue
            # What isn't what was asked for after all stays in the page, as what it is: paging goes by the last one.
            objects = page.objects
            if self._behind:
                objects = [self._expiry.seen(view) for view in objects]
            objects = [self.looked_at(view) for view in objects]
            total = None
            if count:
                whole = before is None and not page.has_more
                total = len(page.objects) if whole else self._index.count(wanted, within_s=_COUNT_SECONDS)
            yield ObjectListView(objects=objects, has_more=page.has_more, total_count=total)

    def list_public(
        self, wanted: Filter, *, limit: int, starting_after: str | None, count: bool
    ) -> Iterator[ObjectListView]:
        """Yield a page of the public objects, which are in no other list; otherwise as `list`."""
        page = self._public.page(wanted, limit=limit, before=_before(starting_after))
        total = self._public.count(wanted) if count else None
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

    def content(self, object_id: str) -> Path:
        """Return the file in which the bytes of an object are, or would be. Any thread may ask."""
        return self._public.path(object_id) or self._blobs.path(object_id)

    def readable(self, object_id: str) -> ObjectView:
        """Return an object that has bytes to give.

        Raises:
            Refusal: 404, or 400 when the object is still uploading or deleted.
        """
        view = self.get(object_id)
        if view.state == ObjectState.UPLOADING:
            raise bad_request("the object is still UPLOADING: complete it first")
        if view.state == ObjectState.ERROR:
            raise bad_request("the object is ERROR: the store lost its bytes; its log says more")
        if view.state != ObjectState.READ_ONLY:
            raise bad_request(f"the object is {view.state}: there is nothing to download")
        return view

    def complete(self, object_id: str) -> ObjectView:
        """Make an object READ_ONLY with the bytes that were put. Call within `once`.

        Raises:
            Refusal: 404, 403 for a public object, or 409 when it isn't UPLOADING or no bytes were put.
        """
        view = self._own(object_id)
        if view.state != ObjectState.UPLOADING:
            raise conflict(f"the object is {view.state}, not UPLOADING")
        size = self._blobs.settled_size(object_id)
        if size is None:
            raise conflict("nothing was uploaded yet: PUT the bytes to the upload_url, then complete")
        return self._change(view, ObjectState.READ_ONLY, size)

    def delete(self, object_id: str) -> ObjectView:
        """Delete an object in whatever state; harmless on a deleted one. Call within `once`.

        Raises:
            Refusal: 404, or 403 for a public object.
        """
        view = self._own(object_id)
        return view if view.state == ObjectState.DELETED else self._delete(view)

    def sweep(self) -> int:
        """Delete objects whose time has come, for a moment; return how many, 0 when none is left."""
        if self._connection.in_transaction:  # of `together`, which has swept
            return 0
        until = time.monotonic() + _SWEEP_SECONDS
        swept = 0
        while due := self._expiry.due(_SWEEP):
            self._with_room(partial(self._sweep, due))
            self._remove_doomed()
            swept += len(due)
            if time.monotonic() > until:
                break
        self._behind = bool(due)
        return swept

    def _sweep(self, due: Sequence[Due]) -> None:
        with transaction(self._connection):
            for each in due:
                view = None if each.object_id is None else self._index.get(each.object_id)
                # It may have been deleted since, and put back with another time.
                if view is not None and self._expiry.seen(view) is not view:
                    self._delete(view)
            self._expiry.forget(due)

    def tidy(self) -> None:
        """Finish deletes that were cut off, forget old answers, set room aside."""
        self._remove_doomed()
        self._replies.prune(self._expiry.now_ms())
        self._blobs.ballast.take()

    def overtaken_by(self, position: int) -> None:
        """Let new objects come after `position`, at which one arrived that wasn't created here."""
        self._newest = max(position, -1 if self._newest is None else self._newest)

    def tally(self) -> dict[str, Tally]:
        """Return, by state, how many objects and bytes there are."""
        self.sweep()
        return self._index.tally()

    def _before(self, starting_after: str | None) -> int | None:
        """Return the position that a page begins below. An object that came from another store has its own."""
        known = None if starting_after is None else self._index.position(starting_after)
        return _before(starting_after) if known is None else known

    def _own(self, object_id: str) -> ObjectView:
        """Return an object that may be changed. Raises Refusal 404 or 403."""
        if self._public.get(object_id) is not None:
            raise Refusal(403, "the object is public: it can be read, and nobody changes it")
        return self._get(object_id)

    def _get(self, object_id: str) -> ObjectView:
        view = self._index.get(object_id)
        if view is None:
            raise not_found(object_id)
        return self._expiry.seen(view)

    def _whole(self, view: ObjectView) -> ObjectView:
        """Return `view` READ_ONLY only if its bytes are there: an object that has lost them is ERROR from now on."""
        seen = self._seen(view)
        if seen is view:
            return view
        log.error("the file of %s is gone or has another size; the object is ERROR now", view.id)
        return self._change(view, ObjectState.ERROR, view.size_bytes)

    def looked_at(self, view: ObjectView) -> ObjectView:
        """Return `view` as it is to be seen before a recovery has been through all files: ERROR without its bytes."""
        return view if self.checked else self._seen(view)

    def _seen(self, view: ObjectView) -> ObjectView:
        if view.state != ObjectState.READ_ONLY or self._blobs.size(view.id) == view.size_bytes:
            return view
        return msgspec.structs.replace(view, state=ObjectState.ERROR)

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
        try:
            with transaction(self._connection):
                self._connection.executemany("DELETE FROM doomed WHERE id = ?", [(object_id,) for object_id in doomed])
        except sqlite3.OperationalError as error:
            if not no_room(error):
                raise
            # They are deleted all the same; that they are done with is written down by `tidy`, once there is room.

    def _with_room(self, work: Callable[[], T]) -> T:
        """Return `work()`; on a full disk, what it makes of the room that was set aside."""
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not no_room(error) or not self._blobs.ballast.give_up():
                raise
            return work()


def _before(starting_after: str | None) -> int | None:
    """Return the position that a page begins below; None for the first page. Raises Refusal 400 for no id of ours."""
    if starting_after is None:
        return None
    before = position_of(starting_after)
    if before is None:
        raise bad_request("starting_after is the id of the last object on the page before")
    return before
