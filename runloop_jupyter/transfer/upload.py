"""A file becomes an object: create, PUT, complete; on any other end nothing of it stays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import presigned
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectView

CHUNK: Final = 1 << 20
LARGEST: Final = 5 << 30  # what a presigned PUT takes in one piece
_CHANGED: Final = "{} changed while it was sent; nothing was kept. Put it again when nobody writes to it"

log = logging.getLogger(__name__)


def upload(
    objects: Objects,
    source: Path,
    hashed: os.stat_result,
    parameters: ObjectCreateParameters,
    transfer: Transfer,
    intent: Intent,
) -> ObjectView:
    """Store the bytes of a file as a new object.

    Args:
        objects: The store.
        source: The file.
        hashed: Its `os.stat` from before its digest was taken: metadata can't be changed later, so a file that
            changes between the two must not become an object.
        parameters: Name, content type, metadata, TTL.
        transfer: Told how far it is; its `cancel` stops this.
        intent: On disk already; told the object's id, and closed once nothing is left to clear.

    Returns:
        The object, READ_ONLY.

    Raises:
        TransferCancelled: Cancelled; the object is deleted.
        TransferError: The bytes couldn't be sent; the object is deleted.
        StoreError: The store refused a step; the object is deleted.
        Unreachable: The store is gone; the next load clears what may be left.
    """
    size = hashed.st_size
    if size > LARGEST:
        raise errors.TransferError(f"“{parameters.name}” has {size / 2**30:.1f} GiB; a store takes 5 GiB in one piece")
    transfer.begin(Phase.SENDING, size)
    try:
        view = objects.create(parameters)
    except (errors.Unreachable, errors.ServerError):
        raise  # it may have been made all the same: the intent stays, and knows by what to find it
    except errors.RunloopError:
        intent.close()
        raise
    intent.created(view.id)
    try:
        transfer.checkpoint()
        _send(view, source, size, transfer)
        transfer.begin(Phase.FINISHING)
        _check_same(hashed, source)
        whole = _complete(objects, view.id)
    except BaseException:
        discard(objects, view.id, intent)
        raise
    intent.close()
    return whole


def discard(objects: Objects, object_id: str, intent: Intent) -> None:
    """Delete what a failed upload made; where that fails, the intent stays and the next load deletes it."""
    try:
        objects.delete(object_id, retries=1)
    except errors.NotFound:
        pass
    except errors.RunloopError:
        log.info("couldn't delete the unfinished object %s; the next load will", object_id)
        return
    intent.close()


def _send(view: ObjectView, source: Path, size: int, transfer: Transfer) -> None:
    if view.upload_url is None:
        raise errors.TransferError(f"the store made “{view.name}” but gave no link to upload to")
    headers = {**(view.upload_headers or {}), "Content-Length": str(size)}
    for attempt in range(presigned.TRIES):
        transfer.begin(Phase.SENDING, size)
        try:
            with presigned.request("PUT", view.upload_url, headers=headers, content=_chunks(source, size, transfer)):
                return
        except presigned.Retryable as error:
            reason = error.reason
        presigned.pause(attempt, transfer.checkpoint)
    raise errors.TransferError(f"“{view.name}” couldn't be sent: {reason}. Try again")


def _chunks(source: Path, size: int, transfer: Transfer) -> Iterator[bytes]:
    left = size
    with source.open("rb") as file:
        while left:
            chunk = file.read(min(CHUNK, left))
            if not chunk:
                raise errors.TransferError(_CHANGED.format(source.name))
            left -= len(chunk)
            yield chunk
            transfer.advance(len(chunk))


def _check_same(before: os.stat_result, source: Path) -> None:
    after = source.stat()
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
        raise errors.TransferError(_CHANGED.format(source.name))


def _complete(objects: Objects, object_id: str) -> ObjectView:
    try:
        return objects.complete(object_id)
    except errors.Conflict:
        # A reply that was lost on the way makes the repeated call a conflict; what the object is now decides.
        view = objects.get(object_id)
        if view.state == ObjectState.READ_ONLY:
            return view
        raise
