"""A file becomes a set: part by part, the head last; on any other end nothing of it stays.

A part is copied into a spool before it is sent, and hashed on the way: what is sent is what the manifest says, and
together with the whole's digest that shows that the file didn't change meanwhile.

A set that expires does so head first: parts live a day longer, and the head no longer than the first of them.
"""

from __future__ import annotations

import os
import time
from dataclasses import fields
from typing import TYPE_CHECKING, BinaryIO, Final

from runloop_jupyter import errors
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest, manifest
from runloop_jupyter.transfer.journal import Intent
from runloop_jupyter.transfer.manifest import Manifest, Part
from runloop_jupyter.transfer.portion import Portion
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.scratch import chunks, fresh
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.upload import upload as upload_one
from runloop_jupyter.wire.objects import ContentType, ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.digest import Hasher
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

OUTLIVES_MS: Final = 86_400_000
"""How much longer a part lives than was asked for: more than the sending takes."""
_OPAQUE: Final = str(ContentType.BINARY)
_MARGIN_MS: Final = 60_000


class Sending:
    """The upload of one file as a set.

    Args:
        objects: The store.
        source: The file.
        hashed: Its `os.stat` from before its digest was taken.
        parameters: What the whole would be as one object.
        transfer: Told how far it is; its `cancel` stops this.
        intent: On disk already; closed once nothing is left to clear.
        part_bytes: Bytes of a part.
    """

    def __init__(
        self,
        objects: Objects,
        source: Path,
        hashed: os.stat_result,
        parameters: ObjectCreateParameters,
        transfer: Transfer,
        intent: Intent,
        part_bytes: int,
    ) -> None:
        self._part_bytes = part_bytes
        self._objects = objects
        self._source = source
        self._hashed = hashed
        self._wanted = parameters
        self._transfer = transfer
        self._intent = intent
        self._spool = spool_of(intent)
        self._set = os.urandom(8).hex()
        self._made: list[Part] = []
        self._first_ends_ms: int | None = None
        self._now_ms: Callable[[], float] = lambda: time.time() * 1000

    def run(self) -> ObjectView:
        """Send it, and return its head; on any other end nothing of it stays."""
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
            for start in range(0, size, self._part_bytes):
                length = min(self._part_bytes, size - start)
                self._made.append(self._send_part(file, start, length, hasher))
        after = self._source.stat()
        found = f"{self._whole.partition(':')[0]}:{hasher.hexdigest()}"
        same = (after.st_size, after.st_mtime_ns) == (size, self._hashed.st_mtime_ns)
        if not same or not found.startswith(self._whole):
            raise self._changed()
        self._whole = found

    def _send_part(self, file: BinaryIO, start: int, length: int, hasher: Hasher) -> Part:
        with room(self._spool.parent, length, self._wanted.name):
            of_bytes = copied(file, length, self._spool, hasher, self._transfer.checkpoint, self._changed)
        number = len(self._made) + 1
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
        with fresh(self._spool) as spool:
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
        if discard(self._objects, [part.id for part in self._made]):
            self._intent.close()
        else:
            self._transfer.leave()

    def _changed(self) -> errors.TransferError:
        return errors.TransferError(
            f"{self._source.name} changed while it was sent; nothing was kept. Put it again when nobody writes to it"
        )


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


def copied(
    file: BinaryIO,
    length: int,
    spool: Path,
    hasher: Hasher,
    checkpoint: Callable[[], None],
    changed: Callable[[], Exception],
) -> str:
    """Copy `length` bytes of a file from where it stands into a new spool, and return their digest.

    Args:
        file: The file.
        length: How many bytes.
        spool: Where to; what was there is gone.
        hasher: Takes in the same bytes, for the digest of the whole.
        checkpoint: Called often; may raise to stop.
        changed: What to raise where the file ends before.
    """
    own = digest.hasher()
    with fresh(spool) as copy:
        for chunk in chunks(file, length, checkpoint, changed):
            hasher.update(chunk)
            own.update(chunk)
            copy.write(chunk)
    return f"{digest.DEFAULT}:{own.hexdigest()}"


def discard(objects: Objects, ids: Iterable[str]) -> bool:
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


def spool_of(intent: Intent) -> Path:
    """Return where the members of a set lie while they are sent."""
    return private_dir(cache_dir() / "spool") / f"{intent.id}.part"
