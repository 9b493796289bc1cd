"""A mount of files on disk: what it shows is fetched once, placed read-only, and taken away again.

A file is one more name for the cache's own where that is safe, shares its bytes where the disk can, and is a copy
elsewhere. All of it appears by one rename; what changes later by one each, so that whoever has an old file open keeps
it. What somebody else wrote into the directory is never touched.
"""

from __future__ import annotations

import atexit
import errno
import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive import shown as written
from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.display import humane
from runloop_jupyter.errors import MountError, RunloopError
from runloop_jupyter.mounts import changing, placed, sweeping, table
from runloop_jupyter.mounts.bringing import Bringing
from runloop_jupyter.mounts.mounted import Counts
from runloop_jupyter.transfer.journal import me

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.mounts.layout import Layout, Shown
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer

NAMED: Final = 3
AT_EXIT_S: Final = 1.0
_TAKEN: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


class LinkMount:
    """Objects as read-only files beneath a directory. Making one mounts it, whole or not at all.

    Args:
        store: Where they are.
        layout: What is shown.
        where: The directory: one that is empty, or a name in one that exists.
        transfer: Told how far it is; its `cancel` stops this, and nothing is left.
        what: What is mounted, as it was typed.

    Attributes:
        where: The directory, absolute.
        record: The mount as it is written down (`table`).
        notes: What the user should know of the last thing that was done, a line each.

    Raises:
        MountError: The directory can't be used.
        DigestMismatch: What came isn't what was put.
        TransferError: The bytes can't be had, there is no room, or it was cancelled.
        StoreError, Unreachable: As for any call.
    """

    mode = "link"

    def __init__(self, store: Store, layout: Layout, where: Path, transfer: Transfer, *, what: str = "") -> None:
        self.where = Path(os.path.abspath(where))  # noqa: PTH100 - ".." taken away, links kept
        self.notes: tuple[str, ...] = ()
        self._store = store
        self._what = what or str(where)
        self._lock = threading.Lock()
        self._showing: Transfer | None = None
        self._counts = Counts()
        self._mounted = True
        sweeping.clear_at(self.where)
        self._root = Path(os.path.realpath(self.where))
        made = _check(self.where, self._root)
        self.record = table.enter(self.mode, self._what, self.where, store.identity.label, made=made, size=layout.size)
        try:
            with self._workshop([]) as workshop:
                slashes = placed.slashes(each.path for each in layout.shown)
                things = [placed.Thing("", "", folders=slashes), *self._bring(layout.shown, workshop, transfer)]
                self._write(workshop, things)
                transfer.checkpoint()
                self._appear(workshop / "tree")
        except BaseException:
            self.record.remove()
            raise
        with suppress(OSError):  # a full disk: that the workshop is gone is seen without it
            self._write(None, things)
        self._pid = os.getpid()
        atexit.register(self._at_exit)

    @property
    def size(self) -> int | None:
        """Bytes of the objects that it shows."""
        return self.record.size

    @property
    def trouble(self) -> None:
        """None: what was placed is there."""
        return

    def status(self) -> str:
        """Return nothing: what is shown is there."""
        return ""

    def counts(self) -> Counts:
        """Return what came from the store; what is read there nobody counts."""
        return self._counts

    def show(self, layout: Layout, transfer: Transfer) -> None:
        """Show something else: what is new appears, what is another version is swapped, what is gone goes.

        What somebody wrote into the directory stays, and so does what it is in the way of; `notes` names both.

        Args:
            layout: What is shown from now on.
            transfer: Told how far it is; its `cancel` stops this, and what was shown before still is.

        Raises:
            MountError: It is mounted no more.
            DigestMismatch, TransferError, StoreError, Unreachable: As for a new one.
        """
        with self._lock, self._showing_by(transfer):
            if not self._mounted:
                raise MountError(f"{written(str(self.where))} is mounted no more. Mount it anew: %rl_mount")
            # What somebody removed is shown again; of a change that broke off it is seen what there is.
            before = placed.present(self._root, placed.things(self._tree))
            change = changing.between(self._root, before, layout)
            self.notes = ()
            if change.is_none:
                return
            with self._workshop(before) as workshop:
                new = self._bring(change.new, workshop, transfer)
                # Before anything is placed it is written down; who is killed in the middle leaves both.
                self._write(workshop, [*change.meanwhile, *new])
                transfer.checkpoint()
                now = change.carry_out(workshop, new)
            self.notes = (*self.notes, *change.notes)
            self.record = replace(self.record, size=layout.size)
            with suppress(OSError):  # a full disk: more is written down than there is, and that is seen
                self._write(None, now)
                self.record.save()

    @property
    def is_mounted(self) -> bool:
        """Whether it is; `unmount` ends it."""
        return self._mounted

    def unmount(self, transfer: Transfer | None = None) -> None:
        """Take away what was placed, and the directory if it was made for that and nothing else is in it.

        Args:
            transfer: Its `cancel` stops this as long as nothing is taken away.

        Raises:
            MountError: This process is in the directory, or the system refuses.
        """
        if transfer is not None:
            transfer.checkpoint()
        if (showing := self._showing) is not None:
            showing.cancel()  # a change may take as long as its bytes do
        with self._lock:
            if not self._mounted:
                return
            if _is_in(self._root, itself=self.record.made):
                raise MountError(f"{written(str(self.where))} is where this kernel is. Leave it first: %cd ..")
            try:
                left = sweeping.take_away(self.record)
            except OSError as error:
                where = written(str(self.where))
                raise MountError(f"{where} can't be cleared: {error.strerror}. Try again: %rl_umount") from error
            self._mounted = False
            atexit.unregister(self._at_exit)
            self.notes = (sweeping.said(left, self.where),) if left else ()

    def _at_exit(self) -> None:
        if self._pid != os.getpid():  # a forked child's end is none of it
            return
        if self._showing is not None:
            self._showing.cancel()
        # What is still at work after that is ended with the process, and the next load takes away what it left.
        if self._mounted and self._lock.acquire(timeout=AT_EXIT_S):
            with suppress(OSError, RunloopError):
                sweeping.take_away(self.record)

    @contextmanager
    def _showing_by(self, transfer: Transfer) -> Iterator[None]:
        self._showing = transfer
        try:
            yield
        finally:
            self._showing = None

    @property
    def _tree(self) -> Path:
        return self.record.beside(placed.KIND)

    def _bring(self, shown: Sequence[Shown], workshop: Path, transfer: Transfer) -> list[placed.Thing]:
        bringing = Bringing(self._store, workshop, self._what, transfer, self.record.beside("trial"))
        try:
            return bringing.bring(shown, workshop / "tree")
        finally:
            fetched, requests = self._counts.fetched + bringing.fetched, self._counts.requests + bringing.requests
            self._counts = Counts(None, fetched, requests)
            self.notes = (*self.notes, *bringing.notes)

    @contextmanager
    def _workshop(self, before: Sequence[placed.Thing]) -> Iterator[Path]:
        """Give a private directory on the disk of the mount, which is written down first and goes with the block."""
        beside = self._root
        if self._root.exists() and not _can_rename(self._root):
            beside = self._root / self._root.name  # in it, then
        path = temporary_beside(beside)
        self._write(path, before)
        try:
            with placed.workshop(path):
                yield path
        except PermissionError as error:
            if error.filename != str(path):
                raise
            raise MountError(f"{written(str(path.parent))} can't be written to. Give another directory") from error

    def _write(self, workshop: Path | None, things: Sequence[placed.Thing]) -> None:
        tree = placed.Tree(str(self._root), str(workshop or ""))
        placed.write(self._tree, tree, things)

    def _appear(self, tree: Path) -> None:
        """Have all of it at once; one by one only where the directory itself must stay the one that it is."""
        if self._root.exists():
            tree.chmod(self._root.stat().st_mode & 0o7777)
        if self._root.exists() and (_is_in(self._root) or not _can_rename(self._root)):
            self._appear_within(tree)
            return
        try:
            tree.rename(self._root)
        except OSError as error:
            if error.errno in _TAKEN:
                raise MountError(f"{written(str(self.where))} was taken by somebody else meanwhile") from error
            if not self._root.exists():
                raise
            self._appear_within(tree)  # a disk of its own is mounted there

    def _appear_within(self, tree: Path) -> None:
        there: list[str] = []
        try:
            for name in sorted(os.listdir(tree)):  # noqa: PTH208
                if os.path.lexists(self._root / name):
                    raise MountError(f"{written(str(self.where))} was taken by somebody else meanwhile")
                (tree / name).rename(self._root / name)
                there.append(name)
        except BaseException:
            for name in there:
                with suppress(OSError):
                    (self._root / name).rename(tree / name)
            raise


def _check(where: Path, root: Path) -> bool:
    """Return whether the directory must be made; refuse what can't be one of a mount.

    Raises:
        MountError: It is in use, has things in it, or is no directory.
    """
    there = written(str(where))
    if record := table.at(where):
        by = "" if record.owner == me() else f", by a kernel on {record.owner.host} (process {record.owner.pid})"
        raise MountError(f"{there} is mounted already ({record.mode}: {record.what}{by}). Let it go first: %rl_umount")
    if not os.path.lexists(root):
        if not root.parent.is_dir():
            raise MountError(f"there is no directory {written(str(root.parent))} to make {root.name} in")
        return True
    if not root.is_dir():
        raise MountError(f"{there} is no directory. Give another, or a name that is free")
    try:
        found = sorted(os.listdir(root))  # noqa: PTH208
    except OSError as error:
        raise MountError(f"{there} can't be looked into: {error.strerror}") from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise MountError(f"{there} can't be written to. Give another directory")
    if found:
        names = ", ".join(written(name) for name in found[:NAMED])
        more = f" and {humane.count(len(found) - NAMED)} more" if len(found) > NAMED else ""
        raise MountError(f"{there} has things in it ({names}{more}). Give an empty directory, or a name that is free")
    return False


def _is_in(root: Path, *, itself: bool = True) -> bool:
    """Whether this process's own directory is beneath `root`, or `root` itself where that counts."""
    try:
        here = Path.cwd()
    except OSError:  # it is gone
        return False
    return here.is_relative_to(root) and (itself or here != root)


def _can_rename(root: Path) -> bool:
    """Whether something beside `root` can be put in its place: not where that is another disk, or another's."""
    return os.access(root.parent, os.W_OK | os.X_OK) and root.parent.stat().st_dev == root.stat().st_dev
