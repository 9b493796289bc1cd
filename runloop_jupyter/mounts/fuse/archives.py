"""Archives as directories: what is in one, and its files read at random, without unpacking it anywhere.

The first look at a ``.tar.gz`` brings all of it into the cache and passes through it once, for only that tells what is
in it: of a gibibyte that takes as long as fetching it, and some seconds more. A ``.tar`` that isn't packed is only
read at its headers. Then the list is kept as long as the mount.

Archives are hostile: what `archive.unpack` refuses, this refuses, with all that is in the archive.
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from runloop_jupyter.archive.names import inside, shown, stays_inside
from runloop_jupyter.archive.reading import entries, passing, reading
from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.mounts.fuse.contents import OnDisk
from runloop_jupyter.mounts.fuse.nodes import Directory, File, Growing, Link, Origin, time_ns
from runloop_jupyter.transfer.manifest import facts_of, size_of

if TYPE_CHECKING:
    from runloop_jupyter.mounts.fuse.contents import Content, Opener
    from runloop_jupyter.wire.objects import ObjectView

ENTRIES: Final = 1_000_000
_GZIP: Final = b"\x1f\x8b"
_RATIO: Final = 250
_RATIO_FREE: Final = 1 << 30
"""As `archive.unpack` has them: bytes that may come out of any archive, and how often its size out of a larger one."""
_TAR_SHARE: Final = 2
"""Bytes of tar at most for each byte of content that was declared."""
_LOOK: Final = 64 << 10
"""Bytes that tell whether something is an archive."""
_BLOCK: Final = 1 << 20
_BLOCKS_KEPT: Final = 16
_SPACING: Final = 1 << 20
"""Bytes between two places where unpacking can begin."""
_PLACES: Final = 512
"""Such places at most, of 32 KiB each."""
_AT_HAND: Final = 4
"""Archives whose places are kept, those that were read last."""


class Archives:
    """The archives of a mount.

    Args:
        opener: Opens the objects.
    """

    def __init__(self, opener: Opener) -> None:
        self.opener = opener
        self._unpackers: OrderedDict[str, Unpacker] = OrderedDict()
        self._lock = threading.Lock()

    def directory(self, view: ObjectView) -> Directory:
        """Return an archive as a directory, which finds out what is in it when somebody looks."""
        origin = Origin(view)
        return Directory(origin, origin.time_ns, look=_Archive(self, view).fill)

    def is_one(self, view: ObjectView) -> bool:
        """Whether an object that is called an archive is one, as far as its first bytes tell.

        Raises:
            RunloopError: They can't be had.
        """
        content = self.opener.object(view)
        try:
            first = bytearray(min(_LOOK, size_of(view) or 0))
            content.read_into(memoryview(first), 0)
        finally:
            content.close()
        return begins_as_tar(bytes(first))

    def unpacker(self, key: str, file: BinaryIO, size: int) -> Unpacker:
        """Return what unpacks an archive at random, kept from the last time or new.

        Args:
            key: Names the archive.
            file: Its packed bytes.
            size: How many they are unpacked.
        """
        with self._lock:
            if key not in self._unpackers:
                self._unpackers[key] = Unpacker(file, size)
            self._unpackers.move_to_end(key)
            while len(self._unpackers) > _AT_HAND:
                self._unpackers.popitem(last=False)
            return self._unpackers[key]


class Unpacker:
    """A .gz that is unpacked from the nearest place before what is wanted. Thread-safe.

    Holds at most `_PLACES` places of 32 KiB, and `_BLOCKS_KEPT` blocks of a mebibyte.

    Args:
        file: The packed bytes; they stay open.
        size: How many they are unpacked.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        import indexed_gzip  # type: ignore[import-untyped]

        # With a position of its own: another that was let go of may still be read.
        packed = io.BufferedReader(_AsFile(OnDisk(file), os.fstat(file.fileno()).st_size), 256 << 10)
        self._stream = indexed_gzip.IndexedGzipFile(fileobj=packed, spacing=max(_SPACING, size // _PLACES))
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def read_into(self, room: memoryview, offset: int) -> int:
        """Fill `room` with the unpacked bytes from `offset` on.

        Raises:
            ArchiveError: They are damaged.
        """
        done = 0
        while done < len(room):
            number, within = divmod(offset + done, _BLOCK)
            piece = memoryview(self._block(number))[within : within + len(room) - done]
            if not piece:
                raise ArchiveError("the archive is cut off within a file")
            room[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def _block(self, number: int) -> bytes:
        import indexed_gzip

        with self._lock:
            if number not in self._blocks:
                try:
                    self._stream.seek(number * _BLOCK)
                    self._blocks[number] = self._stream.read(_BLOCK)
                except (indexed_gzip.ZranError, indexed_gzip.NotCoveredError) as error:
                    raise ArchiveError(f"the archive is damaged ({error})") from error
                while len(self._blocks) > _BLOCKS_KEPT:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(number)
            return self._blocks[number]


def begins_as_tar(first: bytes) -> bool:
    """Whether the first bytes of a file, some thousands, are those of a tar, packed or not."""
    if first.startswith(_GZIP):
        try:
            first = zlib.decompressobj(wbits=31).decompress(first, tarfile.BLOCKSIZE)
        except zlib.error:
            return False
    try:
        tarfile.TarInfo.frombuf(first[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # an empty one
        return True
    except tarfile.HeaderError:
        return False
    return True


class _Archive:
    """One archive.

    Args:
        archives: What it is one of.
        view: Its object.
    """

    def __init__(self, archives: Archives, view: ObjectView) -> None:
        self._archives = archives
        self._opener = archives.opener
        self._view = view
        self._origin = Origin(view)
        # What its files are read from, once its list is made.
        self._file: BinaryIO | None = None
        self._unpacked = 0

    def fill(self, root: Directory) -> None:
        """Put what is in it into a directory.

        Raises:
            ArchiveError: It is damaged, or made to deceive.
            RunloopError: It can't be had.
            OSError: There is no room for it.
        """
        content = self._opener.object(self._view)
        try:
            if self._is_packed(content):
                self._fill_packed(root)
                return
            file = cast("BinaryIO", io.BufferedReader(_AsFile(content, self._size), 64 << 10))
            with passing(file) as tar:
                self._add_all(root, tar, end=self._size)
        finally:
            content.close()

    def open(self, offset: int, size: int) -> Content:
        """Open a file in it, by where its bytes are unpacked."""
        if self._file is None:
            return _Part(self._opener.object(self._view), offset, size)
        return _Unpacked(self._archives.unpacker(self._view.id, self._file, self._unpacked), offset, size)

    @property
    def _size(self) -> int:
        return size_of(self._view) or 0

    def _is_packed(self, content: Content) -> bool:
        first = bytearray(len(_GZIP))
        return content.read_into(memoryview(first), 0) == len(first) and first == _GZIP

    def _fill_packed(self, root: Directory) -> None:
        file = self._opener.whole(self._view)
        try:
            with reading(file) as (tar, reader):
                self._add_all(root, tar)
                reader.finish(tar)
                self._unpacked = reader.done
        except BaseException:
            file.close()
            raise
        self._file = file

    def _add_all(self, root: Directory, tar: tarfile.TarFile, *, end: int | None = None) -> None:
        growing = Growing(root, self._origin)
        said = facts_of(self._view.metadata).get("bytes")
        declared = said if isinstance(said, int) else 0
        most = max(_RATIO_FREE, _RATIO * self._size, _TAR_SHARE * declared)
        for number, member in enumerate(entries(tar), 1):
            if number > ENTRIES:
                raise ArchiveError(f"the archive has more than {ENTRIES:,} entries; take it as a path")
            stop = member.offset_data + (member.size if member.isreg() else 0)
            if end is not None and stop > end:
                raise ArchiveError(f"the archive is cut off within {shown(member.name)}")
            if stop > most:  # looked at before it is passed through
                raise ArchiveError(
                    f"the archive unpacks to more than {_RATIO} times its size; it may be made to deceive"
                )
            self._add(growing, member)

    def _add(self, growing: Growing, member: tarfile.TarInfo) -> None:
        # What is packed here carries no times: a folder's bytes are the same whenever it is packed.
        path, time = inside(member.name), time_ns(member.mtime) or self._origin.time_ns
        if member.isdir():
            growing.folder(path, time)
        elif not path:
            raise ArchiveError("the archive has an entry without a name; it is made to deceive")
        elif member.issym():
            if not stays_inside(path, member.linkname):
                raise ArchiveError(f"{shown(path)} is a link that leads out of the folder ({shown(member.linkname)})")
            growing.add(path, Link(member.linkname, self._origin, time))
        elif member.islnk():
            target = growing.find(inside(member.linkname))
            if not isinstance(target, File):
                raise ArchiveError(f"{shown(path)} is a hard link to {shown(member.linkname)}, no file before it")
            growing.add(path, target)
        elif member.isreg():
            source = _Member(self, member.offset_data, member.size)
            growing.add(path, File(source, member.size, self._origin, time, executable=bool(member.mode & 0o100)))
        else:
            raise ArchiveError(f"{shown(path)} is a device, FIFO or of an unknown sort")


class _Member:
    """A file in an archive, as a source."""

    __slots__ = ("_archive", "_offset", "_size")

    def __init__(self, archive: _Archive, offset: int, size: int) -> None:
        self._archive = archive
        self._offset = offset
        self._size = size

    @property
    def key(self) -> str:
        return f"{self._archive._view.id}:{self._offset}:{self._size}"

    def open(self) -> Content:
        return self._archive.open(self._offset, self._size)


class _Part:
    """Part of a content, as one of its own."""

    def __init__(self, content: Content, offset: int, size: int) -> None:
        self._content = content
        self._offset = offset
        self._size = size

    def read_into(self, room: memoryview, offset: int) -> int:
        room = room[: max(0, self._size - offset)]
        return self._content.read_into(room, self._offset + offset)

    def close(self) -> None:
        self._content.close()


class _Unpacked:
    """A file in a packed archive."""

    def __init__(self, unpacker: Unpacker, offset: int, size: int) -> None:
        self._unpacker = unpacker
        self._offset = offset
        self._size = size

    def read_into(self, room: memoryview, offset: int) -> int:
        room = room[: max(0, self._size - offset)]
        return self._unpacker.read_into(room, self._offset + offset)

    def close(self) -> None:
        pass


class _AsFile(io.RawIOBase):
    """A content as a file that is read from one end to the other."""

    def __init__(self, content: Content, size: int) -> None:
        super().__init__()
        self._content = content
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = self._content.read_into(memoryview(buffer).cast("B"), self._position)
        self._position += count
        return count
