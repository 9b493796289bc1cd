"""How a thing is sent: packed into one file, hashed, compared with the current version, uploaded under an intent."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from runloop_jupyter.actions import here, origins
from runloop_jupyter.actions.object import Object, Outcome
from runloop_jupyter.actions.resolve import PAGE, gone_after, is_alive
from runloop_jupyter.actions.source import FileSource, FolderSource, Packed
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest, journal
from runloop_jupyter.transfer.manifest import is_member
from runloop_jupyter.transfer.parts import is_whole, upload
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runloop_jupyter.actions.source import Source
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer

# A notebook run again within the hour must not send everything again because each version would live a little longer.
TTL_SLACK: Final = 0.01


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


def send(store: Store, source: Source, wanted: Wanted, transfer: Transfer) -> Object:
    """Store `source` as `wanted`, unless the current version already is the same.

    Raises:
        UnsupportedValue: The value has no stored form that would give it back equal.
        TransferError: The bytes didn't arrive; nothing of them is left.
        StoreError: The store refused.
    """
    with intended(store, wanted.name, transfer) as (intent, spool):
        packed, path = _pack(source, spool, wanted, transfer)
        # Of the file as it is hashed: if it is another when it has been sent, the object is refused.
        hashed = path.stat()
        transfer.begin(Phase.HASHING, hashed.st_size)
        facts = {"digest": digest.of_file(path, transfer.advance), **packed.facts}
        current = _current(store, wanted.name)
        same = current and not wanted.force and _is_same(current, source, facts, wanted)
        if current and same and is_whole(store.objects, current.view, transfer):
            return Object(current.view, store, Outcome(sent=False, notes=packed.notes))
        intent.with_metadata(_metadata(source, facts, wanted))
        parameters = ObjectCreateParameters(
            name=wanted.name, content_type=source.content_type, metadata=intent.metadata, ttl_ms=wanted.ttl_ms
        )
        view = upload(store.objects, path, hashed, parameters, transfer, intent)
        origins.remember(store.identity.id, view.id, here.whereabouts())
        notes = (*packed.notes, *(_from_elsewhere(current) if current else ()))
        return Object(view, store, Outcome(sent=True, superseded=current, notes=notes))


@contextmanager
def intended(store: Store, name: str, transfer: Transfer) -> Iterator[tuple[Intent, Path]]:
    """Give an intent that is on disk and the path of a spool that isn't there yet; at the end the spool is gone.

    The intent is closed too, unless an object was created under it: from then on `upload` decides.
    """
    spool = private_dir(cache_dir() / "spool") / f"{transfer.id}.spool"
    intent = journal.begin(store.identity.id, store.identity.label, name, spool)
    try:
        yield intent, spool
    finally:
        spool.unlink(missing_ok=True)
        if not intent.metadata:
            intent.close()


def open_spool(spool: Path) -> BinaryIO:
    """Make the spool, readable to nobody else, and open it."""
    return open(os.open(spool, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")  # noqa: PTH123


def _pack(source: Source, spool: Path, wanted: Wanted, transfer: Transfer) -> tuple[Packed, Path]:
    """Bring the stored form into one file and return where it is."""
    if isinstance(source, FileSource):
        return Packed({}), source.path
    transfer.begin(Phase.PACKING)
    needs = source.estimate(transfer.checkpoint) if isinstance(source, FolderSource) else None
    with room(spool.parent, needs, wanted.name), open_spool(spool) as file:
        packed = source.pack(file, lambda: transfer.reach(file.tell()))
    return packed, spool


def _metadata(source: Source, facts: dict[str, Any], wanted: Wanted) -> dict[str, str]:
    return {
        **wanted.metadata,
        **wanted.provenance,
        "rl.kind": source.kind,
        "rl.format": source.format,
        "rl.facts": json.dumps(facts, ensure_ascii=False, separators=(",", ":")),
    }


def _current(store: Store, name: str) -> Object | None:
    """Return the newest living version, as far as one page tells: a longer look would cost more than sending."""
    page = store.objects.list(Filter(name=name, state=ObjectState.READ_ONLY), limit=PAGE)
    view = next((view for view in page.objects if view.name == name and is_alive(view) and not is_member(view)), None)
    return Object(view, store) if view else None


def _from_elsewhere(old: Object) -> tuple[str, ...]:
    """Return a warning where what is replaced was not put from this notebook: two may be writing one name."""
    origin = origins.origin_of(old.store.identity.id, old.id)
    if origin == here.whereabouts():
        return ()
    known = PurePath(origin).name if origin else (old.view.metadata or {}).get("rl.notebook")
    return (f"the version it replaces was put {f'from {known}' if known else 'elsewhere'}, not from here",)


def _is_same(current: Object, source: Source, facts: dict[str, Any], wanted: Wanted) -> bool:
    return (
        current.facts.get(source.identity) == facts[source.identity]
        and current.format == source.format
        and current.metadata == wanted.metadata
        and _lives_as_long(current, wanted.ttl_ms)
        # After a newer one that was deleted the name is an error; to put it again must mend that.
        and not gone_after(current.store, current.view)
    )


def _lives_as_long(current: Object, ttl_ms: int | None) -> bool:
    ends = current.view.delete_after_time_ms
    if ends is None:
        return True
    return ttl_ms is not None and ends >= time.time() * 1000 + ttl_ms * (1 - TTL_SLACK)
