"""How much a mount is, and how much of it must come, before anything does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter.mounts.kind import Kind
from runloop_jupyter.transfer import cache as caching
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.manifest import facts_of
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runloop_jupyter.mounts.layout import Layout, Shown
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.cache import Cache


@dataclass(frozen=True)
class Need:
    """What showing objects as files on disk takes.

    Attributes:
        bytes_total: Bytes of all files, of archives as they are unpacked where that was said when they were put.
        bytes_to_fetch: Bytes that must come from the store: what isn't in the cache.
        files: Files and links; of an archive that nobody counted, one.
    """

    bytes_total: int = 0
    bytes_to_fetch: int = 0
    files: int = 0


def plan(store: Store, layout: Layout, transfer: Transfer | None = None) -> Need:
    """Return how much a mount of `layout` is. The store is asked for the lists of folders that are kept as files alone.

    Args:
        store: Which.
        layout: What is shown.
        transfer: Its `cancel` stops this.

    Raises:
        TransferError: The list of a folder can't be had.
        StoreError, Unreachable: As for any call.
    """
    asking = transfer or Transfer("a mount", "down", store.identity.label)
    return total(needs(store, layout.shown, asking))


def needs(store: Store, shown: Iterable[Shown], transfer: Transfer) -> list[Need]:
    """Return how much each of some objects is. Arguments and errors as for `plan`."""
    cache = caching.if_any()
    found = []
    for each in shown:
        transfer.checkpoint()
        is_folder = each.kind is Kind.FOLDER
        found.append(_of_folder(store, each, cache, transfer) if is_folder else _of_one(store, each, cache))
    return found


def total(of: Iterable[Need]) -> Need:
    """Return how much all of it is."""
    found = list(of)
    return Need(
        sum(each.bytes_total for each in found),
        sum(each.bytes_to_fetch for each in found),
        sum(each.files for each in found),
    )


def _of_one(store: Store, each: Shown, cache: Cache | None) -> Need:
    size = each.view.size_bytes or 0
    to_fetch = 0 if cache and cache.has(store.identity.id, each.view) else size
    if each.kind is Kind.FILE:
        return Need(size, to_fetch, 1)
    facts = facts_of(each.view.metadata)
    return Need(_count(facts.get("bytes"), size), to_fetch, _count(facts.get("files"), 1))


def _of_folder(store: Store, each: Shown, cache: Cache | None, transfer: Transfer) -> Need:
    listing = members.read(store.objects, store.identity.id, each.view, transfer)
    to_fetch = sum(
        piece.size
        for piece in listing.pieces.values()
        if not (cache and cache.holds(store.identity.id, piece.id, piece.digest, piece.size))
    )
    return Need(listing.size, to_fetch, len(listing.files) + len(listing.links))


def _count(said: object, otherwise: int) -> int:
    return said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else otherwise
