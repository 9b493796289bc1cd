"""NAME/path: one thing in a folder, where no object has exactly that name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter.actions.known import pinned, remembered
from runloop_jupyter.actions.object import Object
from runloop_jupyter.actions.resolve import resolve
from runloop_jupyter.actions.source import FILE, FOLDER
from runloop_jupyter.archive import shown
from runloop_jupyter.content import content_type_of
from runloop_jupyter.errors import AddressError, NewestGone, ObjectNotFound, VersionNotFound
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.folders.listing import File, Listing
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

COMPARED: Final = 10_000
NAMED: Final = 3


@dataclass(frozen=True, eq=False)
class Inside(Object):
    """One file in a folder that is kept as files, as an object of its own.

    Attributes:
        folder: The folder.
        path: Where it is in there.
    """

    folder: Object | None = field(default=None, repr=False)
    path: str = ""

    def as_found(self, view: ObjectView) -> Inside:
        """Return itself: to its store it is a member of a folder, and says nothing of what it is."""
        return self

    @property
    def version(self) -> str:
        """What this file of this version is called, ``scans@20261103T141502Z-3fa9c/2.raw``."""
        return f"{self.folder.version}/{self.path}" if self.folder else super().version


def locate(
    session: Session, what: str | Object, looking: Transfer, *, pins: bool = True, asks: bool = False
) -> tuple[Object, str]:
    """Return the object that `what` means, and the path of what is meant in it; empty for all of it.

    An object with exactly that name wins, then the folder with the longest name that `what` begins with.

    Args:
        session: Whose current store a name without a profile is in.
        what: What was typed, or an object.
        looking: Its `cancel` stops this.
        pins: Whether what is here by its id or version will do, without asking the store.
        asks: Whether the store is asked in any case, off line too.

    Raises:
        ObjectNotFound: There is none; the message names what comes close.
        RunloopError: As `resolve` raises.
    """

    def find(text: str | Object, *, explains: bool) -> Object:
        if not asks:
            known = remembered(session, text) or (pinned(session, text) if pins else None)
            if known is not None:
                return known
        return resolve(session, text, looking, explains=explains)

    ways = list(_divided(what))
    try:
        return find(what, explains=not ways), ""
    except NewestGone:
        raise
    except (ObjectNotFound, AddressError):
        for name, path in ways:
            try:
                folder = find(name, explains=False)
            except (NewestGone, VersionNotFound):
                raise
            except (ObjectNotFound, AddressError):
                continue
            if folder.kind == FOLDER:
                return folder, path
        if ways:
            find(what, explains=True)  # why was not found out before
        raise


def _divided(what: str | Object) -> Iterator[tuple[str, str]]:
    """Yield the ways to take a name for one of a folder and a path in it, the longest name first."""
    if not isinstance(what, str):
        return
    name = what
    while "/" in name:
        name = name.rpartition("/")[0]
        if name:
            yield name, what[len(name) :].strip("/")


def listing_of(folder: Object, looking: Transfer, *, caches: bool = True) -> Listing:
    """Return what is in a folder that is kept as files.

    Raises:
        TransferError: The list can't be had or read.
        StoreError: The store refused.
    """
    return members.read(folder.store.objects, folder.store.identity.id, folder.view, looking, caches=caches)


def part_of(folder: Object, path: str, looking: Transfer, *, caches: bool = True) -> Inside | File | Listing:
    """Return what is at a path in a folder that is kept as files: a file, or a folder with all that is beneath.

    Args:
        folder: The folder.
        path: From there down; links within are followed.
        looking: Its `cancel` stops this.
        caches: Whether what is in the cache will do.

    Returns:
        A file as an object of its own, where it is one; one that is empty or in pieces, or a folder, as it is listed.

    Raises:
        ObjectNotFound: Nothing is there; the message names what comes close.
        TransferError: The file is gone, or the list of the files can't be had.
        StoreError: The store refused.
    """
    listing = listing_of(folder, looking, caches=caches)
    there = listing.followed(path)
    file = listing.file(there)
    if file is None:
        beneath = listing.beneath(there) if there else listing
        if beneath is None:
            raise not_there(folder, path, (each.path for each in listing.files))
        return beneath
    if len(file.pieces) != 1:
        return file
    (piece,) = file.pieces
    store = folder.store
    here = if_any() if caches else None
    known = here.holds(store.identity.id, piece.id, piece.digest, piece.size) if here else None
    fetching = Fetching(store.objects, store.identity.id, folder.name, listing, looking, caches=caches)
    view = msgspec.structs.replace(
        known or fetching.member(piece),
        name=f"{folder.name}/{path}".encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        content_type=str(content_type_of(path)),
        metadata={
            "rl.kind": FILE,
            "rl.format": FILE,
            "rl.facts": json.encode({"digest": file.digest}).decode(),
        },
    )
    return Inside(view, store, public=folder.public, folder=folder, path=path)


def not_there(folder: Object, path: str, paths: Iterable[str]) -> ObjectNotFound:
    """Return the error that says that a path isn't in a folder, and which come close."""
    some = [each for each, _ in zip(paths, range(COMPARED), strict=False)]
    alike = [each for each in some if each.rpartition("/")[2] == path.rpartition("/")[2]]
    close = list(dict.fromkeys([*alike, *difflib.get_close_matches(path, some, n=NAMED)]))[:NAMED]
    near = f" Close: {', '.join(map(shown, close))}" if close else ""
    return ObjectNotFound(f"“{folder.name}” has no {shown(path)} in it.{near}")
