"""A .tar.gz, or a .tar, into a new folder."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter.archive.durable import sync_tree
from runloop_jupyter.archive.names import inside, shown, stays_inside
from runloop_jupyter.archive.reading import CHUNK, Reader, entries, reading
from runloop_jupyter.archive.tree import Tree, naming
from runloop_jupyter.atomic import fsync_dir, temporary_beside
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Callable
    from pathlib import Path

_RATIO_FREE: Final = 1 << 30
"""Bytes that may be unpacked before the ratio to the packed size counts: a folder of zeros packs very well."""
_TAR_SHARE: Final = 2
"""Bytes of tar at most for each byte of content that was declared."""


@dataclass(frozen=True)
class Unpacked:
    """What `unpack` made.

    Attributes:
        files: Files and links.
        bytes: Content of the files.
        tar_digest: As `Packed.tar_digest`.
    """

    files: int
    bytes: int
    tar_digest: str


def unpack(
    file: BinaryIO,
    root: Path,
    *,
    checkpoint: Callable[[], None],
    max_bytes: int | None = None,
    max_entries: int = 1_000_000,
    max_ratio: float = 250.0,
    declared: int | None = None,
    durable: bool = True,
) -> Unpacked:
    """Unpack a .tar.gz, or a plain .tar, into a new folder `root`, which appears whole or not at all.

    Args:
        file: Seekable; read from its start.
        root: Must not exist; its parent must.
        checkpoint: Called for each entry and megabyte; raises to stop.
        max_bytes: Content to unpack at most; None for what the disk has free.
        max_entries: Files, links and folders at most.
        max_ratio: Unpacked to packed bytes at most, once a gibibyte is unpacked.
        declared: Content that it was said to have when it was packed: so much may come out whatever the ratio (a
            folder of sparse files packs to next to nothing), and it is refused at once where the disk is too small.
        durable: Whether the folder survives a power cut from the moment this returns; not for what can be had again.

    Raises:
        ArchiveError: It is damaged, holds what must not be unpacked, or passes a limit; nothing remains.
        OSError: The disk is full, or `root`'s parent can't be written.
    """
    if root.exists() or root.is_symlink():
        raise ArchiveError(f"{root} exists already; choose a new name for the folder")
    temporary = temporary_beside(root)
    temporary.mkdir(mode=0o700)
    try:
        free = shutil.disk_usage(temporary).free
        limits = _Limits(free if max_bytes is None else max_bytes, max_entries, max_ratio, declared or 0)
        limits.check_declared()
        unpacked = _Unpacker(file, temporary, checkpoint, limits).run()
        temporary.chmod(0o755)
        if durable:
            sync_tree(temporary)
        temporary.rename(root)
        if durable:
            fsync_dir(root.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return unpacked


@dataclass
class _Limits:
    """What an archive may do; in bytes, entries, unpacked to packed bytes, and bytes that it was said to have."""

    bytes: int
    entries: int
    ratio: float
    declared: int

    def check_declared(self) -> None:
        if self.declared > self.bytes:
            raise ArchiveError(
                f"the archive unpacks to {self.declared:,} bytes, and there may be {self.bytes:,} (or the disk has no"
                " more free); make room, or take it as a path"
            )

    def swells(self, done: int, packed: int) -> bool:
        """Whether `done` bytes of tar are out of all proportion to the packed ones they came from."""
        return done > max(_RATIO_FREE, self.ratio * packed, self.declared * _TAR_SHARE)


class _Unpacker:
    """Makes the entries of one archive beneath a folder that nobody else can enter."""

    def __init__(self, file: BinaryIO, root: Path, checkpoint: Callable[[], None], limits: _Limits) -> None:
        self._file = file
        self._root = root
        self._checkpoint = checkpoint
        self._limits = limits
        self._bytes = 0

    def run(self) -> Unpacked:
        with reading(self._file) as (tar, reader), closing(Tree(self._root)) as tree:
            for count, member in enumerate(entries(tar), 1):
                self._checkpoint()
                if count > self._limits.entries:
                    raise ArchiveError(
                        f"the archive has more than {self._limits.entries:,} entries; take it as a path and unpack it"
                        " yourself if you trust it"
                    )
                self._member(tar, reader, tree, member)
            reader.finish(tar)
            for path in tree.links:
                self._checkpoint()
                with naming(path):
                    tree.make_link(path)
            return Unpacked(len(tree.files) + len(tree.links), self._bytes, f"blake3:{reader.digest.hexdigest()}")

    def _member(self, tar: tarfile.TarFile, reader: Reader, tree: Tree, member: tarfile.TarInfo) -> None:
        path = inside(member.name)
        with naming(path or "."):
            if member.isdir():
                tree.folder(path)
            elif not path:
                raise ArchiveError("the archive has an entry without a name; it is made to deceive")
            elif member.issym():
                if not stays_inside(path, member.linkname):
                    raise ArchiveError(
                        f"{shown(path)} is a link that leads out of the folder ({shown(member.linkname)})"
                    )
                tree.plan_link(path, member.linkname)
            elif member.islnk():
                target = inside(member.linkname)
                if target not in tree.files:
                    raise ArchiveError(f"{shown(path)} is a hard link to {shown(target)}, which is no file before it")
                tree.hard_link(path, target)
            elif member.isreg():
                self._content(tar, reader, tree, member, path)
            else:
                raise ArchiveError(f"{shown(path)} is a device, FIFO or of an unknown sort; it isn't unpacked")

    def _content(self, tar: tarfile.TarFile, reader: Reader, tree: Tree, member: tarfile.TarInfo, path: str) -> None:
        if self._bytes + member.size > self._limits.bytes:
            raise ArchiveError(
                f"the archive unpacks to more than {self._limits.bytes:,} bytes, which is all there may be (or all the"
                " disk has free); make room, or take it as a path"
            )
        source = tar.extractfile(member)
        left = member.size
        with open(tree.create(path, executable=bool(member.mode & 0o100)), "wb", buffering=0) as out:  # noqa: PTH123
            while left:
                data = source.read(min(CHUNK, left)) if source else b""
                if not data:
                    raise ArchiveError(f"the archive is cut off within {shown(path)}")
                out.write(data)
                left -= len(data)
                self._bytes += len(data)
                self._checkpoint()
                if self._limits.swells(reader.done, reader.packed):
                    raise ArchiveError(
                        f"the archive unpacks to more than {self._limits.ratio:,.0f} times its size; it may be made to"
                        " fill the disk, so take it as a path and unpack it yourself if you trust it"
                    )
