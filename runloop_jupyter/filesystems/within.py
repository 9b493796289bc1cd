"""Files in a folder that is kept as files: the folder is one object, and to whoever reads by paths it is a folder."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from runloop_jupyter.errors import NewestGone, ObjectNotFound
from runloop_jupyter.lookup import newest
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.manifest import is_folder
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.folders.listing import File, Listing
    from runloop_jupyter.wire.objects import ObjectView

_KEPT: Final = 8
_lock = threading.Lock()
_listings: OrderedDict[tuple[str, str], Listing] = OrderedDict()


class Place(NamedTuple):
    """Where a path leads in a folder.

    Attributes:
        head: The folder's object.
        listing: What is in it.
        at: The path of the folder.
        path: From there on; empty for all of it.
    """

    head: ObjectView
    listing: Listing
    at: str
    path: str

    @property
    def file(self) -> File | None:
        """The file there, None where there is none."""
        return self.listing.file(self.path) if self.path else None

    @property
    def beneath(self) -> Listing | None:
        """What is in the folder there, None where there is none."""
        return self.listing.beneath(self.path) if self.path else self.listing


def listing_of(store: Store, head: ObjectView) -> Listing:
    """Return what is in a folder; that of an object never changes, and the last few are kept.

    Raises:
        TransferError: It can't be had or read.
        StoreError: The store refused.
    """
    key = store.identity.id, head.id
    with _lock:
        if key in _listings:
            _listings.move_to_end(key)
            return _listings[key]
    found = members.read(store.objects, store.identity.id, head, Transfer(head.name, "down", store.identity.label))
    with _lock:
        _listings[key] = found
        while len(_listings) > _KEPT:
            _listings.popitem(last=False)
    return found


def find(store: Store, path: str) -> Place | None:
    """Return where a path leads in a folder that is kept as files, the one with the longest name; None where in none.

    Raises:
        TransferError: The list of its files can't be had.
        StoreError: The store refused.
    """
    at, rest = path, ""
    while at:
        try:
            head = newest(store, at, Transfer(at, "down", ""))
        except (NewestGone, ObjectNotFound):
            return None
        if head is not None:
            if not is_folder(head):
                return None
            listing = listing_of(store, head)
            return Place(head, listing, at, listing.followed(rest) if rest else "")
        at, _, last = at.rpartition("/")
        rest = f"{last}/{rest}" if rest else last
    return None


def member(store: Store, place: Place, file: File) -> ObjectView:
    """Return the object that holds all bytes of a file.

    Raises:
        TransferError: It is gone.
        NotImplementedError: There are several, for it is too large for one.
    """
    if len(file.pieces) != 1:
        raise NotImplementedError(f"{file.path} in “{place.head.name}” is kept in pieces: %rl_get fetches it")
    looking = Transfer(place.head.name, "down", store.identity.label)
    fetching = Fetching(store.objects, store.identity.id, place.head.name, place.listing, looking)
    return fetching.member(file.pieces[0])
