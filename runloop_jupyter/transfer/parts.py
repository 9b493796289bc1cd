"""Objects of any size: what is too large for one piece is sent, fetched and deleted as a set (see `manifest`).

`upload` and `download` are called as those of one object are, and are those where one object is enough.
"""

from __future__ import annotations

import bisect
import os
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import digest, manifest
from runloop_jupyter.transfer.download import download as download_one
from runloop_jupyter.transfer.manifest import Manifest, Part
from runloop_jupyter.transfer.partial import Partial
from runloop_jupyter.transfer.portion import Portion
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.scratch import chunks, scratch
from runloop_jupyter.transfer.sending_parts import Sending, discard, spool_of
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.upload import LARGEST as _ONE_PIECE
from runloop_jupyter.transfer.upload import upload as upload_one
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectView

LARGEST: int = _ONE_PIECE
"""Bytes that go up as one object; what has more becomes a set. Tests lower it."""
PART_BYTES: int = 1 << 30
"""Bytes of a part: what a broken connection costs, and the room that sending takes on disk. Tests lower it."""
_AGAIN: Final = 4 << 20


def upload(
    objects: Objects,
    source: Path,
    hashed: os.stat_result,
    parameters: ObjectCreateParameters,
    transfer: Transfer,
    intent: Intent,
) -> ObjectView:
    """Store the bytes of a file as a new object, of whatever size; arguments and errors as for one.

    Returns:
        The object, READ_ONLY; of a set its head.
    """
    if hashed.st_size <= LARGEST:
        return upload_one(objects, source, hashed, parameters, transfer, intent)
    return Sending(objects, source, hashed, parameters, transfer, intent, PART_BYTES).run()


def download(
    objects: Objects, view: ObjectView, file: BinaryIO | Partial, transfer: Transfer, expected: str | None
) -> None:
    """Bring the bytes of an object, or of the set that it stands for, into a file; arguments as for one.

    Each part is held against its own digest, the whole against that of the whole. Of a `Partial` that an earlier
    download left, the parts that are there whole are not fetched again.

    Raises:
        DigestMismatch: What came isn't what went up.
        TransferError: The bytes can't be had, or a part is gone.
    """
    if not manifest.is_head(view):
        download_one(objects, view, file, transfer, expected)
        return
    found = read(objects, view, transfer)
    if found.size != manifest.size_of(view) or expected not in {None, found.digest}:
        raise errors.DigestMismatch(
            f"“{view.name}” is not what was put: the list of its parts speaks of something else; nothing was kept"
        )
    partial = file if isinstance(file, Partial) else Partial(file)
    partial.only_under(digest=True)
    while True:
        resumed = partial.resumed
        try:
            digest_found = _join(objects, view, found, partial, transfer)
        except errors.DigestMismatch:
            raise
        except BaseException:
            if partial.is_kept:
                transfer.keep()
            raise
        if digest_found == found.digest:
            return
        if not resumed:
            raise errors.DigestMismatch(
                f"the parts of “{view.name}” don't make up what was put (its digest differs); nothing was kept"
            )
        partial.restart()  # what lay here for a while may be no fault of the store's


def _join(objects: Objects, view: ObjectView, found: Manifest, partial: Partial, transfer: Transfer) -> str:
    """Bring the parts that aren't there, and return the digest of the whole."""
    transfer.begin(Phase.RECEIVING, found.size)
    algorithm = found.digest.partition(":")[0]
    hasher = digest.hasher(algorithm)
    start = 0
    for part in found.parts:
        transfer.checkpoint()
        if any(gap < start + part.size and end > start for gap, end in partial.there.gaps(found.size)):
            of_part = _member(objects, found, part, view.name)
            with scratch() as spool:
                with room(cache_dir(), part.size, view.name):
                    download_one(objects, of_part, spool, Portion(transfer, start), part.digest)
                spool.seek(0)
                position = start
                for chunk in chunks(spool, part.size, transfer.checkpoint):
                    hasher.update(chunk)
                    partial.write(chunk, position)
                    position += len(chunk)
            partial.save()
        else:
            for position in range(start, start + part.size, _AGAIN):
                hasher.update(os.pread(partial.fileno(), min(_AGAIN, start + part.size - position), position))
                transfer.reach(min(position + _AGAIN, start + part.size))
        start += part.size
    return f"{algorithm}:{hasher.hexdigest()}"


def read(objects: Objects, head: ObjectView, transfer: Transfer) -> Manifest:
    """Return what is in a set.

    Args:
        objects: The store.
        head: Its head.
        transfer: Its `cancel` stops this.

    Raises:
        TransferError: It can't be had or read.
        StoreError: The store refused.
    """
    view = objects.get(head.id)  # as it is itself: `head` may say the size of the whole
    if (view.size_bytes or 0) > manifest.LARGEST:
        raise errors.TransferError(f"the list of the parts of “{head.name}” is too long to be one")
    expected = manifest.facts_of(head.metadata).get("manifest")
    with scratch() as file:
        download_one(objects, view, file, Portion(transfer, 0), expected if isinstance(expected, str) else None)
        file.seek(0)
        found = Manifest.from_bytes(file.read(), head.name)
    if found.set != manifest.set_of(head.metadata):
        raise errors.TransferError(f"the list of the parts of “{head.name}” is of another set")
    return found


def is_whole(objects: Objects, view: ObjectView, transfer: Transfer) -> bool:
    """Whether an object can be fetched: of a set, whether each of its parts is there still.

    Raises:
        TransferCancelled: Cancelled.
        StoreError: The store refused.
    """
    if not manifest.is_head(view):
        return True
    try:
        found = read(objects, view, transfer)
        for part in found.parts:
            transfer.checkpoint()
            _member(objects, found, part, view.name)
    except errors.TransferCancelled:
        raise
    except errors.TransferError:
        return False
    return True


def delete(objects: Objects, head: ObjectView, transfer: Transfer, intent: Intent) -> None:
    """Delete a set, its head first.

    What manifest names but doesn't say itself that it belongs to the set stays: anybody may have written that.

    Args:
        objects: The store.
        head: Its head.
        transfer: Its `cancel` stops this before anything is deleted, and not after.
        intent: New, on disk. The next load goes on from it, where this is killed.

    Raises:
        StoreError: The head couldn't be deleted.
        Unreachable: As that; or it is, and the next load sees to the rest.
    """
    set_id, parts = manifest.set_of(head.metadata), []
    try:
        found = read(objects, head, transfer)
        for part in found.parts:
            transfer.checkpoint()
            with suppress(errors.TransferError):  # gone already, or no part of it
                parts.append(_member(objects, found, part, head.name).id)
    except errors.TransferCancelled:
        intent.close()
        raise
    except errors.TransferError:
        pass  # a list that can't be read must not keep its head from being deleted
    except BaseException:
        intent.close()
        raise
    intent.objects = [head.id, *parts]
    intent.with_metadata(manifest.of_part(set_id or "", 0, ""))
    try:
        objects.delete(head.id)
    except errors.StoreError:
        intent.close()
        raise
    if discard(objects, parts):
        intent.close()


def clear(objects: Objects, intent: Intent) -> ObjectView | None:
    """Delete what a put or the deleting of a set left, when whoever did it is gone; return the head if it is there.

    A set whose head is there stays; of one whose head is not, nothing does.

    Raises:
        StoreError, Unreachable: The store refused, or is gone.
    """
    with suppress(OSError):
        spool_of(intent).unlink()
    views = []
    for object_id in intent.objects:
        with suppress(errors.NotFound):
            views.append(objects.get(object_id))
    for view in views:
        if view.state == ObjectState.READ_ONLY and not manifest.is_member(view):
            return view
    set_id, known = manifest.set_of(intent.metadata), {view.id for view in views}
    # Killed between the store's making one and our hearing of it: found by the set that it names.
    lost = Filter(state=ObjectState.UPLOADING, metadata={"rl.kind": manifest.PART})
    for where in (lost, Filter(name=intent.name, state=ObjectState.UPLOADING)):
        for page in objects.pages(where):
            new = [view for view in page.objects if view.id not in known and manifest.set_of(view.metadata) == set_id]
            known.update(view.id for view in new)
            views += new
    for view in views:
        if view.state in {ObjectState.UPLOADING, ObjectState.READ_ONLY}:
            with suppress(errors.NotFound):
                objects.delete(view.id)
    return None


def offsets(parts: Iterable[Part]) -> list[int]:
    """Return where each part begins in the whole."""
    return [0, *accumulate(part.size for part in parts)][:-1]


def at(starts: list[int], position: int) -> int:
    """Return the number of the part that holds the byte at `position`, counted from 0."""
    return bisect.bisect_right(starts, position) - 1


def member(objects: Objects, found: Manifest, number: int, name: str) -> ObjectView:
    """Return a part's object, which says itself that it is that. Raises TransferError where it is gone."""
    return _member(objects, found, found.parts[number], name)


def _member(objects: Objects, found: Manifest, part: Part, name: str) -> ObjectView:
    try:
        view = objects.get(part.id)
    except errors.NotFound:
        view = None
    if (
        view is None
        or view.state != ObjectState.READ_ONLY
        or not manifest.is_member(view)
        or manifest.set_of(view.metadata) != found.set
        or view.size_bytes != part.size
    ):
        raise errors.TransferError(f"a part of “{name}” is gone ({part.id}); it can't be put together any more")
    return view
