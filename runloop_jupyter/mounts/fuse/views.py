"""A layout as a tree of nodes: what its objects are to whoever looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.filesystems.within import listing_of
from runloop_jupyter.mounts.fuse.nodes import Directory, Doubtful, File, Growing, Link, Origin, digest_of
from runloop_jupyter.mounts.kind import Kind
from runloop_jupyter.mounts.naming import parts_of
from runloop_jupyter.transfer.manifest import FOLDER, size_of

if TYPE_CHECKING:
    from runloop_jupyter.mounts.fuse.archives import Archives
    from runloop_jupyter.mounts.fuse.contents import Content, Opener
    from runloop_jupyter.mounts.layout import Layout, Shown
    from runloop_jupyter.transfer.folders import listing as listings
    from runloop_jupyter.transfer.folders.listing import Listing
    from runloop_jupyter.wire.objects import ObjectView


def tree(layout: Layout, archives: Archives, before: Directory | None = None, was: Layout | None = None) -> Directory:
    """Return a layout's root.

    Args:
        layout: What is shown.
        archives: Those of the mount, which open its objects too.
        before: The root of what was shown before: what is in its archives and folders is known, and stays.
        was: What was shown before.
    """
    known = _known(before, was)
    root = Directory()
    for shown in layout.shown:
        node = known.get((shown.path, shown.view.id, shown.kind)) or _node(shown, archives)
        if not shown.path:
            return _alone(node, shown.view)
        at = root
        *folders, name = shown.path.split("/")
        for folder in folders:
            inner = at.inner.setdefault(folder, Directory())
            assert isinstance(inner, Directory)  # noqa: S101 - no path of a layout leads through a file
            at = inner
            at.time_ns = max(at.time_ns, node.time_ns)
        root.time_ns = max(root.time_ns, node.time_ns)
        at.inner[name] = node
    return root


def _alone(node: Directory | File | Doubtful, view: ObjectView) -> Directory:
    """Return what is the whole mount: a directory, whatever it turns out to be."""
    if isinstance(node, Directory):
        return node
    (name,) = parts_of(view.name.rpartition("/")[2], view, Kind.FILE)

    def look(root: Directory) -> None:
        found = node.settled() if isinstance(node, Doubtful) else node
        root.inner = {name: found} if isinstance(found, File) else dict(found.children())

    return Directory(Origin(view), node.time_ns, look=look)


def _known(root: Directory | None, layout: Layout | None) -> dict[tuple[str, str, Kind], Directory | Doubtful]:
    found: dict[tuple[str, str, Kind], Directory | Doubtful] = {}
    for shown in layout.shown if layout is not None and root is not None else ():
        at: object = root
        for name in shown.path.split("/") if shown.path else []:
            at = at.inner.get(name) if isinstance(at, Directory) else None
        if shown.kind is not Kind.FILE and isinstance(at, Directory | Doubtful):
            found[shown.path, shown.view.id, shown.kind] = at
    return found


def _node(shown: Shown, archives: Archives) -> Directory | File | Doubtful:
    view = shown.view
    origin = Origin(view, digest_of(view))
    if shown.kind is Kind.ARCHIVE:
        if (view.metadata or {}).get("rl.kind") == FOLDER:
            return archives.directory(view)  # it was packed here

        def find_out() -> Directory | File:
            if archives.is_one(view):
                return archives.directory(view)
            return File(_Object(archives.opener, view), size_of(view) or 0, origin, origin.time_ns)

        return Doubtful(find_out, origin.time_ns)
    if shown.kind is Kind.FOLDER:
        return Directory(origin, origin.time_ns, look=_Folder(archives.opener, view).fill)
    return File(_Object(archives.opener, view), size_of(view) or 0, origin, origin.time_ns)


class _Object:
    """An object, as a source."""

    def __init__(self, opener: Opener, view: ObjectView) -> None:
        self._opener = opener
        self._view = view

    @property
    def key(self) -> str:
        return self._view.id

    def open(self) -> Content:
        return self._opener.object(self._view)


class _Folder:
    """A folder that is kept as files."""

    def __init__(self, opener: Opener, head: ObjectView) -> None:
        self._opener = opener
        self._head = head

    def fill(self, root: Directory) -> None:
        """Put what is in it into a directory.

        Raises:
            TransferError: The list of its files can't be had.
            StoreError: The store refused.
        """
        listing = listing_of(self._opener.store, self._head)
        origin = Origin(self._head)
        growing = Growing(root, origin)
        for folder in listing.folders:
            growing.folder(folder)
        for path, target in listing.links:
            growing.add(path, Link(target, origin, origin.time_ns))
        for file in listing.files:
            source = _FileOf(self._opener, self._head, listing, file)
            of_file = Origin(self._head, file.digest)
            growing.add(file.path, File(source, file.size, of_file, of_file.time_ns, executable=file.executable))


class _FileOf:
    """A file in a folder that is kept as files, as a source."""

    __slots__ = ("_file", "_head", "_listing", "_opener")

    def __init__(self, opener: Opener, head: ObjectView, listing: Listing, file: listings.File) -> None:
        self._opener = opener
        self._head = head
        self._listing = listing
        self._file = file

    @property
    def key(self) -> str:
        return f"{self._head.id}/{self._file.path}"

    def open(self) -> Content:
        return self._opener.file_of(self._head, self._listing, self._file)
