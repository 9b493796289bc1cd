"""A folder becomes a head and members: what a version before has already is shared, the head comes last.

On any other end nothing of it stays that this put made; what it shares isn't its own.

Of two who work on one set at a time, one deleting a head and one sharing its members, neither may undo the other: who
deletes does so head first and looks which heads are there after that; who shares makes its own head and looks after
that whether the one it shares with is still there. So at least one of them sees the other.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest, manifest, parts
from runloop_jupyter.transfer.folders import members
from runloop_jupyter.transfer.folders.listing import LARGEST, Listing
from runloop_jupyter.transfer.folders.together import Share, Stretch, together
from runloop_jupyter.transfer.manifest import Part
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.scratch import fresh
from runloop_jupyter.transfer.sending_parts import Shared, copied
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.transfer.upload import upload
from runloop_jupyter.wire.objects import ContentType, ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.folders.contents import Contents
    from runloop_jupyter.transfer.folders.listing import File
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.wire.objects import ObjectView

DAY_MS: Final = 86_400_000
_OPAQUE: Final = str(ContentType.BINARY)
_TRIES: Final = 4


@dataclass(frozen=True)
class Base:
    """A version before, whose members can be shared.

    Attributes:
        head: Its head.
        listing: What is in it.
    """

    head: ObjectView
    listing: Listing


@dataclass(frozen=True)
class Left:
    """What a put that lost its store left there.

    Attributes:
        set: The set.
        put: What its members say that they were made under.
    """

    set: str
    put: str


@dataclass(frozen=True)
class Sent:
    """What was sent.

    Attributes:
        head: The new version.
        files: How many files are of bytes that were sent; the others were there.
        bytes: How many bytes.
    """

    head: ObjectView
    files: int
    bytes: int


class Sending:
    """The sending of one folder.

    Args:
        objects: The store.
        store_id: Its identity.
        listing: What is in the folder; pieces are not looked at.
        contents: The bytes of its files.
        parameters: What the head shall be: name, metadata (``rl.facts`` with all but the set and the digest of its
            bytes), time to live.
        transfer: Told how far it is; its `cancel` stops this.
        intent: On disk already; closed once nothing is left to clear.
        base: The version whose members are shared; None for none.
        left: What a put of the same name left in the store when it lost it, claimed: its members are shared too.
    """

    def __init__(
        self,
        objects: Objects,
        store_id: str,
        listing: Listing,
        contents: Contents,
        parameters: ObjectCreateParameters,
        transfer: Transfer,
        intent: Intent,
        base: Base | None,
        left: Left | None = None,
    ) -> None:
        self._objects = objects
        self._store_id = store_id
        self._listing = listing
        self._contents = contents
        self._wanted = parameters
        self._transfer = transfer
        self._intent = intent
        self._base = base
        self._left = left
        self._set = base.listing.set if base else (left and left.set) or os.urandom(8).hex()
        self._made: dict[str, ObjectView] = {}
        self._ends: dict[str, int] = {}
        self._pieces: dict[str, tuple[Part, ...]] = {}
        self._sent: set[str] = set()
        self._spools: list[Path] = []

    def run(self) -> Sent:
        """Send it; on any other end nothing of it stays.

        Raises:
            TransferCancelled: Cancelled.
            TransferError: A file changed or can't be read, or bytes couldn't be sent.
            StoreError: The store refused a step.
            Unreachable: The store is gone; the next load clears what may be left.
        """
        try:
            # Before anything is made: it is by the set that the next load finds what a killed kernel made.
            self._intent.with_metadata(manifest.of_folder(self._wanted.metadata or {}, self._set, ""))
            head = self._send()
        except BaseException:
            self._give_up()
            raise
        finally:
            for spool in self._spools:
                spool.unlink(missing_ok=True)
        self._intent.close()
        of_files = [file for file in self._listing.files if file.digest in self._sent]
        return Sent(manifest.whole(head), len(of_files), sum({file.digest: file.size for file in of_files}.values()))

    def _send(self) -> ObjectView:
        if self._base is not None or self._left is not None:
            self._share()
        shorter_ms = 0
        for _ in range(_TRIES):
            self._send_members()
            head = self._send_head(shorter_ms)
            shared = {piece.id for pieces in self._pieces.values() for piece in pieces} - self._made.keys()
            lost = self._lost(shared)
            over_ms = self._outlives(head)
            if not lost and not over_ms:
                return head
            # Nobody may get what can't be put together, or will not be in a while.
            self._objects.delete(head.id)
            del self._made[head.id]
            self._intent.deleted(head.id)
            self._pieces = {
                of: pieces for of, pieces in self._pieces.items() if lost.isdisjoint(piece.id for piece in pieces)
            }
            shorter_ms += over_ms
        raise errors.TransferError(
            f"“{self._wanted.name}” couldn't be put: what it shares with versions before is deleted again and again. "
            "Nothing was kept; put it again when nobody deletes them"
        )

    def _share(self) -> None:
        """Take over the pieces of files that are there already, and will be for as long as this lives."""
        wanted = {file.digest: file for file in self._listing.files if file.size}
        there = members.of_set(self._objects, self._wanted.name, self._set, self._transfer)
        files = [file for file in self._base.listing.files if file.digest in wanted] if self._base else []
        if self._left is not None:
            for view in there.values():
                facts = manifest.facts_of(view.metadata)
                file = wanted.get(str(facts.get("digest")))
                if file is not None and facts.get("put") == self._left.put:
                    files.append(replace(file, pieces=(Part(view.id, file.size, file.digest),)))
        ttl_ms = self._wanted.ttl_ms
        until = None if ttl_ms is None else time.time() * 1000 + ttl_ms
        for file in files:
            views = [there.get(piece.id) for piece in file.pieces]
            if all(
                view is not None and members.believed(view, self._set, piece) and members.lasts(view, until)
                for view, piece in zip(views, file.pieces, strict=True)
            ):
                self._pieces[file.digest] = file.pieces
                for piece in file.pieces:
                    if (ends := there[piece.id].delete_after_time_ms) is not None:
                        self._ends[piece.id] = ends

    def _send_members(self) -> None:
        missing: dict[str, File] = {}
        for file in self._listing.files:
            if file.size and file.digest not in self._pieces:
                missing.setdefault(file.digest, file)
        total = sum(file.size for file in missing.values())
        together(self._transfer, Phase.SENDING, total, missing.values(), self._send_file)

    def _send_file(self, file: File, share: Share) -> None:
        with self._contents.of(file, share) as (path, there):
            if file.size <= parts.LARGEST:
                pieces = [self._send_member(path, there, file.digest, share)]
            else:
                pieces = self._send_in_pieces(file, path, there, share)
        self._pieces[file.digest] = tuple(pieces)
        self._sent.add(file.digest)

    def _send_in_pieces(self, file: File, path: Path, there: os.stat_result, share: Share) -> list[Part]:
        """Send a file that is too large for one object, a copy of each piece: the file might change meanwhile."""

        def changed() -> errors.TransferError:
            return errors.TransferError(
                f"{path.name} changed while it was sent; nothing was kept. Put it again when nobody writes to it"
            )

        whole, pieces, spool = digest.hasher(), [], self._new_spool()
        with path.open("rb") as source:
            for start in range(0, there.st_size, parts.PART_BYTES):
                length = min(parts.PART_BYTES, there.st_size - start)
                with room(spool.parent, length, self._wanted.name):
                    own = copied(source, length, spool, whole, share.checkpoint, changed)
                pieces.append(self._send_member(spool, spool.stat(), own, Stretch(share, Phase.SENDING, start)))
                share.count_up_to(start + length)
        spool.unlink(missing_ok=True)
        if f"{digest.DEFAULT}:{whole.hexdigest()}" != file.digest:
            raise changed()
        return pieces

    def _send_member(self, path: Path, there: os.stat_result, of_bytes: str, transfer: Transfer) -> Part:
        ttl_ms = self._wanted.ttl_ms
        view = self._upload(
            path,
            there,
            manifest.part_name(self._wanted.name, len(self._made) + 1),
            manifest.of_member(self._set, of_bytes, self._intent.id),
            # Longer than the head, so that versions to come can share it for a while.
            None if ttl_ms is None else ttl_ms + max(DAY_MS, ttl_ms),
            transfer,
        )
        return Part(view.id, there.st_size, of_bytes)

    def _send_head(self, shorter_ms: int) -> ObjectView:
        files = tuple(replace(file, pieces=self._pieces.get(file.digest, ())) for file in self._listing.files)
        listed = replace(self._listing, set=self._set, files=files).to_bytes()
        if len(listed) > LARGEST:
            raise errors.TransferError(
                f"“{self._wanted.name}” has too many files to be kept as files; put it as one archive (--as tar.gz)"
            )
        hasher = digest.hasher()
        hasher.update(listed)
        metadata = manifest.of_folder(self._wanted.metadata or {}, self._set, f"{digest.DEFAULT}:{hasher.hexdigest()}")
        self._intent.with_metadata(metadata)
        spool = self._new_spool()
        with fresh(spool) as file:
            file.write(listed)
        ttl_ms = None if self._wanted.ttl_ms is None else self._wanted.ttl_ms - shorter_ms
        if ttl_ms is not None and ttl_ms < 1000:
            raise errors.TransferError(
                f"sending “{self._wanted.name}” took so long that its first file is about to expire; nothing was kept."
                " Put it again with a longer ttl"
            )
        return self._upload(spool, spool.stat(), self._wanted.name, metadata, ttl_ms, Share(self._transfer))

    def _upload(
        self,
        path: Path,
        there: os.stat_result,
        name: str,
        metadata: dict[str, str],
        ttl_ms: int | None,
        transfer: Transfer,
    ) -> ObjectView:
        parameters = ObjectCreateParameters(name=name, content_type=_OPAQUE, metadata=metadata, ttl_ms=ttl_ms)
        view = upload(self._objects, path, there, parameters, transfer, Shared(self._intent))
        self._made[view.id] = view
        if view.delete_after_time_ms is not None and name != self._wanted.name:
            self._ends[view.id] = view.delete_after_time_ms
        return view

    def _lost(self, shared: set[str]) -> set[str]:
        """Return which shared members are not to be relied on: those that are gone, or that somebody is deleting."""
        if not shared:
            return set()
        # Whole by now: a Ctrl-C that comes this late must not turn it into a version that is deleted.
        looking = Transfer(self._wanted.name, "up", self._transfer.place)
        if self._base and self._objects.get(self._base.head.id).state != ObjectState.READ_ONLY:
            self._base = None
            return shared
        return shared - members.of_set(self._objects, self._wanted.name, self._set, looking).keys()

    def _first_end_ms(self) -> int | None:
        named = {piece.id for pieces in self._pieces.values() for piece in pieces}
        return min((ends for id_, ends in self._ends.items() if id_ in named), default=None)

    def _outlives(self, head: ObjectView) -> int:
        """Return by how much the head would outlive the first of its members, in milliseconds; 0 where it doesn't.

        By what the store says of both: its clock is its own, and sending takes its time.
        """
        first = self._first_end_ms()
        if first is None or head.delete_after_time_ms is None:
            return 0
        over = head.delete_after_time_ms - first
        return over + members.MARGIN_MS if over > -members.MARGIN_MS // 2 else 0

    def _give_up(self) -> None:
        """Delete what was made, unless it isn't known what was: then the next load does."""
        if self._transfer.leaves:
            return
        # The head first, if it came so far: nobody may see it without its members.
        heads = [view.id for view in self._made.values() if view.name == self._wanted.name]
        rest = [id_ for id_ in self._made if id_ not in heads]
        if all(members.discard(self._objects, ids, self._transfer) for ids in (heads, rest)):
            self._intent.close()
        else:
            self._transfer.leave()

    def _new_spool(self) -> Path:
        # Called after the intent, for whoever clears up after it.
        spool = private_dir(cache_dir() / "spool") / f"{self._intent.id}-{len(self._spools)}.part"
        self._spools.append(spool)
        return spool
