"""The answers to the system: what mfusepy asks, from the nodes of a layout.

What is open stays what it was: while a file is open, its path shows that object, size and all, whatever a newer
layout says, for the system keeps one set of pages for a path. Whoever opens it once it was closed by all gets the
new one.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import stat
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import mfusepy  # type: ignore[import-untyped]

from runloop_jupyter.mounts.fuse import nodes
from runloop_jupyter.mounts.fuse.contents import Volumes, failures_to
from runloop_jupyter.mounts.fuse.nodes import Directory, Doubtful, File, Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.mounts.fuse.contents import Tally, Volume
    from runloop_jupyter.mounts.fuse.nodes import Child, Node

SECONDS: Final = 1.0
"""How long the system may take what it was told of names and sizes for true: so soon a newer layout is seen."""
_BLOCK: Final = 4096
_UNIT: Final = 512
_READ_AT_ONCE: Final = 1 << 20
"""Bytes that a read may ask for; what a program is told to read at a time."""


@dataclass
class _Handle:
    """An open file."""

    path: str
    file: File
    volume: Volume


class Answers(mfusepy.Operations):  # type: ignore[misc]  # no published types
    """What the system is told.

    Args:
        root: What is shown.
        tally: Told what is read, and what fails.
        ready: Called once, when the mount is there.
    """

    use_ns = True

    def __init__(self, root: Directory, tally: Tally, ready: Callable[[], None]) -> None:
        self._root = root
        self._tally = tally
        self._ready = ready
        self._volumes = Volumes()
        self._handles: dict[int, _Handle] = {}
        self._numbers = itertools.count(1)
        # Which file a path is held to, and how many have it open.
        self._held: dict[str, tuple[File, int]] = {}
        # Of which object the system may still have pages for a path.
        self._pages: dict[str, str] = {}
        self._lock = threading.Lock()
        self._system = _System()
        self._user = os.getuid(), os.getgid()

    def show(self, root: Directory) -> None:
        """Show something else from now on; what is open stays what it was."""
        # Nobody opens anything until the system knows the new sizes: a file that grew would end where the old one did.
        with self._lock:
            before, self._root = self._root, root
            for path, source in _changed(before, root):
                if path not in self._held and path in self._pages and self._pages[path] != source:
                    self._system.forget(path)

    def init_with_config(self, conn: Any, config: Any) -> None:
        """Say that the mount is there."""
        self._system.begin()
        self._ready()

    def getattr(self, path: str, fi: Any = None) -> dict[str, Any]:
        """Return what `stat` shows."""
        handle = self._handles.get(fi.fh) if fi is not None else None
        return self._attributes(path, handle.file if handle else self._node(path))

    def access(self, path: str, mode: int) -> int:
        """Refuse to be written to; the rest the modes say."""
        if mode & os.W_OK:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return 0

    def opendir(self, path: str) -> int:
        """Look into a directory, so that what goes wrong is an error here: a list that is cut off looks whole."""
        node = self._node(path)
        if not isinstance(node, Directory):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with failures_to(self._tally, path):
            node.children()
        return 0

    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        """Yield what is in a directory."""
        node = self._node(path)
        if not isinstance(node, Directory):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with failures_to(self._tally, path):
            children = node.children()
        yield ".", {"st_mode": stat.S_IFDIR, "st_ino": _inode(path, node)}, 0
        yield "..", {"st_mode": stat.S_IFDIR}, 0
        for name, child in children.items():
            yield name, _listed(f"{path.rstrip('/')}/{name}", child), 0

    def readlink(self, path: str) -> str:
        """Return where a link leads."""
        node = self._node(path)
        if not isinstance(node, Link):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return node.target

    def open(self, path: str, fi: Any) -> int:
        """Open a file; nothing is fetched yet."""
        if fi.flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        with self._lock:
            file = self._node(path)
            if not isinstance(file, File):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            _, users = self._held.get(path, (file, 0))
            self._held[path] = file, users + 1
            number = next(self._numbers)
            self._handles[number] = _Handle(path, file, self._volumes.take(file.source))
            # The system's pages are of this very object, which never changes, or they are dropped.
            fi.keep_cache = self._pages.get(path) == file.source.key
            self._pages[path] = file.source.key
        fi.fh = number
        return 0

    def read(self, path: str, size: int, offset: int, fi: Any) -> bytes:
        """Return bytes of an open file; `Fuse` reads them into the system's own buffer instead."""
        room = bytearray(size)
        return bytes(room[: self.read_into(fi.fh, memoryview(room), offset)])

    def read_into(self, number: int, room: memoryview, offset: int) -> int:
        """Fill `room` with bytes of an open file.

        Raises:
            OSError: EIO; `Tally` knows why.
        """
        handle = self._handles[number]
        room = room[: max(0, handle.file.size - offset)]
        if not room:
            return 0
        with failures_to(self._tally, handle.path):
            count = handle.volume.read_into(room, offset)
            if count != len(room):  # a short read is an end to whoever reads, and this isn't one
                raise OSError(errno.EIO, f"{count:,} bytes where there should be {len(room):,}")
        self._tally.gave(count)
        return count

    def release(self, path: str, fi: Any) -> int:
        """Let go of an open file."""
        with self._lock:
            handle = self._handles.pop(fi.fh)
            file, users = self._held[handle.path]
            if users > 1:
                self._held[handle.path] = file, users - 1
            else:
                del self._held[handle.path]
        self._volumes.give_back(handle.volume)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        """Say that there is no room: nothing can be written."""
        return {"f_bsize": _READ_AT_ONCE, "f_frsize": _BLOCK, "f_namemax": 255}

    def listxattr(self, path: str) -> list[str]:
        """Return what can be asked of where a thing came from."""
        return list(self._said(path))

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        """Return where a thing came from."""
        said = self._said(path).get(name)
        if said is None:
            raise OSError(mfusepy.ENOATTR, os.strerror(mfusepy.ENOATTR))
        return said.encode()

    def _said(self, path: str) -> dict[str, str]:
        node = self._node(path)
        return {} if node.origin is None else node.origin.said()

    def _node(self, path: str) -> Node:
        with failures_to(self._tally, path):
            node = nodes.find(self._root, path)
        if node is None:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        held = self._held.get(path)
        return held[0] if held is not None else node

    def _attributes(self, path: str, node: Node) -> dict[str, Any]:
        user, group = self._user
        common = {
            "st_ino": _inode(path, node),
            "st_uid": user,
            "st_gid": group,
            "st_blksize": _READ_AT_ONCE,
            "st_atime": node.time_ns,
            "st_mtime": node.time_ns,
            "st_ctime": node.time_ns,
        }
        if isinstance(node, Directory):
            return {**common, "st_mode": stat.S_IFDIR | 0o555, "st_nlink": 2}
        if isinstance(node, Link):
            size = len(os.fsencode(node.target))
            return {**common, "st_mode": stat.S_IFLNK | 0o777, "st_nlink": 1, "st_size": size}
        return {
            **common,
            "st_mode": stat.S_IFREG | (0o555 if node.executable else 0o444),
            "st_nlink": 1,
            "st_size": node.size,
            "st_blocks": -(-node.size // _UNIT),
        }


class _System:
    """What is told to the system unasked."""

    def __init__(self) -> None:
        self._mount: int | None = None

    def begin(self) -> None:
        """Find the mount; to be called within an answer."""
        self._mount = mfusepy._libfuse.fuse_get_context().contents.fuse

    def forget(self, path: str) -> None:
        """Have size and pages of a file forgotten; where libfuse is too old for that, they are after `SECONDS`."""
        forgetting = getattr(mfusepy._libfuse, "fuse_invalidate_path", None)
        if forgetting is not None and self._mount is not None:
            forgetting(ctypes.c_void_p(self._mount), os.fsencode(path))


def _changed(before: Directory, after: Directory, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and source of each file that is another one than before."""
    if before is after:
        return
    for name, child in after.inner.items():
        node, was = _as_known(child), _as_known(before.inner.get(name))
        if isinstance(node, Directory) and isinstance(was, Directory):
            yield from _changed(was, node, f"{path}/{name}")
        elif (
            isinstance(node, File)
            and isinstance(was, File | None)
            and (was is None or node.source.key != was.source.key)
        ):
            yield f"{path}/{name}", node.source.key


def _as_known(child: Child | None) -> Node | None:
    return child.known if isinstance(child, Doubtful) else child


class Fuse(mfusepy.FUSE):  # type: ignore[misc]  # no published types
    """mfusepy's loop, which reads into the buffer that it was given: each byte is copied once."""

    def read(self, path: bytes, buf: Any, size: int, offset: int, fip: Any) -> int:
        """As libfuse asks for it: up to `size` bytes from `offset` on, into `buf`."""
        room = memoryview((ctypes.c_char * size).from_address(ctypes.addressof(buf.contents))).cast("B")
        return int(self.operations.read_into(fip.contents.fh, room, offset))


def _kind(node: Node) -> int:
    if isinstance(node, Directory):
        return stat.S_IFDIR
    return stat.S_IFLNK if isinstance(node, Link) else stat.S_IFREG


def _inode(path: str, node: Node) -> int:
    # Of a path and an object: another version under the same path is another file.
    return nodes.inode(f"{path}\0{node.origin.view.id if node.origin else ''}")


def _listed(path: str, child: Child) -> dict[str, int]:
    """Return what is said of something in the list of a directory."""
    if isinstance(child, Doubtful):
        if child.known is None:
            return {"st_mode": 0}  # unknown: whoever must know asks
        child = child.known
    return {"st_mode": _kind(child), "st_ino": _inode(path, child)}
