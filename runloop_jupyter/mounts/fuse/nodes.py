"""What there is to see in a mount: directories, files and links, some of them known only once somebody looks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from blake3 import blake3

from runloop_jupyter import address
from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.transfer.manifest import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.mounts.fuse.contents import Content
    from runloop_jupyter.wire.objects import ObjectView

_NAME_BYTES: Final = 255
"""Of one part of a path, as on any disk."""
_LATEST_NS: Final = (1 << 62) - 1
"""Nanoseconds since the epoch that every program can read, early in 2116; a header may say anything."""


class Source(Protocol):
    """Where a file's bytes are.

    Attributes:
        key: Two with the same key have the same bytes.
    """

    @property
    def key(self) -> str:
        """Two with the same key have the same bytes."""

    def open(self) -> Content:
        """Return the bytes, open for reading."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a thing came from, for whoever asks a file (``getfattr -d``).

    Attributes:
        view: The object.
        digest: Of the file's bytes; None where nobody said.
    """

    view: ObjectView
    digest: str | None = None

    def said(self) -> dict[str, str]:
        """Return it as extended attributes."""
        view = self.view
        found = {
            "user.runloop.id": view.id,
            "user.runloop.version": f"{view.name}@{address.version_label(view.create_time_ms, view.id)}",
        }
        return found if self.digest is None else {**found, "user.runloop.digest": self.digest}

    @property
    def time_ns(self) -> int:
        """When the object was made, in nanoseconds since the epoch."""
        return max(0, min(self.view.create_time_ms * 1_000_000, _LATEST_NS))


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A file."""

    source: Source
    size: int
    origin: Origin
    time_ns: int
    executable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A symbolic link."""

    target: str
    origin: Origin
    time_ns: int


@dataclass(slots=True, eq=False)
class Directory:
    """A directory.

    Attributes:
        origin: The object that it is or is in; None for one that only leads to objects.
        inner: What is in it as far as that is known.
        look: Finds what is in it, and what is in those; None where that is known.
    """

    origin: Origin | None = None
    time_ns: int = 0
    inner: dict[str, Child] = field(default_factory=dict)
    look: Callable[[Directory], None] | None = None
    _lock: Any = field(default_factory=threading.Lock)

    def children(self) -> dict[str, Child]:
        """Return what is in it, by names; the first look may take as long as fetching it.

        Raises:
            RunloopError: That can't be had.
            OSError: There is no room for it.
        """
        if self.look is not None:
            with self._lock:
                if self.look is not None:
                    found = Directory(self.origin, self.time_ns)
                    self.look(found)
                    self.inner, self.look = found.inner, None
        return self.inner


@dataclass(slots=True, eq=False)
class Doubtful:
    """What is called an archive and may be none: its first bytes tell, and they are looked at when somebody asks.

    Attributes:
        find_out: Looks, and returns what it is.
        known: What it is, once that is known.
    """

    find_out: Callable[[], Directory | File]
    time_ns: int
    known: Directory | File | None = None

    def settled(self) -> Directory | File:
        """Return what it is.

        Raises:
            RunloopError: Its bytes can't be had.
        """
        if self.known is None:
            self.known = self.find_out()
        return self.known


Node = File | Link | Directory
Child = Node | Doubtful


class Growing:
    """Puts things into a directory by their paths, as an archive or a listing has them.

    Args:
        root: The directory.
        origin: The object that it is.
    """

    def __init__(self, root: Directory, origin: Origin) -> None:
        self._root = root
        self._origin = origin
        self._at: tuple[str, Directory] = "", root

    def add(self, path: str, node: File | Link) -> None:
        """Put a file or link at a path.

        Raises:
            ArchiveError: Something is there already, or the name is none.
        """
        folder, _, name = path.rpartition("/")
        inner = self.folder(folder).inner
        if name in inner:
            raise _twice(path)
        inner[_checked(name)] = node

    def folder(self, path: str, time_ns: int | None = None) -> Directory:
        """Return the directory at a path, made where it is missing.

        Args:
            path: Where.
            time_ns: When it was last changed, where that is known.

        Raises:
            ArchiveError: It isn't one.
        """
        if path != self._at[0]:
            at = self._root
            for name in path.split("/") if path else []:
                found = at.inner.get(name)
                if found is None:
                    found = at.inner[_checked(name)] = Directory(self._origin, self._origin.time_ns)
                if not isinstance(found, Directory):
                    raise _twice(path)
                at = found
            self._at = path, at
        if time_ns is not None:
            self._at[1].time_ns = time_ns
        return self._at[1]

    def find(self, path: str) -> Child | None:
        """Return what was put at a path."""
        at: Child | None = self._root
        for name in path.split("/"):
            at = at.inner.get(name) if isinstance(at, Directory) else None
        return at


def find(root: Directory, path: str) -> Node | None:
    """Return what is at an absolute path of the mount; None where nothing is.

    Raises:
        RunloopError: What a directory on the way holds can't be had.
        OSError: There is no room for it.
    """
    at: Node | None = root
    for name in path.split("/"):
        if name:
            child = at.children().get(name) if isinstance(at, Directory) else None
            at = child.settled() if isinstance(child, Doubtful) else child
    return at


def inode(seed: str) -> int:
    """Return a file's number, the same in every mount; two differ but for one chance in 2⁶³."""
    hashed = blake3(seed.encode("utf-8", "surrogateescape")).digest(8)
    return int.from_bytes(hashed) >> 1 or 1


def time_ns(seconds: float) -> int:
    """Return a time that a header says, in nanoseconds, as one that every program can read."""
    try:
        return max(0, min(int(seconds * 1_000_000_000), _LATEST_NS))
    except (OverflowError, ValueError):
        return 0


def digest_of(view: ObjectView) -> str | None:
    """Return the digest that an object says its bytes have."""
    said = facts_of(view.metadata).get("digest")
    return said if isinstance(said, str) and ":" in said else None


def _checked(name: str) -> str:
    if len(name.encode("utf-8", "surrogateescape")) > _NAME_BYTES:
        raise ArchiveError(f"the archive has a name that no disk can hold ({shown(name)})")
    return name


def _twice(path: str) -> ArchiveError:
    return ArchiveError(f"the archive has {shown(path)} twice, or as a file and a folder")
