"""The heads and members of a set in a store: what is there, and what it may be believed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.transfer import manifest
from runloop_jupyter.transfer.arriving import arriving
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.transfer.download import download
from runloop_jupyter.transfer.folders.listing import LARGEST, Listing
from runloop_jupyter.transfer.folders.together import Share, together
from runloop_jupyter.transfer.scratch import scratch
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.manifest import Part
    from runloop_jupyter.wire.objects import ObjectView

SETTLED_MS: Final = 86_400_000
"""A head that is still without bytes after so long was left behind; nobody is sending it."""
MARGIN_MS: Final = 60_000
"""By so much clocks may differ where a time to live is looked at."""
_TRIES: Final = 3


def read(objects: Objects, store_id: str, head: ObjectView, transfer: Transfer, *, caches: bool = True) -> Listing:
    """Return what is in a folder: the bytes of its head, which are kept in the cache.

    Args:
        objects: The store.
        store_id: Its identity.
        head: The head; it may say the size of the whole.
        transfer: Its `cancel` stops this. Nothing is counted there.
        caches: Whether the cache is used.

    Raises:
        TransferError: It can't be had or read, or isn't what the head says.
        StoreError: The store refused.
    """
    cache = if_any() if caches else None
    quiet = Share(transfer)
    # As it is itself.
    view = (cache.known(store_id, head.id) if cache else None) or objects.get(head.id)
    facts = manifest.facts_of(head.metadata)
    expected = facts.get("manifest")
    if (view.size_bytes or 0) > LARGEST or not isinstance(expected, str):
        raise errors.TransferError(f"“{head.name}” has no list of its files that could be read")

    def bring(target: Path) -> None:
        with arriving(target, store_id, view, durable=False) as partial:
            download(objects, view, partial, quiet, expected)

    if cache is not None and cache.keeps(view.size_bytes):
        with cache.fetched(store_id, view, expected, bring, quiet) as file:
            data = file.read()
    else:
        with scratch() as spool:
            download(objects, view, spool, quiet, expected)
            spool.seek(0)
            data = spool.read()
    listing = Listing.from_bytes(data, head.name, transfer.checkpoint)
    if listing.set != manifest.set_of(head.metadata):
        raise errors.TransferError(f"the list of the files of “{head.name}” is of another set")
    if listing.size != facts.get("size") or listing.digest != facts.get("digest"):
        raise errors.DigestMismatch(
            f"“{head.name}” is not what was put: the list of its files speaks of something else"
        )
    return listing


def of_set(
    objects: Objects, name: str, set_id: str, transfer: Transfer, state: str = ObjectState.READ_ONLY
) -> dict[str, ObjectView]:
    """Return the members of a set that are there, by id.

    One listing, however many they are: of a folder with thousands of files, thousands of questions would take longer
    than the files.

    Args:
        objects: The store.
        name: What the set's heads are called.
        set_id: The set.
        transfer: Its `cancel` stops this.
        state: In which state.

    Raises:
        StoreError: The store refused.
    """
    where = Filter(name=manifest.part_prefix(name), state=state, metadata={"rl.kind": manifest.PART})
    found: dict[str, ObjectView] = {}
    for page in objects.pages(where):
        transfer.checkpoint()
        found |= {view.id: view for view in page.objects if manifest.set_of(view.metadata) == set_id}
    return found


def believed(view: ObjectView | None, set_id: str, piece: Part) -> bool:
    """Whether an object is there, and says itself that it is of that set and has these bytes."""
    return (
        view is not None
        and view.state == ObjectState.READ_ONLY
        and manifest.is_member(view)
        and manifest.set_of(view.metadata) == set_id
        and manifest.facts_of(view.metadata).get("digest") == piece.digest
        and view.size_bytes == piece.size
        and (view.delete_after_time_ms is None or view.delete_after_time_ms > time.time() * 1000)
    )


def lasts(view: ObjectView, until_ms: float | None) -> bool:
    """Whether a member is still there at a time, milliseconds since the epoch; None for ever."""
    if view.delete_after_time_ms is None:
        return True
    return until_ms is not None and view.delete_after_time_ms > until_ms + MARGIN_MS


def are_there(objects: Objects, store_id: str, head: ObjectView, transfer: Transfer) -> bool:
    """Whether all that is in a folder can still be fetched.

    Raises:
        TransferCancelled: Cancelled.
        StoreError: The store refused.
    """
    try:
        listing = read(objects, store_id, head, transfer)
    except errors.TransferCancelled:
        raise
    except errors.TransferError:
        return False
    if not listing.pieces:
        return True
    there = of_set(objects, head.name, listing.set, transfer)
    return all(believed(there.get(piece.id), listing.set, piece) for piece in listing.pieces.values())


def unneeded(
    objects: Objects, store_id: str, name: str, set_id: str, candidates: Collection[str], transfer: Transfer
) -> list[str]:
    """Return those of `candidates` that are members of a set, and that no living head of it names.

    Where a head can't be read nothing can be told, and so none of them are.

    Args:
        objects: The store.
        store_id: Its identity.
        name: What the set's heads are called.
        set_id: The set.
        candidates: Ids of objects.
        transfer: Its `cancel` stops this.

    Raises:
        SetBusy: A head is just being sent, and nobody can tell yet what it names.
        StoreError: The store refused.
    """
    if not candidates:
        return []
    # Heads first: a put makes its own before it looks whether the head that it shares with is still there.
    for _ in range(_TRIES):
        try:
            needed = {
                id_ for head in _heads(objects, name, set_id) for id_ in _pieces(objects, store_id, head, transfer)
            }
            break
        except (errors.SetBusy, errors.TransferCancelled):
            raise
        except errors.TransferError:
            return []
        except (errors.NotFound, errors.Conflict):
            continue  # it was deleted between the list and the look
    else:
        return []
    there = {
        **of_set(objects, name, set_id, transfer),
        **of_set(objects, name, set_id, transfer, ObjectState.UPLOADING),
    }
    return [id_ for id_ in candidates if id_ in there and id_ not in needed]


def _pieces(objects: Objects, store_id: str, head: ObjectView, transfer: Transfer) -> Collection[str]:
    """Return the ids of the members that a head names.

    Raises:
        SetBusy: It is being sent.
        TransferError: It can't be read.
    """
    if head.state != ObjectState.READ_ONLY:
        raise errors.SetBusy(f"“{head.name}” is being put by somebody else at this moment")
    return read(objects, store_id, head, transfer).pieces


def _heads(objects: Objects, name: str, set_id: str) -> Iterator[ObjectView]:
    """Yield the living heads of a set, those that are being sent among them."""
    now = time.time() * 1000
    for state in (ObjectState.UPLOADING, ObjectState.READ_ONLY):
        for page in objects.pages(Filter(name=name, state=state)):
            for view in page.objects:
                of_this = view.name == name and manifest.is_folder(view) and manifest.set_of(view.metadata) == set_id
                ends = view.delete_after_time_ms
                is_past = ends is not None and ends <= now
                is_left = state == ObjectState.UPLOADING and view.create_time_ms < now - SETTLED_MS
                if of_this and not is_past and not is_left:
                    yield view


def discard(objects: Objects, ids: Collection[str], transfer: Transfer) -> bool:
    """Delete objects, several at a time, and return whether all of them are gone.

    Where the store can't be reached the rest isn't tried: each would take its time to find that out.

    Args:
        objects: The store.
        ids: Of the objects.
        transfer: What this belongs to. That it was cancelled is no reason not to: this clears up after it.
    """
    clearing = Transfer(transfer.label, transfer.direction, transfer.place)

    def delete(object_id: str, _: Share) -> None:
        with suppress(errors.NotFound):
            objects.delete(object_id, retries=1)

    try:
        together(clearing, Phase.FINISHING, None, ids, delete)
    except errors.RunloopError:
        return False
    return True
