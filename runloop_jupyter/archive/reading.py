"""A .tar.gz or a .tar from elsewhere as a stream of entries, with bounds where tarfile has none."""

from __future__ import annotations

import gzip
import tarfile
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

from blake3 import blake3
from isal import isal_zlib

from runloop_jupyter.archive import gzipped
from runloop_jupyter.archive.headers import BLOCK, Extended, Passing, Peeking, is_header
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_TAIL_LIMIT: Final = 1 << 20
"""Bytes of padding after the end of a tar stream."""
_SWELL: Final = 64
"""Bytes to unpack at most for each byte of a budget."""


@dataclass(frozen=True)
class Members:
    """What is in an archive, as far as it was looked into.

    Attributes:
        entries: Names and sizes in bytes of its files and links, in the archive's order.
        whole: Whether these are all.
    """

    entries: list[tuple[str, int]]
    whole: bool


def members(file: BinaryIO, limit: int, *, budget: int = 4 << 20) -> Members:
    """Return what comes first in a .tar.gz or a .tar, read from its start.

    Args:
        file: Seekable.
        limit: Files and links to name at most.
        budget: Bytes of `file` to read, give or take a megabyte. A file in an archive can only be passed by reading
            it: what lies behind a large one stays unseen.

    Raises:
        ArchiveError: It is neither, or damaged.
    """
    found: list[tuple[str, int]] = []
    with suppress(_Spent), reading(file, budget) as (tar, _):
        for member in entries(tar):
            if member.isdir():
                continue
            if len(found) == limit:
                return Members(found, whole=False)
            found.append((member.name, member.size if member.isreg() else 0))
        return Members(found, whole=True)
    return Members(found, whole=False)


def is_tar(file: BinaryIO) -> bool:
    """Whether the first bytes are those of a .tar.gz or a .tar; a gzip of anything else is none.

    Args:
        file: Seekable; left at its start.
    """
    try:
        first = _stream(file, ahead=False).read(BLOCK)
    except (gzip.BadGzipFile, EOFError, isal_zlib.error):  # type: ignore[misc]
        return False
    finally:
        file.seek(0)
    return is_header(first) or first == bytes(BLOCK)  # one of nothing ends where it begins


def entries(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the entries of `tar` one by one; tarfile would keep every header in memory."""
    while (member := tar.next()) is not None:
        cast("Any", tar).members.clear()
        yield member


class Reader:
    """The uncompressed stream, which counts and digests."""

    def __init__(self, file: BinaryIO, budget: int | None) -> None:
        self._budget = budget
        self._packed = file
        # With a budget nothing is read that isn't asked for.
        self._stream = _stream(file, ahead=budget is None)
        self.digest = blake3()
        self.done = 0

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end. Raises ArchiveError where they are damaged."""
        if self._budget is not None and (self.packed >= self._budget or self.done >= self._budget * _SWELL):
            raise _Spent
        try:
            data = self._stream.read(size)
        except (gzip.BadGzipFile, EOFError, isal_zlib.error) as error:  # type: ignore[misc]
            raise ArchiveError(f"the archive is no .tar.gz or .tar, or damaged ({error})") from error
        self.digest.update(data)
        self.done += len(data)
        return data

    @property
    def packed(self) -> int:
        """Bytes of the archive's file that were read so far, those that are being unpacked ahead among them."""
        return self._packed.tell()

    def close(self) -> None:
        """Stop unpacking."""
        self._stream.close()

    def finish(self, tar: tarfile.TarFile) -> None:
        """Read to the end, so that the checksum is looked at; only padding may be left."""
        left = 0
        while data := cast("Any", tar).fileobj.read(1 << 16):  # through tarfile, which has read ahead
            left += len(data)
            if left > _TAIL_LIMIT or data.strip(b"\0"):
                raise ArchiveError("the archive goes on after its end; it is damaged, or made to deceive")


class _Plain:
    """What isn't packed, as a stream that may be closed and leaves its file open."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def close(self) -> None:
        """Do nothing: the file is its owner's."""


def _stream(file: BinaryIO, *, ahead: bool) -> BinaryIO | _Plain:
    """Return what is in a file, unpacked from its start; of a plain tar, its own bytes."""
    file.seek(0)
    first = file.read(BLOCK)
    file.seek(0)
    # A tar that is zeros from the start is no tar that anybody made: what isn't packed has to say what it is.
    return gzipped.reader(file, ahead=ahead) if first[:2] == _GZIP or not is_header(first) else _Plain(file)


class _Spent(Exception):
    """The budget of a look into an archive is spent."""


class _Entry(tarfile.TarInfo):
    """A header that is refused where tarfile would be lenient: silently short, or in memory without a bound."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Entry:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise ArchiveError(f"the archive is damaged or cut off ({error})") from error

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        if self.size < 0:
            raise ArchiveError("the archive has an entry of negative size; it is made to deceive")
        cast("_Tar", tar).extended.admit(self.type, self.size, cast("Any", tar).fileobj)
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._refuse_sparse()
        return super()._proc_member(tar)  # type: ignore[misc]

    def _block(self, count: int) -> int:
        if count < 0:
            raise ArchiveError("the archive has an entry of negative size; it is made to deceive")
        return cast("int", super()._block(count))  # type: ignore[misc]

    def _refuse_sparse(self, *_: object) -> None:
        raise ArchiveError("the archive has sparse files, which are not unpacked here; pack it again without --sparse")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


class _Tar(tarfile.TarFile):
    """A tar that is read from one end to the other, its extended headers looked at before they are."""

    def __init__(self, name: str | None, mode: Literal["r"], fileobj: Any, **how: Any) -> None:
        self.extended = Extended()
        peeking = fileobj if isinstance(fileobj, Peeking) else Peeking(fileobj)
        super().__init__(name, mode, peeking, **how)  # type: ignore[arg-type]


@contextmanager
def reading(file: BinaryIO, budget: int | None = None) -> Iterator[tuple[tarfile.TarFile, Reader]]:
    """Open a .tar.gz or a .tar; what goes wrong with its bytes within the block becomes an `ArchiveError`."""
    reader = Reader(file, budget)
    with _opened(reader, "r|", ".tar.gz or .tar") as tar:
        yield tar, reader


@contextmanager
def passing(file: BinaryIO) -> Iterator[tarfile.TarFile]:
    """Open a .tar that isn't packed, as `reading` does one that is; what lies between its headers is passed by.

    Args:
        file: Seekable; read from its start, and closed.
    """
    file.seek(0)
    with _opened(Passing(file), "r:", ".tar") as tar:
        yield tar


@contextmanager
def _opened(stream: Any, mode: Literal["r:", "r|"], sort: str) -> Iterator[tarfile.TarFile]:
    try:
        with (
            closing(stream),
            _Tar.open(
                fileobj=stream, mode=mode, tarinfo=_Entry, encoding="utf-8", errors="surrogateescape", bufsize=CHUNK
            ) as tar,
        ):
            yield tar
    except (tarfile.TarError, EOFError, ValueError, RecursionError, OverflowError, UnicodeError) as error:
        raise ArchiveError(f"the archive is no {sort}, or damaged ({error})") from error
