"""A folder into a deterministic .tar.gz."""

from __future__ import annotations

import os
import re
import stat
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from blake3 import blake3
from isal import igzip

from runloop_jupyter.archive.names import DEPTH, shown, stays_inside
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK: Final = 1 << 20
_LEVEL: Final = 2
"""Of isal's 0 to 3; higher costs much and gains little on data."""
_SECRET_NAME: Final = re.compile(
    r"\.env(\.(?!example$|sample$|template$|dist$).*)?|\.ssh|\.gnupg|\.netrc|\.pgpass|\.git-credentials"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(ppk|p12|pfx)",
    re.DOTALL,
)
_KEY_SUFFIXES: Final = (".pem", ".key", ".p8", ".pk8")
_KEY_MARK: Final = b"PRIVATE KEY-----"
_KEY_HEAD: Final = 16 << 10


@dataclass(frozen=True)
class Packed:
    """What `pack` did.

    Attributes:
        files: Files and links in the archive.
        bytes: Content of the files, before compression.
        tar_digest: ``blake3:…`` of the uncompressed tar stream: the same wherever the same content is packed, while
            the compressed bytes may differ by processor.
        left_out: Secrets that were not packed, by their paths in the folder.
    """

    files: int
    bytes: int
    tar_digest: str
    left_out: list[str]


def pack(directory: Path, file: BinaryIO, *, checkpoint: Callable[[], None]) -> Packed:
    """Write `directory` to `file` as a .tar.gz.

    Names are sorted, times and owners zero, modes 644 or 755; links that stay inside are kept as links. Memory is
    constant.

    Args:
        directory: A folder; may be a link to one.
        file: Where to. If it lies in the folder, it is passed over.
        checkpoint: Called for each entry and megabyte; raises to stop.

    Raises:
        ArchiveError: An entry that can't be packed, by its name: a socket, FIFO or device, a link that leads out, a
            file that can't be read or that changed meanwhile.
        OSError: `file` can't be written.
    """
    return _Packer(directory, file, checkpoint).run()


def is_secret(name: str) -> bool:
    """Whether a file or folder called `name` (without its path) is left out of archives for its name alone.

    Files ending in ``.pem``, ``.key``, ``.p8`` or ``.pk8`` are looked into: certificates and public keys stay.
    """
    return _SECRET_NAME.fullmatch(name) is not None


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
    """Walks one folder, in the order of names, holding a descriptor of each folder on the way."""

    def __init__(self, directory: Path, file: BinaryIO, checkpoint: Callable[[], None]) -> None:
        self._directory = directory
        self._file = file
        self._checkpoint = checkpoint
        self._left_out: list[str] = []
        self._files = 0
        self._bytes = 0
        self._itself = _identity(file)

    def run(self) -> Packed:
        try:
            root = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ArchiveError(f"{self._directory} can't be packed: {error.strerror}") from error
        with ExitStack() as stack:
            stack.callback(os.close, root)
            compressed = stack.enter_context(
                igzip.IGzipFile(  # type: ignore[no-untyped-call]
                    filename="", fileobj=self._file, mode="wb", compresslevel=_LEVEL, mtime=0
                )
            )
            stream = _Digesting(compressed)
            with tarfile.open(
                fileobj=cast("Any", stream),
                mode="w|",
                format=tarfile.PAX_FORMAT,
                encoding="utf-8",
                errors="surrogateescape",
                bufsize=_CHUNK,
            ) as tar:
                self._folder(tar, root, "")
        return Packed(self._files, self._bytes, f"blake3:{stream.digest.hexdigest()}", self._left_out)

    def _folder(self, tar: tarfile.TarFile, folder: int, prefix: str) -> None:
        if prefix.count("/") >= DEPTH:
            raise ArchiveError(f"{shown(prefix)} lies more than {DEPTH} folders deep; pack a part of it")
        for name in sorted(self._names(folder, prefix), key=os.fsencode):
            self._checkpoint()
            path = prefix + name
            try:
                self._entry(tar, folder, name, path)
            except OSError as error:
                if error.filename != name:
                    raise  # not of this entry: the archive itself can't be written
                raise ArchiveError(
                    f"{shown(path)} can't be packed: {error.strerror}; mend it or move it away"
                ) from error

    def _names(self, folder: int, prefix: str) -> list[str]:
        try:
            return os.listdir(folder)
        except OSError as error:
            raise ArchiveError(f"{shown(prefix) or self._directory} can't be packed: {error.strerror}") from error

    def _entry(self, tar: tarfile.TarFile, folder: int, name: str, path: str) -> None:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if is_secret(name):
            self._left_out.append(path)
        elif stat.S_ISDIR(found.st_mode):
            tar.addfile(_entry_info(path, tarfile.DIRTYPE, 0o755))
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            try:
                self._folder(tar, inner, f"{path}/")
            finally:
                os.close(inner)
        elif stat.S_ISLNK(found.st_mode):
            self._link(tar, path, os.readlink(name, dir_fd=folder))
        elif stat.S_ISREG(found.st_mode):
            if (found.st_dev, found.st_ino) != self._itself:
                self._regular(tar, folder, name, path)
        else:
            raise ArchiveError(f"{shown(path)} is a {_sort(found.st_mode)}, which can't be packed; move it away")

    def _link(self, tar: tarfile.TarFile, path: str, target: str) -> None:
        if not stays_inside(path, target):
            raise ArchiveError(
                f"{shown(path)} is a link that leads out of the folder ({shown(target)}); put what it points at, or"
                " remove the link"
            )
        info = _entry_info(path, tarfile.SYMTYPE, 0o777)
        info.linkname = target
        tar.addfile(info)
        self._files += 1

    def _regular(self, tar: tarfile.TarFile, folder: int, name: str, path: str) -> None:
        # O_NONBLOCK: what was a file when it was looked at may be a FIFO by now
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with open(fd, "rb", buffering=0) as source:  # noqa: PTH123 - a descriptor, not a path
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise ArchiveError(f"{shown(path)} was replaced while it was packed; put the folder again")
            if name.endswith(_KEY_SUFFIXES):
                if _KEY_MARK in source.read(_KEY_HEAD):
                    self._left_out.append(path)
                    return
                source.seek(0)
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


def _sort(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "FIFO"
    if stat.S_ISSOCK(mode):
        return "socket"
    return "device"
