"""How a thing is sent: packed into one file, hashed, compared with the current version, uploaded under an intent."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.actions import as_files, here, origins
from runloop_jupyter.actions.latest import AskEach
from runloop_jupyter.actions.object import Object, Outcome
from runloop_jupyter.actions.source import FileSource, FolderSource, Packed, StreamSource, left_out
from runloop_jupyter.errors import (
    ConnectionLost,
    EmbeddedStoreError,
    Offline,
    RateLimited,
    RunloopError,
    ServerError,
    TransferError,
    Unreachable,
    one_line,
)
from runloop_jupyter.transfer import digest, journal, spools
from runloop_jupyter.transfer.folders.removing import is_put
from runloop_jupyter.transfer.folders.scanning import scan
from runloop_jupyter.transfer.manifest import FILES, is_folder
from runloop_jupyter.transfer.parcel import Parcel
from runloop_jupyter.transfer.parts import is_whole, upload
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ContentType, ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from runloop_jupyter.actions.latest import Latest
    from runloop_jupyter.actions.source import Source
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.folders.scanning import Scan
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

# A notebook run again within the hour must not send everything again because each version would live a little longer.
TTL_SLACK: Final = 0.01
# The store may be there again in a while; whatever else it says, it will say again.
_LOST: Final = (Unreachable, ServerError, RateLimited, ConnectionLost, EmbeddedStoreError)


@dataclass(frozen=True)
class Wanted:
    """What an object shall be, beside its bytes.

    Attributes:
        name: Its name.
        metadata: What its user attaches.
        ttl_ms: How long it lives, in milliseconds; None for ever.
        force: Send it even if the current version is the same.
        provenance: ``rl.notebook`` and ``rl.git``, where that is wished for.
    """

    name: str
    metadata: dict[str, str]
    ttl_ms: int | None
    force: bool = False
    provenance: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Packet:
    """What is ready to be sent.

    Attributes:
        parcel: Its bytes and what it shall be.
        found: The `os.stat` of the file when it was ready: if it is another once it is sent, it becomes no object.
        intent: What the journal knows of it; None where nothing needs to be there before the object is created.
        scan: What is in a folder that goes as files: nothing of it is packed, and the parcel stands for all of it.
    """

    parcel: Parcel
    found: os.stat_result
    intent: Intent | None
    scan: Scan | None = None


def send(store: Store, source: Source, wanted: Wanted, transfer: Transfer, latest: Latest | None = None) -> Object:
    """Store `source` as `wanted`, unless the current version already is the same.

    Args:
        store: Where to.
        source: What.
        wanted: As what.
        transfer: Told how far it is; its `cancel` stops this.
        latest: Who knows the current versions; by default each is asked for by itself.

    Raises:
        UnsupportedValue: The value has no stored form that would give it back equal.
        TransferError: The bytes didn't arrive; nothing of them is left but, where the connection was lost, a spool
            that can be resumed.
        StoreError: The store refused.
    """
    return deliver(store, pack(store, source, wanted, transfer), transfer, latest or AskEach(store))


def forget_unfinished(store: Store, names: Collection[str]) -> None:
    """Give up the unfinished puts of names that were put since: resumed, they would take the newer one's place."""
    for intent in journal.unfinished():
        if intent.store == store.identity.id and intent.name in names and intent.parcel is not None:
            if intent.metadata:
                intent.unpacked()  # the next load clears what it may have left in the store
            else:
                intent.close()


def pack(store: Store, source: Source, wanted: Wanted, transfer: Transfer, *, journaled: bool = False) -> Packet:
    """Bring the stored form into one file: a file is that already, all else goes into a spool.

    Args:
        store: Where it will go.
        source: What.
        wanted: As what.
        transfer: Told how far it is.
        journaled: Whether a file, too, is in the journal from now on: the cell that put it returns before it is sent.

    Raises:
        UnsupportedValue: The value has no stored form that would give it back equal.
        TransferError: There is no room for the spool.
        OSError: It can't be read, or nothing can be written.
    """
    if isinstance(source, FolderSource) and source.goes_as_files(_looking(transfer)):
        return _looked_through(store, source, wanted, transfer, journaled=journaled)
    if isinstance(source, FileSource):
        path = source.path.absolute()
        found = path.stat()
        parcel = _parcel(source, Packed({}), wanted, path, found)
        return Packet(parcel, found, _begun(store, parcel, transfer) if journaled else None)
    spool = _spool(transfer)
    intent = journal.begin(store.identity.id, store.identity.label, wanted.name, spool, id=transfer.id)
    try:
        notes = _room_made() if spools.is_short() else ()
        needs = source.expected if isinstance(source, StreamSource) else None
        transfer.begin(Phase.PACKING, needs)
        if isinstance(source, FolderSource):
            needs = source.estimate(transfer.checkpoint)
        with room(spool.parent, needs, wanted.name), open_spool(spool) as file:
            packed = source.pack(file, lambda: transfer.reach(file.tell()))
        found = spool.stat()
        parcel = _parcel(source, Packed(packed.facts, (*packed.notes, *notes)), wanted, spool, found)
        intent.packed(parcel)
    except BaseException:
        intent.close()
        raise
    return Packet(parcel, found, intent)


def _looking(transfer: Transfer) -> Callable[[], None]:
    """Return what to call while a folder is looked at before it is known how it goes."""
    transfer.begin(Phase.PACKING)
    return transfer.checkpoint


def _looked_through(
    store: Store, source: FolderSource, wanted: Wanted, transfer: Transfer, *, journaled: bool
) -> Packet:
    """Return a folder that goes as files, looked through and hashed: it is sent from where it lies."""
    directory = source.directory.absolute()
    found = directory.stat()
    seen = scan(directory, transfer, include_secrets=source.include_secrets)
    facts = {"files": len(seen.listing.files) + len(seen.listing.links), "size": seen.listing.size}
    packed = Packed(facts, left_out(seen.left_out, seen.ignored))
    parcel = replace(
        _parcel(source, packed, wanted, directory, found),
        format=FILES,
        content_type=str(ContentType.BINARY),
        identity="digest",
        size=seen.listing.size,
        digest=seen.listing.digest,
    )
    intent = _begun(store, parcel, transfer, resumable=False) if journaled else None
    return Packet(parcel, found, intent, seen)


def deliver(store: Store, packet: Packet, transfer: Transfer, latest: Latest) -> Object:
    """Send what was packed, unless the current version already is the same. At the end the spool is gone.

    Where the connection was lost the spool stays, with its intent, for `resume`; nothing else of it does.

    Raises:
        TransferError: The bytes didn't arrive.
        StoreError: The store refused.
    """
    intent = packet.intent
    try:
        transfer.checkpoint()
        parcel, current = _compared(packet, transfer, latest)
        same = current is not None and _is_same(store, current, parcel, latest)
        if current is not None and same and _is_whole(store, current, transfer):
            _close(intent)
            return Object(current, store, Outcome(sent=False, notes=parcel.notes))
        metadata = _metadata(parcel)
        if intent is None:
            intent = _begun(store, parcel, transfer, metadata, resumable=packet.scan is None)
        elif packet.scan is None:
            intent.with_metadata(metadata, parcel)
        if packet.scan is None:
            view, moved = _uploaded(store, packet, parcel, transfer, intent), ""
        else:
            parameters = _parameters(parcel, metadata)
            base = None if parcel.force else current
            view, moved = as_files.send_as_files(store, packet.scan, parameters, transfer, intent, base)
    except BaseException as error:
        _end(intent, error, transfer)
        raise
    _close(intent)
    origins.remember(store.identity.id, view.id, parcel.origin)
    superseded = Object(current, store) if current else None
    notes = (*parcel.notes, *(_from_elsewhere(superseded, parcel.origin) if superseded else ()))
    return Object(view, store, Outcome(sent=True, superseded=superseded, notes=notes, moved=moved))


def give_up(packet: Packet, *, resumable: bool = False) -> None:
    """Leave nothing of what was packed and never had its turn, or, `resumable`, what another call can send."""
    if packet.intent is None:
        return
    if resumable:
        packet.intent.stop("it wasn't its turn yet when others failed")
    else:
        packet.intent.close()


def _compared(packet: Packet, transfer: Transfer, latest: Latest) -> tuple[Parcel, ObjectView | None]:
    """Take the digest and return the parcel with it, and the current version under its name."""
    parcel = packet.parcel
    if packet.scan is not None:
        return parcel, latest.current(parcel.name)
    transfer.begin(Phase.HASHING, parcel.size)
    found = digest.of_file(Path(parcel.path), transfer.advance)
    if parcel.digest is not None and found != parcel.digest:
        raise TransferError(f"what was packed of “{parcel.name}” isn't whole any more; it was cleared. Put it again")
    return replace(parcel, digest=found), latest.current(parcel.name)


def _uploaded(store: Store, packet: Packet, parcel: Parcel, transfer: Transfer, intent: Intent) -> ObjectView:
    parameters = _parameters(parcel, intent.metadata)
    intent.hold()  # `upload` closes it when nothing is left in the store, and there may be something here yet
    try:
        return upload(store.objects, Path(parcel.path), packet.found, parameters, transfer, intent)
    finally:
        intent.release()


def _parameters(parcel: Parcel, metadata: dict[str, str]) -> ObjectCreateParameters:
    return ObjectCreateParameters(
        name=parcel.name, content_type=parcel.content_type, metadata=metadata, ttl_ms=parcel.ttl_ms
    )


def _is_whole(store: Store, current: ObjectView, transfer: Transfer) -> bool:
    if is_folder(current):
        return as_files.are_there(store, current, transfer)
    return is_whole(store.objects, current, transfer)


def _end(intent: Intent | None, error: BaseException, transfer: Transfer) -> None:
    """Clear what a failed put leaves, or keep what can be resumed, and say so in `error`."""
    # A kernel that ends closes its connections under whatever still moves: the next one finds the intent as it is.
    if intent is None or not threading.main_thread().is_alive():
        return
    lost = isinstance(error, _LOST) and not isinstance(error, Offline) and intent.parcel is not None
    if isinstance(error, RunloopError) and lost and (intent.spool or transfer.behind):
        if not transfer.leaves:
            intent.cleared()
        intent.stop(one_line(str(error)))
        error.args = (f"{error}. What was packed is kept: %rl_transfers resume sends it",)
    elif transfer.leaves and is_put(intent):
        intent.stop(one_line(str(error)))  # the next put of it goes on from there, or the next load clears the store
    elif transfer.leaves:
        intent.unpacked()  # the next load clears the store
    else:
        intent.close()


def _close(intent: Intent | None) -> None:
    if intent is not None:
        intent.close()


def _begun(
    store: Store,
    parcel: Parcel,
    transfer: Transfer,
    metadata: dict[str, str] | None = None,
    *,
    resumable: bool = True,
) -> Intent:
    return journal.begin(
        store.identity.id,
        store.identity.label,
        parcel.name,
        None,
        id=transfer.id,
        parcel=parcel if resumable else None,
        metadata=metadata,
    )


@contextmanager
def intended(store: Store, name: str, transfer: Transfer) -> Iterator[tuple[Intent, Path]]:
    """Give an intent that is on disk and the path of a spool that isn't there yet; at the end the spool is gone.

    The intent is closed too, unless an object was created under it: from then on `upload` decides.
    """
    spool = _spool(transfer)
    intent = journal.begin(store.identity.id, store.identity.label, name, spool, id=transfer.id)
    try:
        yield intent, spool
    finally:
        spool.unlink(missing_ok=True)
        if not intent.metadata:
            intent.close()


def open_spool(spool: Path) -> BinaryIO:
    """Make the spool, readable to nobody else, and open it."""
    return open(os.open(spool, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")  # noqa: PTH123


def _spool(transfer: Transfer) -> Path:
    return spools.directory() / f"{transfer.id}.spool"


def _room_made() -> tuple[str, ...]:
    """Clear what unfinished puts keep, where the disk is short, and say what went."""
    return tuple(f"the unfinished put of “{each.name}” was cleared: {why}" for each, why in spools.sweep())


def _parcel(source: Source, packed: Packed, wanted: Wanted, path: Path, found: os.stat_result) -> Parcel:
    return Parcel(
        name=wanted.name,
        path=str(path),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        inode=found.st_ino,
        kind=source.kind,
        format=source.format,
        content_type=source.content_type,
        identity=source.identity,
        facts=packed.facts,
        notes=packed.notes,
        metadata=wanted.metadata,
        provenance=wanted.provenance,
        ttl_ms=wanted.ttl_ms,
        force=wanted.force,
        origin=here.whereabouts(),
    )


def _facts(parcel: Parcel) -> dict[str, Any]:
    return {"digest": parcel.digest, **parcel.facts}


def _metadata(parcel: Parcel) -> dict[str, str]:
    return {
        **parcel.metadata,
        **parcel.provenance,
        "rl.kind": parcel.kind,
        "rl.format": parcel.format,
        "rl.facts": json.dumps(_facts(parcel), ensure_ascii=False, separators=(",", ":")),
    }


def _from_elsewhere(old: Object, origin_here: str) -> tuple[str, ...]:
    """Return a warning where what is replaced was not put from this notebook: two may be writing one name."""
    origin = origins.origin_of(old.store.identity.id, old.id)
    if origin == origin_here:
        return ()
    known = PurePath(origin).name if origin else (old.view.metadata or {}).get("rl.notebook")
    return (f"the version it replaces was put {f'from {known}' if known else 'elsewhere'}, not from here",)


def _is_same(store: Store, view: ObjectView, parcel: Parcel, latest: Latest) -> bool:
    current = Object(view, store)
    return (
        not parcel.force
        and current.facts.get(parcel.identity) == _facts(parcel)[parcel.identity]
        and current.format == parcel.format
        and current.metadata == parcel.metadata
        and _lives_as_long(current, parcel.ttl_ms)
        # After a newer one that was deleted the name is an error; to put it again must mend that.
        and not latest.is_gone_after(view)
    )


def _lives_as_long(current: Object, ttl_ms: int | None) -> bool:
    ends = current.view.delete_after_time_ms
    if ends is None:
        return True
    return ttl_ms is not None and ends >= time.time() * 1000 + ttl_ms * (1 - TTL_SLACK)
