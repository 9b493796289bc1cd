"""The bytes of objects: one file each, whole or not there."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import fsync_dir
from runloop_jupyter.local.ballast import Ballast, no_room
from runloop_jupyter.local.ids import PREFIX
from runloop_jupyter.local.refusal import Refusal, store_full
from runloop_jupyter.paths import private_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aiohttp import StreamReader

    from runloop_jupyter.local.layout import Layout

SMALL: Final = 256 << 10
"""Bytes that are received whole, and written by one call of one thread."""
_BATCH: Final = 1 << 20
_STALL_SECONDS: Final = 300.0
# Left free for the database, so that a full store can still be emptied.
_RESERVE: Final = 32 << 20


class Blobs:
    """Files named by object id, in directories by the id's last two characters.

    An upload is written beside and fsynced (`receive`), takes its name (`place`), and the name is made durable
    (`settle`); only then may the answer go out, or the database say that the object is READ_ONLY. The file means
    nothing while the object isn't.

    Attributes:
        ballast: Room set aside on the same disk.
    """

    def __init__(self, layout: Layout) -> None:
        self.ballast = Ballast(layout.ballast)
        self._root = private_dir(layout.blobs)
        self._incoming = private_dir(layout.incoming)
        self._strays = layout.strays
        fsync_dir(layout.root)
        fsync_dir(self._root)  # a crash may have come right after a directory was made here
        self._directories = {each.name for each in self._root.iterdir()}
        # Made since, and not known to be on the disk yet.
        self._new_directories: set[str] = set()
        # By id, which file it was whose name is known to be on the disk. Kept until complete asks.
        self._settled: dict[str, tuple[int, int]] = {}

    def path(self, object_id: str) -> Path:
        """Return where the bytes of `object_id` are, or would be."""
        return self._root / object_id[-2:] / object_id

    def clear_incoming(self) -> int:
        """Remove what cut-off uploads left, and return how many there were. Only while nothing is uploading."""
        left = [each for each in self._incoming.iterdir() if not each.is_dir()]
        for each in left:
            each.unlink()
        return len(left)

    def check_room(self, length: int = 0) -> None:
        """Raise Refusal 507 unless there is room for `length` bytes and for what the database needs."""
        if length > shutil.disk_usage(self._incoming).free - _RESERVE:
            raise store_full()

    async def receive(self, content: StreamReader, length: int) -> Path:
        """Write exactly `length` bytes of `content` to a temporary file, durably, and return it.

        One batch is written by a thread while the next one arrives: neither whole in memory nor holding up the loop.

        Raises:
            Refusal: 507 when there is no room, 400 when fewer bytes came, 408 when none came for five minutes.
        """
        temporary = self._incoming / f"{secrets.token_hex(16)}.part"
        if length <= SMALL:
            body = await _whole(content)
            _check_length(sum(map(len, body)), length)
            await asyncio.to_thread(self._write_whole, temporary, body, length)
            return temporary
        self.check_room(length)
        with _part(temporary) as fd:
            received = await _copy(content, fd)
            _check_length(received, length)
            await asyncio.to_thread(os.fsync, fd)
        return temporary

    def place(self, temporary: Path, object_id: str) -> None:
        """Make a received file the bytes of `object_id`, in the place of earlier ones. `settle` makes it durable."""
        final = self.path(object_id)
        self._settled.pop(object_id, None)
        directory = final.parent.name
        if directory not in self._directories or not final.parent.is_dir():
            self._new_directories.add(directory)
            private_dir(final.parent)
            self._directories.add(directory)
        temporary.replace(final)

    def settle(self, object_id: str) -> None:
        """Make the last `place` of `object_id` survive a power cut."""
        path = self.path(object_id)
        with suppress(FileNotFoundError):  # the object was deleted meanwhile
            which = _which(path.stat())
            self._make_durable(path.parent)
            self._settled[object_id] = which

    def settled_size(self, object_id: str) -> int | None:
        """Return the size of what was put for `object_id`, once that survives a power cut; None when nothing was.

        For complete, which may come before the answer to the PUT, or after a restart: it settles what isn't settled.
        """
        path = self.path(object_id)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        if self._settled.pop(object_id, None) != _which(stat):
            self._make_durable(path.parent)
        return stat.st_size

    def _make_durable(self, directory: Path) -> None:
        fsync_dir(directory)
        if directory.name in self._new_directories:
            fsync_dir(self._root)
            self._new_directories.discard(directory.name)

    def _write_whole(self, temporary: Path, body: list[bytes], length: int) -> None:
        """Write `temporary` durably. Raises Refusal 507."""
        self.check_room(length)
        with _part(temporary) as fd:
            _write(fd, body)
            os.fsync(fd)

    def size(self, object_id: str) -> int | None:
        """Return how many bytes were put for `object_id`; None when nothing was, which isn't the same as empty."""
        try:
            # Of a page of five thousand a path's own methods would take longer than all else.
            return os.stat(f"{self._root}{os.sep}{object_id[-2:]}{os.sep}{object_id}").st_size  # noqa: PTH116
        except FileNotFoundError:
            return None

    def stored(self, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[tuple[str, dict[str, int]]]:
        """Yield each directory's name and, by id, the sizes of the files in it, of those whose name is `wanted`."""
        for name in sorted(filter(wanted, self._directories)):
            directory = self._root / name
            if directory.is_dir():
                with os.scandir(directory) as entries:
                    yield (
                        name,
                        {
                            each.name: each.stat(follow_symlinks=False).st_size
                            for each in entries
                            if each.name.startswith(PREFIX) and each.is_file(follow_symlinks=False)
                        },
                    )

    def set_aside(self, directory: str, object_id: str) -> None:
        """Move a file that no object is known for out of the way. It is somebody's bytes: never removed."""
        (self._root / directory / object_id).replace(private_dir(self._strays) / object_id)

    def remove(self, object_id: str) -> None:
        """Remove the bytes of `object_id`, where there are any. Who is reading them reads on to the end."""
        self._settled.pop(object_id, None)
        with suppress(FileNotFoundError):
            self.path(object_id).unlink()


def _which(stat: os.stat_result) -> tuple[int, int]:
    """Return what tells one upload's file from the next one's under the same name."""
    return stat.st_ino, stat.st_mtime_ns


def _check_length(received: int, length: int) -> None:
    """Raise Refusal 400 where an upload was cut off."""
    if received != length:
        raise Refusal(400, f"the upload ended after {received} of {length} bytes; send it again")


async def _whole(content: StreamReader) -> list[bytes]:
    """Return all of a small body. Raises Refusal 408."""
    try:
        async with asyncio.timeout(_STALL_SECONDS):
            return [chunk async for chunk in content.iter_any()]
    except TimeoutError:
        raise Refusal(408, "the upload stalled; send it again") from None


@contextmanager
def _part(temporary: Path) -> Iterator[int]:
    """Give a descriptor of a new file, which goes where the block doesn't end well. Raises Refusal 507."""
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield fd
        finally:
            os.close(fd)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if no_room(error):
            raise store_full() from None
        raise


async def _copy(content: StreamReader, fd: int) -> int:
    """Write everything in `content` to `fd` and return the number of bytes."""
    total = 0
    writing: asyncio.Future[None] | None = None
    loop = asyncio.get_running_loop()
    try:
        while True:
            batch: list[bytes] = []
            size = 0
            while size < _BATCH:
                try:
                    async with asyncio.timeout(_STALL_SECONDS):
                        chunk = await content.readany()
                except TimeoutError:
                    raise Refusal(408, "the upload stalled; send it again") from None
                if not chunk:
                    break
                batch.append(chunk)
                size += len(chunk)
            if writing is not None:
                await writing
                writing = None
            if not batch:
                return total
            total += size
            writing = loop.run_in_executor(None, _write, fd, batch)
    finally:
        if writing is not None:  # the descriptor is closed next; not under a thread that writes to it
            await asyncio.wait([writing])


def _write(fd: int, batch: list[bytes]) -> None:
    for chunk in batch:
        view = memoryview(chunk)
        while view:
            view = view[os.write(fd, view) :]
