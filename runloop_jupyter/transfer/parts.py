"""Objects of any size: what is too large for one piece is sent, fetched and deleted as a set (see `manifest`).

`upload` and `download` are called as those of one object are, and are those where one object is enough.

A part is copied into a spool before it is sent, at most a gibibyte, and hashed on the way: what is sent is what the
manifest says, and together with the whole's digest that shows that the file didn't change meanwhile.

A set that expires does so head first: parts live a day longer, and the head no longer than the first of them.
"""

from __future__ import annotations

import bisect
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import fields
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest, manifest
from runloop_jupyter.transfer.download import download as download_one
from runloop_jupyter.transfer.journal import Intent
from runloop_jupyter.transfer.manifest import Manifest, Part
from runloop_jupyter.transfer.portion import Portion
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.upload import LARGEST as _ONE_PIECE
from runloop_jupyter.transfer.upload import upload as upload_one
from runloop_jupyter.wire.objects import ContentType, ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.digest import Hasher
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

LARGEST: int = _ONE_PIECE
"""Bytes that go up as one object; what has more becomes a set. Tests lower it."""
PART_BYTES: int = 1 << 30
"""Bytes of a part: what a broken connection costs, and the room that sending takes on disk. Tests lower it."""
OUTLIVES_MS: Final = 86_400_000
"""How much longer a part lives than was asked for: more than the sending takes."""
_CHUNK: Final = 4 << 20
_OPAQUE: Final = str(ContentType.BINARY)
_MARGIN_MS: Final = 60_000


def upload(
    objects: Objects,
    source: Path,
    hashed: os.stat_result,
    parameters: ObjectCreateParameters,
    transfer: Transfer,
    intent: Intent,
) -> ObjectView:
    """Store the bytes of a file as a new object, of whatever size; arguments and errors as for one.

    Returns:
        The object, READ_ONLY; of a set its head.
    """
    if hashed.st_size <= LARGEST:
        return upload_one(objects, source, hashed, parameters, transfer, intent)
    return _Sending(objects, source, hashed, parameters, transfer, intent).run()


def download(objects: Objects, view: ObjectView, file: BinaryIO, transfer: Transfer, expected: str | None) -> None:
    """Write the bytes of an object, or of the set that it stands for, to an empty file; arguments as for one.

    Each part is held against its own digest, the whole against that of the whole.

    Raises:
        DigestMismatch: What came isn't what went up.
        TransferError: The bytes can't be had, or a part is gone.
    """
    if not manifest.is_head(view):
        download_one(objects, view, file, transfer, expected)
        return
    found = read(objects, view, transfer)
    if found.size != manifest.size_of(view) or expected not in {None, found.digest}:
        raise errors.DigestMismatch(
            f"“{view.name}” is not what was put: the list of its parts speaks of something else; nothing was kept"
        )
    transfer.begin(Phase.RECEIVING, found.size)
    algorithm = found.digest.partition(":")[0]
    hasher = digest.hasher(algorithm)
    start = 0
    for part in found.parts:
        transfer.checkpoint()
        of_part = _member(objects, found, part, view.name)
        with _scratch() as spool:
            with room(cache_dir(), part.size, view.name):
                download_one(objects, of_part, spool, Portion(transfer, start), part.digest)
            spool.seek(0)
            for chunk in _chunks(spool, part.size, transfer.checkpoint):
                hasher.update(chunk)
                file.write(chunk)
        start += part.size
    if f"{algorithm}:{hasher.hexdigest()}" != found.digest:
        raise errors.DigestMismatch(
            f"the parts of “{view.name}” don't make up what was put (its digest differs); nothing was kept"
        )


def read(objects: Objects, head: ObjectView, transfer: Transfer) -> Manifest:
    """Return what is in a set.

    Args:
        objects: The store.
        head: Its head.
        transfer: Its `cancel` stops this.

    Raises:
        TransferError: It can't be had or read.
        StoreError: The store refused.
    """
    view = objects.get(head.id)  # as it is itself: `head` may say the size of the whole
    if (view.size_bytes or 0) > manifest.LARGEST:
        raise errors.TransferError(f"the list of the parts of “{head.name}” is too long to be one")
    expected = manifest.facts_of(head.metadata).get("manifest")
    with _scratch() as file:
        download_one(objects, view, file, Portion(transfer, 0), expected if isinstance(expected, str) else None)
        file.seek(0)
        found = Manifest.from_bytes(file.read(), head.name)
    if found.set != manifest.set_of(head.metadata):
        raise errors.TransferError(f"the list of the parts of “{head.name}” is of another set")
    return found


def is_whole(objects: Objects, view: ObjectView, transfer: Transfer) -> bool:
    """Whether an object can be fetched: of a set, whether each of its parts is there still.

    Raises:
        TransferCancelled: Cancelled.
        StoreError: The store refused.
    """
    if not manifest.is_head(view):
        return True
    try:
        found = read(objects, view, transfer)
        for part in found.parts:
            transfer.checkpoint()
            _member(objects, found, part, view.name)
    except errors.TransferCancelled:
        raise
    except errors.TransferError:
        return False
    return True


def delete(objects: Objects, head: ObjectView, transfer: Transfer, intent: Intent) -> None:
    """Delete a set, its head first.

    What manifest names but doesn't say itself that it belongs to the set stays: anybody may have written that.

    Args:
        objects: The store.
        head: Its head.
        transfer: Its `cancel` stops this before anything is deleted, and not after.
        intent: New, on disk. The next load goes on from it, where this is killed.

    Raises:
        StoreError: The head couldn't be deleted.
        Unreachable: As that; or it is, and the next load sees to the rest.
    """
    set_id, parts = manifest.set_of(head.metadata), []
    try:
        found = read(objects, head, transfer)
        for part in found.parts:
            transfer.checkpoint()
            with suppress(errors.TransferError):  # gone already, or no part of it
                parts.append(_member(objects, found, part, head.name).id)
    except errors.TransferCancelled:
        intent.close()
        raise
    except errors.TransferError:
        pass  # a list that can't be read must not keep its head from being deleted
    except BaseException:
        intent.close()
        raise
    intent.objects = [head.id, *parts]
    intent.with_metadata(manifest.of_part(set_id or "", 0, ""))
    try:
        objects.delete(head.id)
    except errors.StoreError:
        intent.close()
        raise
    if _discard(objects, parts):
        intent.close()


def clear(objects: Objects, intent: Intent) -> bool:
    """Delete what a put or the deleting of a set left, when whoever did it is gone; return whether the set is whole.

    A set whose head is there stays; of one whose head is not, nothing does.

    Raises:
        StoreError, Unreachable: The store refused, or is gone.
    """
    with suppress(OSError):
        _spool_of(intent).unlink()
    views = []
    for object_id in intent.objects:
        with suppress(errors.NotFound):
            views.append(objects.get(object_id))
    if any(view.state == ObjectState.READ_ONLY and not manifest.is_member(view) for view in views):
        return True
    set_id, known = manifest.set_of(intent.metadata), {view.id for view in views}
    # Killed between the store's making one and our hearing of it: found by the set that it names.
    lost = Filter(state=ObjectState.UPLOADING, metadata={"rl.kind": manifest.PART})
    for where in (lost, Filter(name=intent.name, state=ObjectState.UPLOADING)):
        for page in objects.pages(where):
            new = [view for view in page.objects if view.id not in known and manifest.set_of(view.metadata) == set_id]
            known.update(view.id for view in new)
            views += new
    for view in views:
        if view.state in {ObjectState.UPLOADING, ObjectState.READ_ONLY}:
            with suppress(errors.NotFound):
                objects.delete(view.id)
    return False


class Shared(Intent):
    """The intent of a set as the upload of one of its members sees it: that one is done isn't the end.

    Args:
        of_set: The intent of the set.
    """

    def __init__(self, of_set: Intent) -> None:
        super().__init__(**{each.name: getattr(of_set, each.name) for each in fields(Intent) if each.init})
        self._of_set = of_set

    def created(self, object_id: str) -> None:
        """Write down an object that was just made."""
        self._of_set.created(object_id)

    def deleted(self, object_id: str) -> None:
        """Write down that an object is gone again."""
        self._of_set.deleted(object_id)

    def close(self) -> None:
        """Do nothing: the set is closed when all of it is."""


class _Sending:
    """The upload of one file as a set."""

    def __init__(
        self,
        objects: Objects,
        source: Path,
        hashed: os.stat_result,
        parameters: ObjectCreateParameters,
        transfer: Transfer,
        intent: Intent,
    ) -> None:
        self._objects = objects
        self._source = source
        self._hashed = hashed
        self._wanted = parameters
        self._transfer = transfer
        self._intent = intent
        self._spool = _spool_of(intent)
        self._set = os.urandom(8).hex()
        self._made: list[Part] = []
        self._first_ends_ms: int | None = None
        self._now_ms: Callable[[], float] = lambda: time.time() * 1000

    def run(self) -> ObjectView:
        metadata, size = self._wanted.metadata or {}, self._hashed.st_size
        said = manifest.facts_of(metadata).get("digest")
        self._whole = said if isinstance(said, str) and ":" in said else f"{digest.DEFAULT}:"
        try:
            # Before anything is made: it is by the set that the next load finds what a killed kernel made.
            self._intent.with_metadata(manifest.of_head(metadata, self._manifest(), ""))
            self._transfer.begin(Phase.SENDING, size)
            self._send_parts()
            head = self._send_head(metadata)
        except BaseException:
            self._give_up()
            raise
        finally:
            self._spool.unlink(missing_ok=True)
        self._intent.close()
        return manifest.whole(head)

    def _send_parts(self) -> None:
        size = self._hashed.st_size
        hasher = digest.hasher(self._whole.partition(":")[0])
        with self._source.open("rb") as file:
            for start in range(0, size, PART_BYTES):
                length = min(PART_BYTES, size - start)
                self._made.append(self._send_part(file, start, length, hasher))
        after = self._source.stat()
        found = f"{self._whole.partition(':')[0]}:{hasher.hexdigest()}"
        same = (after.st_size, after.st_mtime_ns) == (size, self._hashed.st_mtime_ns)
        if not same or not found.startswith(self._whole):
            raise self._changed()
        self._whole = found

    def _send_part(self, file: BinaryIO, start: int, length: int, hasher: Hasher) -> Part:
        own = digest.hasher()
        with room(self._spool.parent, length, self._wanted.name), _fresh(self._spool) as spool:
            for chunk in _chunks(file, length, self._transfer.checkpoint, self._changed):
                hasher.update(chunk)
                own.update(chunk)
                spool.write(chunk)
        number, of_bytes = len(self._made) + 1, f"{digest.DEFAULT}:{own.hexdigest()}"
        ttl_ms = self._wanted.ttl_ms
        view = self._send(
            manifest.part_name(self._wanted.name, number),
            _OPAQUE,
            manifest.of_part(self._set, number, of_bytes),
            None if ttl_ms is None else ttl_ms + OUTLIVES_MS,
            start,
        )
        ends = view.delete_after_time_ms
        if ends is not None:
            self._first_ends_ms = ends if self._first_ends_ms is None else min(ends, self._first_ends_ms)
        return Part(view.id, length, of_bytes)

    def _send_head(self, metadata: dict[str, str]) -> ObjectView:
        listed = self._manifest().to_bytes()
        with _fresh(self._spool) as spool:
            spool.write(listed)
        hasher = digest.hasher()
        hasher.update(listed)
        of_head = manifest.of_head(metadata, self._manifest(), f"{digest.DEFAULT}:{hasher.hexdigest()}")
        self._intent.with_metadata(of_head)
        # Whatever the whole is: a devbox unpacks what is called an archive, and this is a list.
        return self._send(self._wanted.name, _OPAQUE, of_head, self._head_ttl_ms(), self._hashed.st_size)

    def _send(
        self, name: str, content_type: str, metadata: dict[str, str], ttl_ms: int | None, before: int
    ) -> ObjectView:
        began = time.monotonic()
        parameters = ObjectCreateParameters(name=name, content_type=content_type, metadata=metadata, ttl_ms=ttl_ms)
        view = upload_one(
            self._objects,
            self._spool,
            self._spool.stat(),
            parameters,
            Portion(self._transfer, before),
            Shared(self._intent),
        )
        # By the store's clock, at the latest: it made the object after we began to ask for it.
        self._now_ms = lambda: view.create_time_ms + (time.monotonic() - began) * 1000
        return view

    def _head_ttl_ms(self) -> int | None:
        if self._first_ends_ms is None:
            return self._wanted.ttl_ms
        left = round(self._first_ends_ms - self._now_ms()) - _MARGIN_MS
        ttl_ms = left if self._wanted.ttl_ms is None else min(left, self._wanted.ttl_ms)
        if ttl_ms < 1000:
            raise errors.TransferError(
                f"sending “{self._wanted.name}” took so long that its first part is about to expire; nothing was kept."
                " Put it again with a longer ttl"
            )
        return ttl_ms

    def _manifest(self) -> Manifest:
        return Manifest(self._set, self._hashed.st_size, self._whole, tuple(self._made))

    def _give_up(self) -> None:
        """Delete what was made, unless it isn't known what was: then the next load does."""
        if self._transfer.leaves:
            return
        if _discard(self._objects, [part.id for part in self._made]):
            self._intent.close()
        else:
            self._transfer.leave()

    def _changed(self) -> errors.TransferError:
        return errors.TransferError(
            f"{self._source.name} changed while it was sent; nothing was kept. Put it again when nobody writes to it"
        )


def offsets(found: Manifest) -> list[int]:
    """Return where each part begins in the whole."""
    return [0, *accumulate(part.size for part in found.parts)][:-1]


def at(starts: list[int], position: int) -> int:
    """Return the number of the part that holds the byte at `position`, counted from 0."""
    return bisect.bisect_right(starts, position) - 1


def member(objects: Objects, found: Manifest, number: int, name: str) -> ObjectView:
    """Return a part's object, which says itself that it is that. Raises TransferError where it is gone."""
    return _member(objects, found, found.parts[number], name)


def _member(objects: Objects, found: Manifest, part: Part, name: str) -> ObjectView:
    try:
        view = objects.get(part.id)
    except errors.NotFound:
        view = None
    if (
        view is None
        or view.state != ObjectState.READ_ONLY
        or not manifest.is_member(view)
        or manifest.set_of(view.metadata) != found.set
        or view.size_bytes != part.size
    ):
        raise errors.TransferError(f"a part of “{name}” is gone ({part.id}); it can't be put together any more")
    return view


def _discard(objects: Objects, ids: Iterable[str]) -> bool:
    """Delete members, and return whether all of them are gone."""
    gone = True
    for object_id in ids:
        try:
            objects.delete(object_id, retries=1)
        except errors.NotFound:
            pass
        except errors.RunloopError:
            gone = False
    return gone


def _chunks(
    file: BinaryIO,
    size: int,
    checkpoint: Callable[[], None],
    short: Callable[[], Exception] = lambda: errors.TransferError("a part came short"),
) -> Iterator[memoryview]:
    """Yield `size` bytes of a file from where it stands; each is good until the next."""
    buffer = memoryview(bytearray(min(_CHUNK, size)))
    while size:
        checkpoint()
        count = file.readinto(buffer[: min(size, len(buffer))])  # type: ignore[attr-defined]
        if not count:
            raise short()
        size -= count
        yield buffer[:count]


def _spool_of(intent: Intent) -> Path:
    return private_dir(cache_dir() / "spool") / f"{intent.id}.part"


@contextmanager
def _fresh(path: Path) -> Iterator[BinaryIO]:
    """Open a new file, readable to nobody else, in place of what was there."""
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w+b") as file:  # noqa: PTH123 - a descriptor, not a path
        yield file


@contextmanager
def _scratch() -> Iterator[BinaryIO]:
    """Open a file without a name."""
    path = temporary_beside(private_dir(cache_dir() / "spool") / "part")
    with _fresh(path) as file:
        path.unlink()
        yield file
