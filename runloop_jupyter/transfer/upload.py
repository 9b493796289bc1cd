"""A file becomes an object: create, PUT, complete; on any other end nothing of it stays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import presigned
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectView

CHUNK: Final = 1 << 20
LARGEST: Final = 5 << 30  # what a presigned PUT takes in one piece

log = logging.getLogger(__name__)


def upload(
    objects: Objects, source: Path, parameters: ObjectCreateParameters, transfer: Transfer, intent: Intent
) -> ObjectView:
    """Store the bytes of a file as a new object.

    Args:
        objects: The store.
        source: The file; it must not change meanwhile.
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
    size = source.stat().st_size
    if size > LARGEST:
        raise errors.TransferError(f"“{parameters.name}” has {size / 2**30:.1f} GiB; a store takes 5 GiB in one piece")
    transfer.begin(Phase.SENDING, size)
    view = objects.create(parameters)
    intent.created(view.id)
    try:
        transfer.checkpoint()
        _send(view, source, size, transfer)
        transfer.begin(Phase.FINISHING)
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
                raise errors.TransferError(f"{source.name} became shorter while it was sent. Put it again")
            left -= len(chunk)
            yield chunk
            transfer.advance(len(chunk))


def _complete(objects: Objects, object_id: str) -> ObjectView:
    try:
        return objects.complete(object_id)
    except errors.Conflict:
        # A reply that was lost on the way makes the repeated call a conflict; what the object is now decides.
        view = objects.get(object_id)
        if view.state == ObjectState.READ_ONLY:
            return view
        raise
