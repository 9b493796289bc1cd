"""A file becomes an object: create, PUT, complete; on any other end nothing of it stays."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import presigned, sending
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
    relinked = False
    while True:
        view = _create(objects, hashed.st_size, parameters, transfer, intent)
        try:
            intent.created(view.id)
            whole = _fill(objects, view, source, hashed, transfer)
        except BaseException as error:
            if not _deleted(objects, view.id):
                transfer.leave()
                raise  # the intent stays, and the next load deletes it
            if relinked or not isinstance(error, errors.LinkExpired):
                intent.close()
                raise
            # A link is good for an hour or so, a slow line takes longer, and only a new object comes with a new link.
            intent.deleted(view.id)
            relinked = True
            continue
        intent.close()
        return whole


def _create(
    objects: Objects, size: int, parameters: ObjectCreateParameters, transfer: Transfer, intent: Intent
) -> ObjectView:
    try:
        transfer.begin(Phase.SENDING, size)
        return objects.create(parameters)
    except (errors.Unreachable, errors.ServerError):
        transfer.leave()
        raise  # it may have been made all the same: the intent stays, and knows by what to find it
    except errors.RunloopError:
        intent.close()
        raise


def _deleted(objects: Objects, object_id: str) -> bool:
    """Delete what a failed upload made, and return whether it is gone."""
    try:
        objects.delete(object_id, retries=1)
    except errors.NotFound:
        pass
    except errors.RunloopError:
        log.info("couldn't delete the unfinished object %s; the next load will", object_id)
        return False
    return True


def _fill(objects: Objects, view: ObjectView, source: Path, hashed: os.stat_result, transfer: Transfer) -> ObjectView:
    transfer.checkpoint()
    _send(objects, view, source, hashed.st_size, transfer)
    transfer.begin(Phase.FINISHING)
    _check_same(hashed, source)
    whole = _complete(objects, view.id)
    if whole.size_bytes not in {None, hashed.st_size}:
        raise errors.TransferError(
            f"the store has {whole.size_bytes:,} bytes of “{view.name}” where {hashed.st_size:,} were sent; "
            "nothing was kept. Try again"
        )
    return whole


def _send(objects: Objects, view: ObjectView, source: Path, size: int, transfer: Transfer) -> None:
    if view.upload_url is None:
        raise errors.TransferError(f"the store made “{view.name}” but gave no link to upload to")
    tries = presigned.Tries(f"“{view.name}” couldn't be sent", transfer.checkpoint)
    while True:
        transfer.begin(Phase.SENDING, size)
        try:
            with _readable(source), source.open("rb", buffering=0) as file:
                sending.put(view.upload_url, view.upload_headers or {}, file, size, transfer.advance)
            return
        except sending.Shorter:
            raise errors.TransferError(_CHANGED.format(source.name)) from None
        except presigned.Retryable as error:
            tries.failed(error)
            objects.get(view.id)  # a call, not a link, is what starts an embedded store that died again
        except errors.LinkExpired as error:
            raise errors.LinkExpired(f"“{view.name}” couldn't be sent: {error}. Try again") from None


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.TransferError(
            f"{source.name} can't be read any more ({error.strerror}); nothing was kept. Put it again when it is there"
        ) from None


def _check_same(before: os.stat_result, source: Path) -> None:
    with _readable(source):
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
