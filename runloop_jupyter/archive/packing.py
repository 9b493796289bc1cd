"""A folder into a deterministic .tar.gz."""

from __future__ import annotations

import os
import stat
import tarfile
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from blake3 import blake3

from runloop_jupyter.archive import gzipped
from runloop_jupyter.archive.names import shown, stays_inside
from runloop_jupyter.archive.walking import Found, Walk, naming
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Packed:
    """What `pack` did.

    Attributes:
        files: Files and links in the archive.
        bytes: Content of the files, before compression.
        tar_digest: ``blake3:…`` of the uncompressed tar stream: the same wherever the same content is packed, while
            the compressed bytes may differ by processor.
        left_out: Secrets that were not packed, by their paths in the folder.
        ignored: How many files and folders a ``.runloopignore`` left out.
    """

    files: int
    bytes: int
    tar_digest: str
    left_out: list[str]
    ignored: int


def pack(directory: Path, file: BinaryIO, *, checkpoint: Callable[[], None], include_secrets: bool = False) -> Packed:
    """Write `directory` to `file` as a .tar.gz.

    Names are sorted, times and owners zero, modes 644 or 755; links that stay inside are kept as links, a file with
    several names is packed under each, and the holes of sparse files as the zeros that they read as. Memory is
    constant, and the packing is done on threads beside the reading.

    Args:
        directory: A folder; may be a link to one.
        file: Where to. If it lies in the folder, it is passed over.
        checkpoint: Called for each entry and megabyte; raises to stop.
        include_secrets: Whether what may hold secrets is packed too.

    Raises:
        ArchiveError: An entry that can't be packed, by its name: a socket, FIFO or device, a link that leads out, a
            file that can't be read or that changed meanwhile.
        OSError: `file` can't be written.
    """
    walk = Walk(directory, include_secrets=include_secrets, checkpoint=checkpoint)
    return _Packer(walk, file, checkpoint).run()


class _Digesting:
    """Hands what is written on to the compressor and to the digest."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = blake3()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self._file.write(data)
        return len(data)


class _Packer:
    """Writes the entries of one walk."""

    def __init__(self, walk: Walk, file: BinaryIO, checkpoint: Callable[[], None]) -> None:
        self._walk = walk
        self._file = file
        self._checkpoint = checkpoint
        self._files = 0
        self._bytes = 0
        self._itself = _identity(file)

    def run(self) -> Packed:
        with gzipped.writer(self._file) as compressed:
            stream = _Digesting(compressed)
            with (
                tarfile.open(
                    fileobj=cast("Any", stream),
                    mode="w|",
                    format=tarfile.PAX_FORMAT,
                    encoding="utf-8",
                    errors="surrogateescape",
                    bufsize=_CHUNK,
                ) as tar,
                closing(iter(self._walk)) as things,
            ):
                for found in things:
                    self._entry(tar, found)
        digest = f"blake3:{stream.digest.hexdigest()}"
        return Packed(self._files, self._bytes, digest, self._walk.left_out, self._walk.ignored)

    def _entry(self, tar: tarfile.TarFile, found: Found) -> None:
        mode, path = found.stat.st_mode, found.path
        if stat.S_ISDIR(mode):
            tar.addfile(_entry_info(path, tarfile.DIRTYPE, 0o755))
        elif stat.S_ISLNK(mode):
            self._link(tar, path, target_of(found))
        elif stat.S_ISREG(mode):
            if (found.stat.st_dev, found.stat.st_ino) != self._itself:
                self._regular(tar, found.folder, found.name, path)
        else:
            raise special(found)

    def _link(self, tar: tarfile.TarFile, path: str, target: str) -> None:
        info = _entry_info(path, tarfile.SYMTYPE, 0o777)
        info.linkname = target
        tar.addfile(info)
        self._files += 1

    def _regular(self, tar: tarfile.TarFile, folder: int, name: str, path: str) -> None:
        # O_NONBLOCK: what was a file when it was looked at may be a FIFO by now
        with naming(path):
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with open(fd, "rb", buffering=0) as source:  # noqa: PTH123 - a descriptor, not a path
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise ArchiveError(f"{shown(path)} was replaced while it was packed; put the folder again")
            info = _entry_info(path, tarfile.REGTYPE, 0o755 if before.st_mode & stat.S_IXUSR else 0o644)
            info.size = before.st_size
            content = _Exactly(source, path, self._checkpoint)
            tar.addfile(info, cast("Any", content))
            after = os.fstat(fd)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise ArchiveError(f"{shown(path)} changed while it was packed; put the folder again when it is still")
        self._files += 1
        self._bytes += info.size


class _Exactly:
    """A file of a promised size, read by tarfile in pieces."""

    def __init__(self, source: Any, path: str, checkpoint: Callable[[], None]) -> None:
        self._source = source
        self._path = path
        self._checkpoint = checkpoint

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            try:
                part = cast("bytes", self._source.read(min(size, _CHUNK)))
            except OSError as error:
                raise ArchiveError(f"{shown(self._path)} can't be read: {error.strerror}") from error
            if not part:
                raise ArchiveError(
                    f"{shown(self._path)} changed while it was packed; put the folder again when it is still"
                )
            parts.append(part)
            size -= len(part)
            self._checkpoint()
        return b"".join(parts)


def _entry_info(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    """Return the header of an entry: time 0, owner 0, no names."""
    info = tarfile.TarInfo(path)
    info.type = kind
    info.mode = mode
    return info


def _identity(file: BinaryIO) -> tuple[int, int] | None:
    try:
        found = os.fstat(file.fileno())
    except (OSError, AttributeError):  # not a file of the system: io.BytesIO raises an OSError of its own
        return None
    return found.st_dev, found.st_ino


def target_of(found: Found) -> str:
    """Return where a symbolic link leads.

    Raises:
        ArchiveError: Out of the folder, or it can't be read.
    """
    with naming(found.path):
        target = os.readlink(found.name, dir_fd=found.folder)
    if not stays_inside(found.path, target):
        raise ArchiveError(
            f"{shown(found.path)} is a link that leads out of the folder ({shown(target)}); put what it points at,"
            " remove the link, or name it in .runloopignore"
        )
    return target


def special(found: Found) -> ArchiveError:
    """Return the error that refuses what is no file, link or folder."""
    sort = _sort(found.stat.st_mode)
    return ArchiveError(
        f"{shown(found.path)} is a {sort}, which can't be packed; move it away or name it in .runloopignore"
    )


def _sort(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "FIFO"
    if stat.S_ISSOCK(mode):
        return "socket"
    return "device"
