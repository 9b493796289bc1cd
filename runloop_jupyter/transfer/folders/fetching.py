"""A folder that is kept as files comes back: several files at a time, by way of the cache, and whole or not at all."""

from __future__ import annotations

import shutil
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.archive.durable import sync_tree
from runloop_jupyter.archive.names import shown
from runloop_jupyter.archive.tree import Tree, naming
from runloop_jupyter.atomic import fsync_dir, temporary_beside
from runloop_jupyter.transfer import cache as caching
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.arriving import arriving
from runloop_jupyter.transfer.download import download
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.together import Share, Stretch, together
from runloop_jupyter.transfer.room import RESERVE, room
from runloop_jupyter.transfer.scratch import chunks, scratch
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.cache import Cache
    from runloop_jupyter.transfer.folders.listing import File, Listing
    from runloop_jupyter.transfer.manifest import Part
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

FEW: Final = 16
"""Members that are asked for one by one; of more the store is asked for a list."""


class Fetching:
    """The ways to have files of one folder here.

    Args:
        objects: The store.
        store_id: Its identity.
        name: What the folder's head is called.
        listing: What is wanted of it.
        transfer: Told how far it is; its `cancel` stops this.
        caches: Whether the cache is used, where all of it may be kept there.
    """

    def __init__(
        self,
        objects: Objects,
        store_id: str,
        name: str,
        listing: Listing,
        transfer: Transfer,
        *,
        caches: bool = True,
    ) -> None:
        cache = caching.if_any() if caches else None
        self._objects = objects
        self._store_id = store_id
        self._name = name
        self._listing = listing
        self._transfer = transfer
        # What the cache would let go of again before all of it is here goes straight to where it is wanted.
        self._cache: Cache | None = cache if cache is not None and cache.keeps(listing.size) else None
        self._views: dict[str, ObjectView] = {}

    def restore(self, target: Path, *, durable: bool) -> None:
        """Make the folder `target`, which appears whole or not at all.

        Args:
            target: Must not exist; its parent must.
            durable: Whether it survives a power cut from the moment this returns.

        Raises:
            DigestMismatch: What came isn't what was put.
            TransferError: The bytes can't be had, a file of it is gone, or there is no room.
            ArchiveError: It has names that this disk can't hold.
            StoreError: The store refused.
        """
        self._look(target.parent)
        temporary = temporary_beside(target)
        with room(target.parent, self._listing.size, self._name):
            temporary.mkdir(mode=0o700)
            try:
                with closing(Tree(temporary)) as tree:
                    self._fill(tree)
                temporary.chmod(0o755)
                if durable:
                    sync_tree(temporary)
                temporary.rename(target)
                if durable:
                    fsync_dir(target.parent)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise

    def member(self, piece: Part) -> ObjectView:
        """Return the object that holds a piece.

        Raises:
            TransferError: It is gone, or no member of the set.
        """
        view = self._views.get(piece.id)
        if view is None:
            try:
                view = self._objects.get(piece.id)
            except errors.NotFound:
                view = None
        if view is None or not members.believed(view, self._listing.set, piece):
            raise errors.TransferError(
                f"a file of “{self._name}” is gone ({piece.id}); the others can be got each by its path"
            )
        return view

    def write(self, file: File, out: BinaryIO, share: Share) -> None:
        """Write a file's verified bytes.

        Args:
            file: The file.
            out: Open for writing and reading, empty, unbuffered.
            share: Told how far it is.

        Raises:
            DigestMismatch: What came isn't what was put.
            TransferError: The bytes can't be had.
        """
        if len(file.pieces) == 1 and self._cache is None:
            download(self._objects, self.member(file.pieces[0]), out, share, file.digest)
            return
        hasher = digest.hasher() if len(file.pieces) > 1 else None
        before = 0
        for piece in file.pieces:
            with self._opened(piece, share, before) as source:
                if hasher is None:
                    caching.copy(source, out, lambda _: share.checkpoint())
                else:
                    for chunk in chunks(source, piece.size, share.checkpoint):
                        hasher.update(chunk)
                        out.write(chunk)
            before += piece.size
            share.count_up_to(before)
        if hasher is not None and f"{digest.DEFAULT}:{hasher.hexdigest()}" != file.digest:
            raise errors.DigestMismatch(
                f"the pieces of {shown(file.path)} in “{self._name}” don't make up what was put; nothing was kept"
            )

    def _look(self, place: Path) -> None:
        """Find out which members must be fetched, and have room made for them, beside what is made of them."""
        missing = [
            piece
            for piece in self._listing.pieces.values()
            if self._cache is None or self._cache.holds(self._store_id, piece.id, piece.digest, piece.size) is None
        ]
        if len(missing) > FEW:
            there = members.of_set(self._objects, self._name, self._listing.set, self._transfer)
            self._views.update({piece.id: there[piece.id] for piece in missing if piece.id in there})
        if self._cache is not None and missing:
            n_bytes = sum(piece.size for piece in missing)
            twice = n_bytes + self._listing.size if _on_one_disk(place, self._cache.root) else n_bytes
            self._cache.make_room(twice)
            if shutil.disk_usage(self._cache.root).free < twice + RESERVE:  # once, then
                self._cache = None
                return
            with room(self._cache.root, n_bytes, self._name):
                pass

    def _fill(self, tree: Tree) -> None:
        alike: dict[str, list[File]] = {}
        for file in self._listing.files:
            alike.setdefault(file.digest, []).append(file)
        lock = threading.Lock()

        def create(file: File) -> BinaryIO:
            with lock, naming(file.path):
                return open(tree.create(file.path, executable=file.executable), "w+b", buffering=0)  # noqa: PTH123

        def make(files: Sequence[File], share: Share) -> None:
            first, *others = files
            with create(first) as out:
                if first.size:
                    self._whole(first, out, share)
                for other in others:
                    with create(other) as again:
                        caching.copy(out, again, lambda _: share.checkpoint())

        for path in self._listing.folders:
            self._transfer.checkpoint()
            with naming(path):
                tree.folder(path)
        total = sum(files[0].size for files in alike.values())
        together(self._transfer, Phase.RECEIVING, total, alike.values(), make)
        for path, target in self._listing.links:
            with naming(path):
                tree.plan_link(path, target)
        for path in tree.links:
            with naming(path):
                tree.make_link(path)

    def _whole(self, file: File, out: BinaryIO, share: Share) -> None:
        try:
            self.write(file, out, share)
        except errors.DigestMismatch as error:
            raise errors.DigestMismatch(f"{shown(file.path)}: {error}", details=error.details) from None

    @contextmanager
    def _opened(self, piece: Part, share: Share, before: int) -> Iterator[BinaryIO]:
        """Give a piece's verified bytes as an open file."""
        counting = Stretch(share, Phase.RECEIVING, before)
        if self._cache is None:
            view = self.member(piece)
            with room(caching.current().root, piece.size, self._name), scratch() as spool:
                download(self._objects, view, spool, counting, piece.digest)
                spool.seek(0)
                yield spool
            return
        here = self._cache.holds(self._store_id, piece.id, piece.digest, piece.size)
        view = here or self.member(piece)
        if here is None:
            self._cache.adopt(self._store_id, view, piece.digest)

        def bring(target: Path) -> None:
            with arriving(target, self._store_id, view, durable=False) as partial:
                download(self._objects, view, partial, counting, piece.digest)

        with self._cache.fetched(self._store_id, view, piece.digest, bring, counting) as file:
            yield file


def _on_one_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev
