"""Files in a folder that is kept as files: the folder is one object, and to whoever reads by paths it is a folder."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, TypeAlias

from runloop_jupyter.errors import NewestGone, ObjectNotFound
from runloop_jupyter.lookup import newest
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.folders.together import Counter, Share
from runloop_jupyter.transfer.manifest import is_folder
from runloop_jupyter.transfer.parts_reader import PartsReader
from runloop_jupyter.transfer.reader import RangeReader
from runloop_jupyter.transfer.transfer import Phase, Transfer

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


class Pieces(NamedTuple):
    """A file in a folder that is too large for one object.

    Attributes:
        head: The folder's object.
        listing: What is in it.
        file: The file.
    """

    head: ObjectView
    listing: Listing
    file: File


Held: TypeAlias = "ObjectView | Pieces | None"
"""What holds a file's bytes: an object, several, or none where there are none."""


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


def held(store: Store, place: Place, file: File) -> Held:
    """Return what holds the bytes of a file in a folder.

    Raises:
        TransferError: It is gone.
    """
    if not file.pieces:
        return None
    if len(file.pieces) > 1:
        return Pieces(place.head, place.listing, file)
    return _fetching(store, place.head, place.listing).member(file.pieces[0])


def open_pieces(store: Store, pieces: Pieces) -> PartsReader:
    """Return a file that is kept in pieces as one that fetches only what is read, and ahead."""
    fetching = _fetching(store, pieces.head, pieces.listing)

    def opened(number: int) -> RangeReader:
        return RangeReader(store.objects, fetching.member(pieces.file.pieces[number]), ahead=True)

    return PartsReader(pieces.file.pieces, opened)


def write_pieces(store: Store, pieces: Pieces, out: BinaryIO, transfer: Transfer) -> None:
    """Write all bytes of a file that is kept in pieces; raises as `Fetching.write` does."""
    transfer.begin(Phase.RECEIVING, pieces.file.size)
    share = Share(transfer, Phase.RECEIVING, Counter(transfer))
    _fetching(store, pieces.head, pieces.listing, transfer).write(pieces.file, out, share)


def _fetching(store: Store, head: ObjectView, listing: Listing, transfer: Transfer | None = None) -> Fetching:
    looking = transfer or Transfer(head.name, "down", store.identity.label)
    return Fetching(store.objects, store.identity.id, head.name, listing, looking)
