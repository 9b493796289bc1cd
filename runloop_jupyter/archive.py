"""Folders as one .tar.gz, the same bytes for the same content, and back beneath a root of their own.

Packing leaves out what opens other doors (`is_secret`): ``.env`` and ``.env.*`` (but for ``.env.example`` and its like), private
keys, ``.ssh``, ``.gnupg``, ``.netrc``, ``.pgpass``, ``.git-credentials``. What was left out is named. Everything else goes
in, ``.git`` too: a folder comes back as it was put.

Unpacking trusts nothing that the archive says. Names are walked component by component and no link is ever followed;
links are made last; the folder appears whole or not at all.
"""

from __future__ import annotations

import os
import posixpath
import re
import secrets
import shutil
import stat
import tarfile
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from blake3 import blake3
from isal import igzip

from runloop_jupyter.atomic import fsync_dir
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHUNK: Final = 1 << 20
_LEVEL: Final = 2
"""Of isal's 0 to 3; higher costs much and gains little on data."""
_DEPTH: Final = 200
"""Folders within folders."""
_NAME_BYTES: Final = 4096
_HEADER_LIMIT: Final = 1 << 20
"""Bytes of one extended header (a long name, a few attributes); tarfile holds it in memory."""
_TAIL_LIMIT: Final = 1 << 20
"""Bytes of padding after the end of a tar stream."""
_RATIO_FREE: Final = 1 << 30
"""Bytes that may be unpacked before the ratio to the packed size counts: a folder of zeros packs very well."""
_SECRET_NAME: Final = re.compile(
    r"\.env(\.(?!example$|sample$|template$|dist$).*)?|\.ssh|\.gnupg|\.netrc|\.pgpass|\.git-credentials"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(ppk|p12|pfx)"
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


def pack(directory: Path, file: BinaryIO, *, checkpoint: Callable[[], None], include_secrets: bool = False) -> Packed:
    """Write `directory` to `file` as a .tar.gz.

    Names are sorted, times and owners zero, modes 644 or 755; links that stay inside are kept as links. Memory is constant.

    Args:
        directory: A folder; may be a link to one.
        file: Where to. If it lies in the folder, it is passed over.
        checkpoint: Called for each entry and megabyte; raises to stop.
        include_secrets: Pack secrets as well.

    Raises:
        ArchiveError: An entry that can't be packed, by its name: a socket, FIFO or device, a link that leads out, a file that
            can't be read or that changed meanwhile.
        OSError: `file` can't be written.
    """
    return _Packer(directory, file, checkpoint, include_secrets).run()


def is_secret(name: str) -> bool:
    """Whether a file or folder called `name` (without its path) is left out of archives for its name alone.

    Files ending in ``.pem``, ``.key``, ``.p8`` or ``.pk8`` are looked into: certificates and public keys stay.
    """
    return _SECRET_NAME.fullmatch(name) is not None


def unpack(
    file: BinaryIO,
    root: Path,
    *,
    checkpoint: Callable[[], None],
    max_bytes: int | None = None,
    max_entries: int = 1_000_000,
    max_ratio: float = 250.0,
) -> Unpacked:
    """Unpack a .tar.gz into a new folder `root`, which appears whole or not at all.

    Args:
        file: Seekable; read from its start.
        root: Must not exist; its parent must.
        checkpoint: Called for each entry and megabyte; raises to stop.
        max_bytes: Content to unpack at most; None for what the disk has free.
        max_entries: Files, links and folders at most.
        max_ratio: Unpacked to packed bytes at most, once a gibibyte is unpacked.

    Raises:
        ArchiveError: It is damaged, holds what must not be unpacked, or passes a limit; nothing remains.
        OSError: The disk is full, or `root`'s parent can't be written.
    """
    if root.exists() or root.is_symlink():
        raise ArchiveError(f"{root} exists already; choose a new name for the folder")
    temporary = root.with_name(f".{root.name[:100]}.{secrets.token_hex(6)}.part")
    temporary.mkdir(mode=0o700)
    try:
        free = shutil.disk_usage(temporary).free
        limits = _Limits(free if max_bytes is None else max_bytes, max_entries, max_ratio)
        unpacked = _Unpacker(file, temporary, checkpoint, limits).run()
        os.sync()  # once for all files; one fsync a file would take minutes where there are many
        temporary.chmod(0o755)
        temporary.rename(root)
        fsync_dir(root.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return unpacked


def members(file: BinaryIO, limit: int) -> list[tuple[str, int]]:
    """Return names and sizes in bytes of the first `limit` files and links of a .tar.gz, read from its start.

    Raises:
        ArchiveError: It is no .tar.gz, or damaged.
    """
    found: list[tuple[str, int]] = []
    with _reading(file) as (tar, _):
        while len(found) < limit and (member := tar.next()) is not None:
            cast("list[tarfile.TarInfo]", tar.members).clear()
            if not member.isdir():
                found.append((member.name, member.size if member.isreg() else 0))
    return found


def shown(name: str) -> str:
    """Return `name` for a message: bytes that are not UTF-8 written out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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

    def __init__(self, directory: Path, file: BinaryIO, checkpoint: Callable[[], None], include_secrets: bool) -> None:
        self._directory = directory
        self._file = file
        self._checkpoint = checkpoint
        self._include_secrets = include_secrets
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
                igzip.IGzipFile(filename="", fileobj=self._file, mode="wb", compresslevel=_LEVEL, mtime=0)
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
        if prefix.count("/") >= _DEPTH:
            raise ArchiveError(f"{shown(prefix)} lies more than {_DEPTH} folders deep; pack a part of it")
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
        if not self._include_secrets and is_secret(name):
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
        if not _stays_inside(path, target):
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
            if not self._include_secrets and name.endswith(_KEY_SUFFIXES):
                if _KEY_MARK in source.read(_KEY_HEAD):
                    self._left_out.append(path)
                    return
                source.seek(0)
            info = _entry_info(path, tarfile.REGTYPE, 0o755 if before.st_mode & stat.S_IXUSR else 0o644)
            info.size = before.st_size
            content = _Exactly(source, path, before.st_size, self._checkpoint)
            tar.addfile(info, cast("Any", content))
            after = os.fstat(fd)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise ArchiveError(f"{shown(path)} changed while it was packed; put the folder again when it is still")
        self._files += 1
        self._bytes += info.size


class _Exactly:
    """A file of a promised size, read by tarfile in pieces."""

    def __init__(self, source: Any, path: str, size: int, checkpoint: Callable[[], None]) -> None:
        self._source = source
        self._path = path
        self._left = size
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


def _stays_inside(path: str, target: str) -> bool:
    """Whether a link at `path` can't lead out of the root, whatever other links there are.

    ``..`` may stand at the front only, and no more often than `path` has folders: those steps go up through real
    folders, and every step after them goes down. A link met on the way down obeys the same rule.
    """
    if target.startswith("/") or not target or "\0" in target:
        return False
    steps = [step for step in target.split("/") if step not in ("", ".")]
    up = 0
    while up < len(steps) and steps[up] == "..":
        up += 1
    return ".." not in steps[up:] and up <= path.strip("/").count("/")


@dataclass
class _Limits:
    """What an archive may still do."""

    bytes: int
    entries: int
    ratio: float


class _Reader:
    """The uncompressed stream, which counts and digests."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._packed = file
        self._stream = igzip.IGzipFile(fileobj=file, mode="rb")
        self.digest = blake3()
        self.done = 0

    def read(self, size: int) -> bytes:
        try:
            data = cast("bytes", self._stream.read(size))
        except (OSError, EOFError, igzip.IGzipDecompressor and ValueError) as error:
            raise ArchiveError(f"the archive is no .tar.gz, or damaged ({error})") from error
        self.digest.update(data)
        self.done += len(data)
        return data

    @property
    def packed(self) -> int:
        """Bytes of the compressed file that were read so far."""
        return self._packed.tell()

    def finish(self) -> None:
        """Read to the end, so that the checksum is looked at; only padding may be left."""
        left = 0
        while data := self.read(1 << 16):
            left += len(data)
            if left > _TAIL_LIMIT or data.strip(b"\0"):
                raise ArchiveError("the archive goes on after its end; it is damaged, or made to deceive")


class _Entry(tarfile.TarInfo):
    """A header that is refused where tarfile would be lenient: silently short, or in memory without a bound."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str | None, errors: str) -> _Entry:
        try:
            return cast("_Entry", super().frombuf(buf, encoding, errors))  # type: ignore[arg-type]
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise ArchiveError(f"the archive is damaged or cut off ({error})") from error

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        if self.size < 0:
            raise ArchiveError("the archive has an entry of negative size; it is made to deceive")
        if self.type in _EXTENDED and self.size > _HEADER_LIMIT:
            raise ArchiveError(f"the archive has a header of {self.size:,} bytes; it is made to deceive")
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


_EXTENDED: Final = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


@contextmanager
def _reading(file: BinaryIO) -> Iterator[tuple[tarfile.TarFile, _Reader]]:
    reader = _Reader(file)
    try:
        with tarfile.open(
            fileobj=cast("Any", reader),
            mode="r|",
            tarinfo=_Entry,
            encoding="utf-8",
            errors="surrogateescape",
            bufsize=_CHUNK,
        ) as tar:
            yield tar, reader
    except (tarfile.TarError, EOFError, ValueError, RecursionError, OverflowError, UnicodeError) as error:
        raise ArchiveError(f"the archive is no .tar.gz, or damaged ({error})") from error


class _Unpacker:
    """Makes the entries of one archive beneath a folder that nobody else can enter."""

    def __init__(self, file: BinaryIO, root: Path, checkpoint: Callable[[], None], limits: _Limits) -> None:
        self._file = file
        self._root = root
        self._checkpoint = checkpoint
        self._limits = limits
        self._links: dict[str, str] = {}
        self._regular: set[str] = set()
        self._bytes = 0
        self._hard = 0

    def run(self) -> Unpacked:
        with _reading(self._file) as (tar, reader), closing(_Tree(self._root)) as tree:
            entries = 0
            while (member := tar.next()) is not None:
                cast("list[tarfile.TarInfo]", tar.members).clear()  # or every header stays in memory
                self._checkpoint()
                entries += 1
                if entries > self._limits.entries:
                    raise ArchiveError(
                        f"the archive has more than {self._limits.entries:,} entries; allow more, or less of it"
                    )
                self._member(tar, reader, tree, member)
            while data := tar.fileobj.read(_CHUNK) if tar.fileobj else b"":  # what tarfile had read ahead
                if data.strip(b"\0"):
                    raise ArchiveError("the archive goes on after its end; it is damaged, or made to deceive")
            reader.finish()
            for path, target in self._links.items():
                self._checkpoint()
                with _naming(path):
                    tree.link(path, target)
            digest = f"blake3:{reader.digest.hexdigest()}"
        return Unpacked(len(self._regular) + len(self._links), self._bytes, digest)

    def _member(self, tar: tarfile.TarFile, reader: _Reader, tree: _Tree, member: tarfile.TarInfo) -> None:
        path = _inside(member.name)
        if path in self._links:
            raise ArchiveError(f"the archive has {shown(path)} twice; it is made to deceive")
        with _naming(path or "."):
            if member.isdir():
                tree.folder(path)
            elif not path:
                raise ArchiveError("the archive has an entry without a name; it is made to deceive")
            elif member.issym():
                if not _stays_inside(path, member.linkname):
                    raise ArchiveError(
                        f"{shown(path)} is a link that leads out of the folder ({shown(member.linkname)})"
                    )
                tree.claim(path)
                self._links[path] = member.linkname
            elif member.islnk():
                target = _inside(member.linkname)
                if target not in self._regular:
                    raise ArchiveError(f"{shown(path)} is a hard link to {shown(target)}, which is no file before it")
                tree.hard_link(path, target)
                self._regular.add(path)
            elif member.isreg():
                self._content(tar, reader, tree, member, path)
                self._regular.add(path)
            else:
                raise ArchiveError(f"{shown(path)} is a device, FIFO or of an unknown sort; it isn't unpacked")

    def _content(self, tar: tarfile.TarFile, reader: _Reader, tree: _Tree, member: tarfile.TarInfo, path: str) -> None:
        if self._bytes + member.size > self._limits.bytes:
            raise ArchiveError(
                f"the archive unpacks to more than {self._limits.bytes:,} bytes, which is all there may be (or all the"
                " disk has free); make room, or take it as a path"
            )
        source = tar.extractfile(member)
        left = member.size
        with open(tree.create(path, executable=bool(member.mode & 0o100)), "wb", buffering=0) as out:  # noqa: PTH123
            while left:
                data = source.read(min(_CHUNK, left)) if source else b""
                if not data:
                    raise ArchiveError(f"the archive is cut off within {shown(path)}")
                out.write(data)
                left -= len(data)
                self._bytes += len(data)
                self._checkpoint()
                if reader.done > max(_RATIO_FREE, self._limits.ratio * reader.packed):
                    raise ArchiveError(
                        f"the archive unpacks to more than {self._limits.ratio:,.0f} times its size; it may be made to"
                        " fill the disk, so take it as a path and unpack it yourself if you trust it"
                    )


class _Tree:
    """A folder into which things are made by descriptor, one component at a time, following no link."""

    def __init__(self, root: Path) -> None:
        self._flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._root = os.open(root, self._flags)
        self._at = ""
        self._fd = os.dup(self._root)
        self._claimed: set[str] = set()

    def close(self) -> None:
        os.close(self._fd)
        os.close(self._root)

    def folder(self, path: str) -> None:
        """Make the folder `path` and those above it, where they are missing."""
        self._enter(path)

    def create(self, path: str, *, executable: bool) -> int:
        """Return a descriptor of the new file `path`."""
        self.claim(path)
        name = self._enter_parent(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=self._fd)
        os.fchmod(fd, 0o755 if executable else 0o644)
        return fd

    def hard_link(self, path: str, target: str) -> None:
        """Give the file `target`, made before, a second name."""
        self.claim(path)
        name = self._enter_parent(target)
        source = os.dup(self._fd)
        try:
            os.link(name, self._enter_parent(path), src_dir_fd=source, dst_dir_fd=self._fd, follow_symlinks=False)
        finally:
            os.close(source)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link; to be called when everything else is there."""
        os.symlink(target, self._enter_parent(path), dir_fd=self._fd)

    def claim(self, path: str) -> None:
        """Keep `path` for one entry: a link is made later than its place in the archive."""
        if path in self._claimed:
            raise FileExistsError(17, "File exists", path)
        self._claimed.add(path)

    def _enter_parent(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        self._enter(folder)
        return name

    def _enter(self, folder: str) -> None:
        if folder == self._at:
            return
        fd = os.dup(self._root)
        walked = ""
        try:
            for name in folder.split("/") if folder else []:
                walked = f"{walked}/{name}".lstrip("/")
                if walked in self._claimed:
                    raise NotADirectoryError(20, "Not a directory", walked)
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=fd)
                inner = os.open(name, self._flags, dir_fd=fd)
                os.close(fd)
                fd = inner
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd, self._at = fd, folder


def _inside(name: str) -> str:
    """Return an archive's name as a plain relative path; "" for the root itself.

    Raises:
        ArchiveError: It is absolute, goes up, or is longer or deeper than a folder can be.
    """
    steps = [step for step in name.split("/") if step not in ("", ".")]
    if name.startswith("/") or ".." in steps or "\0" in name:
        raise ArchiveError(f"the archive has an entry outside its folder ({shown(name)!r:.200}); it isn't unpacked")
    path = posixpath.join(*steps) if steps else ""
    if len(steps) > _DEPTH or len(path) > _NAME_BYTES:
        raise ArchiveError(f"the archive has a name too deep or too long ({shown(path)[:80]}…); it isn't unpacked")
    return path


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Turn the system's refusal of a name into one that says which; a full disk stays what it is."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ArchiveError(
            f"the archive has {shown(path)} twice, or as a file and a folder (or names that are one to this disk)"
        ) from error
    except OSError as error:
        if error.errno in (36, 63, 92, 22):  # name too long (Linux, macOS), bytes that are no name here (macOS)
            raise ArchiveError(f"the archive has a name this disk can't hold ({shown(path)[:200]}): {error}") from error
        raise
