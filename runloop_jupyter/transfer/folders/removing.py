"""A folder that is kept as files goes: its head first, then the members that no other version needs.

What a killed kernel left goes the same way. A member that a living head names is never deleted, whoever made it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from runloop_jupyter import errors
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import manifest
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.wire.objects import ObjectView


def delete(objects: Objects, store_id: str, head: ObjectView, transfer: Transfer, intent: Intent) -> None:
    """Delete a version of a folder.

    What its list names but doesn't say itself that it belongs to the set stays: anybody may have written that.

    Args:
        objects: The store.
        store_id: Its identity.
        head: The head.
        transfer: Its `cancel` stops this before anything is deleted, and not after.
        intent: New, on disk. The next load goes on from it, where this is killed.

    Raises:
        StoreError: The head couldn't be deleted.
        Unreachable: As that; or it is, and the next load sees to the rest.
    """
    set_id, candidates = manifest.set_of(head.metadata) or "", []
    try:
        candidates = list(members.read(objects, store_id, head, transfer).pieces)
        transfer.checkpoint()
    except errors.TransferCancelled:
        intent.close()
        raise
    except errors.TransferError:
        pass  # a list that can't be read must not keep its head from being deleted
    except BaseException:
        intent.close()
        raise
    intent.objects = [head.id, *candidates]
    intent.with_metadata({**manifest.of_member(set_id, "", intent.id), "rl.format": manifest.FILES})
    try:
        objects.delete(head.id)
    except errors.StoreError:
        intent.close()
        raise
    after = Transfer(head.name, "down", transfer.place)  # from here on it is carried to its end
    with suppress(errors.RunloopError):
        if _clear_members(objects, store_id, head.name, set_id, candidates, after):
            intent.close()


def is_removal(intent: Intent) -> bool:
    """Whether an intent is of a folder's deletion, and not of a put."""
    return intent.metadata.get("rl.kind") == manifest.PART


def is_put(intent: Intent) -> bool:
    """Whether an intent is of the put of a folder that is kept as files."""
    return intent.metadata.get("rl.format") == manifest.FILES and not is_removal(intent)


def clear(objects: Objects, store_id: str, intent: Intent) -> ObjectView | None:
    """Delete what a put or the deletion of a folder left, when whoever did it is gone; return the head if it is there.

    Raises:
        SetBusy: Another put of it is going on; nothing is lost by waiting.
        StoreError, Unreachable: The store refused, or is gone.
    """
    with suppress(OSError):
        for spool in (cache_dir() / "spool").glob(f"{intent.id}-*.part"):
            spool.unlink()
    set_id = manifest.set_of(intent.metadata) or ""
    clearing = Transfer(intent.name, "down", intent.place)
    if is_removal(intent):
        head_id, *candidates = intent.objects
        with suppress(errors.NotFound):
            head = objects.get(head_id)
            if head.state == ObjectState.READ_ONLY:
                return head
    else:
        if head_ := _head_of(objects, intent):
            return head_
        candidates = _made_by(objects, intent, set_id, clearing)
    if not _clear_members(objects, store_id, intent.name, set_id, candidates, clearing):
        raise errors.Unreachable("not all of it could be deleted")
    return None


def _head_of(objects: Objects, intent: Intent) -> ObjectView | None:
    """Return the head that a put made, if it is whole; delete one that isn't."""
    for state in (ObjectState.UPLOADING, ObjectState.READ_ONLY):
        for page in objects.pages(Filter(name=intent.name, state=state)):
            for view in page.objects:
                if view.id in intent.objects and manifest.is_folder(view):
                    if state == ObjectState.READ_ONLY:
                        return view
                    objects.delete(view.id)
                elif state == ObjectState.UPLOADING and view.metadata == intent.metadata and view.name == intent.name:
                    # Killed between the store's making it and our hearing of it.
                    objects.delete(view.id)
    return None


def _made_by(objects: Objects, intent: Intent, set_id: str, clearing: Transfer) -> list[str]:
    """Return the members that a put made, those of which nobody heard among them."""
    made = set(intent.objects)
    for state in (ObjectState.UPLOADING, ObjectState.READ_ONLY):
        there = members.of_set(objects, intent.name, set_id, clearing, state)
        made |= {id_ for id_, view in there.items() if manifest.facts_of(view.metadata).get("put") == intent.id}
    return list(made)


def _clear_members(
    objects: Objects, store_id: str, name: str, set_id: str, candidates: list[str], transfer: Transfer
) -> bool:
    """Delete those of `candidates` that nobody needs; return whether nothing is left to do."""
    unneeded = members.unneeded(objects, store_id, name, set_id, candidates, transfer)
    return members.discard(objects, unneeded, transfer)
