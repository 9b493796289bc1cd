"""What of a folder comes as it lay on disk: all of it, a folder within, or a file that is no object of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runloop_jupyter.actions.source import FILE, stored_format
from runloop_jupyter.actions.within import not_there
from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer.cache import copy, current, file_name
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.folders.listing import Listing
from runloop_jupyter.transfer.manifest import set_of
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.values import memory, registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.transfer.folders.listing import File
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.values.codec import Wish


class FetchFiles:
    """The ways to have a folder here that is kept as files, or a folder in it.

    Args:
        thing: The folder.
        listing: What is wanted of it.
        path: Where that is in there; empty for all of it.
        transfer: Told how far it is.
        caches: Whether what is here already will do, and what comes is kept.
    """

    is_path = True

    def __init__(self, thing: Object, listing: Listing, path: str, transfer: Transfer, *, caches: bool) -> None:
        self._thing = thing
        self._listing = listing
        self._path = path
        self._transfer = transfer
        self._caches = caches
        self.name = file_name(path or thing.name)

    def path(self) -> Path:
        """Return a copy to change: what a user changes in one must not show up in the next."""
        key = (self._thing.store.identity.id, self._thing.id, self._path) if self._caches else object()
        return current().copies.give(key, self.name, lambda folder: self._restore(folder, durable=False))

    def to(self, target: Path, *, settled: bool = True) -> Path:
        """Write it to a path where nothing is yet, and return that; its name is on the disk by then in any case."""
        self._restore(target, durable=True)
        return target

    def value(self, _: Wish) -> Any:
        """Refuse: a folder is no value."""
        raise InputError(f"“{self._thing.name}” is a folder that is kept as files; it comes as a path")

    def _restore(self, target: Path, *, durable: bool) -> None:
        store = self._thing.store
        where = store.objects, store.identity.id, self._thing.name
        fetching = Fetching(*where, self._listing, self._transfer, caches=self._caches)
        fetching.restore(target, durable=durable)


class FetchLocal:
    """The ways to have a file that comes out of a folder which is here by then.

    Args:
        thing: The folder.
        path: Where the file is in there.
        bring: Returns the file, in a copy of its own.
        transfer: Told how far it is.
    """

    is_path = True

    def __init__(self, thing: Object, path: str, bring: Callable[[], Path], transfer: Transfer) -> None:
        self._thing = thing
        self._bring = bring
        self._transfer = transfer
        self.name = file_name(path)

    def path(self) -> Path:
        """Return it as it lies in the copy."""
        return self._bring()

    def to(self, target: Path, *, settled: bool = True) -> Path:
        """Write it to a path where nothing is yet, and return that; its name is on the disk by then in any case."""
        source = self._bring()
        if source.is_dir():
            raise InputError(
                f"{self.name!r} is a folder in the archive “{self._thing.name}”. Get it as a path and copy that"
            )
        size = source.stat().st_size
        self._transfer.begin(Phase.READING, size)
        with room(target.parent, size, self.name), source.open("rb") as file, atomic_writer(target, mode=0o666) as out:
            copy(file, out, self._transfer.advance)
        return target

    def value(self, wish: Wish) -> Any:
        """Return what the file holds, by its first bytes and its name."""
        source = self._bring()
        if source.is_dir():
            raise InputError(f"{self.name!r} is a folder in “{self._thing.name}”; it comes as a path")
        if wish.form == "bytes":
            memory.check(source.stat().st_size)
            return source.read_bytes()
        with source.open("rb") as file:
            format_ = stored_format(FILE, file, self.name)
            if format_ is None:
                word = wish.form or "a value"
                raise InputError(f"“{self.name}” can't be read as {word}. Get it as a path or as bytes")
            registry.check_parts(registry.codec_named(format_), wish)
            self._transfer.begin(Phase.READING)
            return registry.decode(format_, file, {}, wish, self._transfer.checkpoint)


def of_one_file(thing: Object, file: File, path: str, transfer: Transfer, *, caches: bool) -> FetchLocal:
    """Return the ways to have a file that is kept as files but is no object of its own: empty, or in pieces."""
    name = file_name(path)

    def bring() -> Path:
        alone = Listing(set_of(thing.view.metadata) or "", (), (), (replace(file, path=name),))
        return FetchFiles(thing, alone, f"{path}/", transfer, caches=caches).path() / name

    return FetchLocal(thing, path, bring, transfer)


def of_archive(thing: Object, path: str, unpacked: Callable[[], Path], transfer: Transfer) -> FetchLocal:
    """Return the ways to have what is at a path in a folder that is one archive: all of it is fetched for that.

    Args:
        thing: The folder.
        path: From there down.
        unpacked: Returns a copy of the folder.
        transfer: Told how far it is.
    """

    def bring() -> Path:
        root = unpacked()
        there = root / path
        # Links in a folder stay inside, and a path has no reason to go up.
        if ".." in path.split("/") or not there.exists():
            found = (str(each.relative_to(root)) for each in root.rglob("*") if each.is_file())
            raise not_there(thing, path, found)
        return there

    return FetchLocal(thing, path, bring, transfer)
