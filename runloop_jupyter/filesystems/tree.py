"""Paths of a store: what is at one, right in it, beneath it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter import lookup
from runloop_jupyter.address import Address
from runloop_jupyter.errors import ObjectNotFound
from runloop_jupyter.filesystems import entries, within
from runloop_jupyter.transfer.manifest import is_folder
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from runloop_jupyter.filesystems.entries import Entry
    from runloop_jupyter.filesystems.within import Held
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.folders.listing import Listing
    from runloop_jupyter.wire.objects import ObjectView


class Tree:
    """The objects of a store as files and folders. A folder that is kept as files is one, with those files in it.

    Args:
        store: Which. Every method raises `StoreError` and `Unreachable` as its calls do.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def object(self, path: str) -> ObjectView:
        """Return the object that a path names: the newest of a name, ``name@version``, or an id.

        Raises:
            FileNotFoundError: There is none, or its newest version is gone; the message says which is there.
        """
        looking, address = Transfer(path, "down", ""), Address(path)
        try:
            if address.looks_like_id and (view := lookup.by_id(self._store, path)):
                return view
            if path and (view := lookup.newest(self._store, path, looking)):
                return view
            if address.versioned:
                return lookup.version_of(self._store, *address.versioned, looking)
        except ObjectNotFound as error:
            raise FileNotFoundError(str(error)) from None
        raise FileNotFoundError(f"no object is named “{path}” in the {self._store.identity.label}")

    def file(self, path: str) -> tuple[Held, Entry]:
        """Return what holds the bytes of a file, and what is said of it.

        Raises:
            FileNotFoundError: There is none.
            IsADirectoryError: It is a folder.
        """
        try:
            view = self.object(path)
        except FileNotFoundError as error:
            place = within.find(self._store, path)
            if place is None or not place.path:
                raise
            file = place.file
            if file is None:
                raise (IsADirectoryError(f"“{path}” is a folder") if place.beneath else error) from None
            return within.held(self._store, place, file), entries.inner_entry(path, file, place.head)
        if is_folder(view):
            raise IsADirectoryError(f"“{path}” is a folder")
        return view, entries.file_entry(path, view)

    def entry(self, path: str) -> Entry:
        """Return what is said of a file or a folder.

        Raises:
            FileNotFoundError: There is neither.
        """
        if not path:
            return entries.folder_entry(path)
        try:
            view = self.object(path)
        except FileNotFoundError:
            if entries.beneath(self._store, path):
                return entries.folder_entry(path)
            place = within.find(self._store, path)
            if place is not None and (file := place.file):
                return entries.inner_entry(path, file, place.head)
            if place is not None and place.beneath is not None:
                return entries.folder_entry(path)
            raise
        return entries.folder_entry(path) if is_folder(view) else entries.file_entry(path, view)

    def children(self, path: str) -> list[Entry]:
        """Return what is right in a folder, in the order of names; of a file, the file.

        Raises:
            FileNotFoundError: There is neither.
        """
        found = entries.children(path, entries.beneath(self._store, path))
        if found or not path:
            return found
        inside = self._inside(path)
        if inside is None:
            return [self.entry(path)]
        listing, head = inside
        files = _files(path, listing, head)
        folders = entries.folders(path, files) | {f"{path}/{each}" for each in listing.folders}
        all_of = {**files, **{each: entries.folder_entry(each) for each in folders}}
        return [all_of[each] for each in sorted(all_of) if "/" not in each[len(path) + 1 :]]

    def files(self, path: str) -> dict[str, Entry]:
        """Return all files beneath a folder by their paths, in the order of those; of a file, the file."""
        found: dict[str, Entry] = {}
        for at, view in entries.beneath(self._store, path).items():
            if is_folder(view):
                found |= _files(at, within.listing_of(self._store, view), view)
            else:
                found[at] = entries.file_entry(at, view)
        if not found and path:
            if (inside := self._inside(path)) is not None:
                found = _files(path, *inside)
            else:
                try:
                    found = {path: self.entry(path)}
                except FileNotFoundError:
                    found = {}
        return {at: found[at] for at in sorted(found)}

    def _inside(self, path: str) -> tuple[Listing, ObjectView] | None:
        """Return what is in a folder that is kept as files, or in a folder within; None where it is neither."""
        place = within.find(self._store, path)
        if place is None or place.file is not None or (beneath := place.beneath) is None:
            return None
        return beneath, place.head


def _files(at: str, listing: Listing, head: ObjectView) -> dict[str, Entry]:
    return {f"{at}/{file.path}": entries.inner_entry(f"{at}/{file.path}", file, head) for file in listing.files}
