"""What is in a folder that is kept as files: the bytes of its head, a line of JSON for each thing.

The first line says what this is; then come folders, links and files, in the order of their paths::

    {"version":1,"kind":"files","set":"5e7…","entries":3}
    ["folder","scans"]
    ["link","latest","scans/2.raw"]
    ["file","scans/2.raw",false,1048576,"blake3:…",[["obj_1",1048576,"blake3:…"]]]

A file's pieces are objects with its bytes in their order: one as a rule, several where it is too large for one, none
where it is empty. Whatever stands in a store may have been written by somebody else: paths are held to the same rules
as those of an archive.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import blake3

from runloop_jupyter.archive.names import inside, shown, stays_inside
from runloop_jupyter.errors import ArchiveError, TransferError
from runloop_jupyter.transfer.manifest import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KIND: Final = "files"
LARGEST: Final = 64 << 20
"""Bytes of a listing: some 250,000 files."""
MOST: Final = 1_000_000
"""Entries of a listing, as of an archive."""
PER_FILE: Final = 300
"""Bytes of a listing for each file beside its path: digest, id, and what stands between."""
EMPTY: Final = f"blake3:{blake3.blake3().hexdigest()}"
LINKS: Final = 40
"""Links that lead to links, as systems allow."""
_VERSION: Final = 1
_DIGEST: Final = re.compile(r"blake3:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class File:
    """One file.

    Attributes:
        path: From the folder down, with slashes.
        executable: Whether its owner may execute it.
        size: In bytes.
        digest: Of its bytes, ``blake3:…``.
        pieces: The objects that hold them, in the order of the bytes.
    """

    path: str
    executable: bool
    size: int
    digest: str
    pieces: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes:
        set: The set that its pieces are members of; empty where there are none yet.
        folders: Paths of the folders within; those above a file need not be named.
        links: Paths of symbolic links, and where each leads.
        files: The files.
    """

    set: str
    folders: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    files: tuple[File, ...]

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @cached_property
    def digest(self) -> str:
        """The digest of the content: the same wherever, whenever and by whomever the same folder is put."""
        hasher = blake3.blake3()
        for entry in self._entries():
            hasher.update(_line(entry[:5]))
        return f"blake3:{hasher.hexdigest()}"

    @cached_property
    def pieces(self) -> dict[str, Part]:
        """All pieces, by the ids of their objects."""
        return {piece.id: piece for file in self.files for piece in file.pieces}

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        entries = list(self._entries())
        head = {"version": _VERSION, "kind": KIND, "set": self.set, "entries": len(entries)}
        return b"".join([_line(head), *map(_line, entries)])

    @classmethod
    def from_bytes(cls, data: bytes, name: str, checkpoint: Callable[[], None] = lambda: None) -> Listing:
        """Return what is stored.

        Args:
            data: The bytes.
            name: Whose they are, for the error.
            checkpoint: Called for each entry; may raise to stop.

        Raises:
            TransferError: It is none, one of a later version, or one that no folder has.
        """
        damaged = TransferError(f"the list of the files of “{name}” is damaged; it can't be put together")
        first, *lines = data.split(b"\n")
        try:
            said = json.loads(first)
            if said["kind"] == KIND and said["version"] != _VERSION:
                raise TransferError(f"“{name}” is kept as files as a later version of this package does. Update it")
            if said["kind"] != KIND or lines.pop() or len(lines) != said["entries"] or len(lines) > MOST:
                raise damaged
            reading = _Reading()
            for line in lines:
                checkpoint()
                reading.entry(json.loads(line))
            return reading.listing(_text(said["set"]))
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            raise damaged from None
        except ArchiveError as error:
            raise TransferError(f"the list of the files of “{name}” is made to deceive: {error}") from None

    def beneath(self, path: str) -> Listing | None:
        """Return what is in the folder `path` within, with paths from there down; None where it is no folder."""
        start = f"{path}/"
        folders = tuple(each[len(start) :] for each in self.folders if each.startswith(start))
        links = tuple((each[len(start) :], target) for each, target in self.links if each.startswith(start))
        files = tuple(replace(file, path=file.path[len(start) :]) for file in self.files if file.path.startswith(start))
        if not (folders or links or files or path in self.folders):
            return None
        for link, target in links:
            if not stays_inside(link, target):
                raise TransferError(
                    f"{shown(start + link)} is a link that leads out of {shown(path)}. Get the whole folder"
                )
        return Listing(self.set, folders, links, files)

    def file(self, path: str) -> File | None:
        """Return the file `path`, None where there is none."""
        return next((file for file in self.files if file.path == path), None)

    def followed(self, path: str) -> str:
        """Return where a path leads within, through links; they can't lead out."""
        links = dict(self.links)
        for _ in range(LINKS):
            steps = path.split("/")
            for count in range(1, len(steps) + 1):
                above = "/".join(steps[:count])
                if above in links:
                    there = posixpath.normpath(posixpath.join(posixpath.dirname(above), links[above]))
                    path = posixpath.normpath(posixpath.join(there, *steps[count:]))
                    break
            else:
                return path
        return path

    def _entries(self) -> Iterator[list[Any]]:
        entries: list[list[Any]] = [["folder", path] for path in self.folders]
        entries += [["link", path, target] for path, target in self.links]
        entries += [
            [
                "file",
                file.path,
                file.executable,
                file.size,
                file.digest,
                [[piece.id, piece.size, piece.digest] for piece in file.pieces],
            ]
            for file in self.files
        ]
        yield from sorted(entries, key=lambda entry: _key(entry[1]))


class _Reading:
    """Takes entries one by one, and refuses what no folder could have."""

    def __init__(self) -> None:
        self._folders: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._files: list[File] = []
        self._above: set[str] = set()
        self._taken: set[str] = set()

    def entry(self, said: Any) -> None:
        if not isinstance(said, list):
            raise TypeError
        kind, path, *rest = said
        if not isinstance(path, str) or not path or inside(path) != path:
            raise ArchiveError(f"{shown(str(path))} is no path within a folder")
        _key(path)
        if path in self._taken:
            raise ArchiveError(f"{shown(path)} is there twice")
        self._taken.add(path)
        above = path
        while (above := above.rpartition("/")[0]) and above not in self._above:
            self._above.add(above)
        if kind == "folder" and not rest:
            self._folders.append(path)
        elif kind == "link":
            (target,) = rest
            if not isinstance(target, str) or not stays_inside(path, target):
                raise ArchiveError(f"{shown(path)} is a link that leads out of the folder")
            _key(target)
            self._links.append((path, target))
        elif kind == "file":
            self._files.append(_file(path, *rest))
        else:
            raise ValueError

    def listing(self, set_id: str) -> Listing:
        for path in (*(file.path for file in self._files), *(path for path, _ in self._links)):
            if path in self._above:
                raise ArchiveError(f"{shown(path)} is there as a file and as a folder")
        return Listing(set_id, tuple(self._folders), tuple(self._links), tuple(self._files))


def _file(path: str, executable: object, size: object, digest: object, pieces: object) -> File:
    if not isinstance(executable, bool) or not isinstance(pieces, list):
        raise TypeError
    found = tuple(Part(_text(id_), _count(length), _digest(own)) for id_, length, own in pieces)
    file = File(path, executable, _count(size), _digest(digest), found)
    whole = sum(piece.size for piece in found) == file.size and all(piece.size for piece in found)
    if not whole or (not found and file.digest != EMPTY) or (len(found) == 1 and found[0].digest != file.digest):
        raise ArchiveError(f"the pieces of {shown(path)} don't make it up")
    return file


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _line(said: Sequence[Any] | dict[str, Any]) -> bytes:
    # In ASCII: a name on a disk need not be Unicode, and the half characters that stand for that have no UTF-8.
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def _text(said: object) -> str:
    if not isinstance(said, str) or not said:
        raise ValueError
    return said


def _digest(said: object) -> str:
    if not isinstance(said, str) or not _DIGEST.fullmatch(said):
        raise ValueError
    return said


def _count(said: object) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise ValueError
    return said
