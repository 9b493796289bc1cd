"""put: a value, a file or a folder becomes an object, unless the current version already is the same."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import options
from runloop_jupyter.actions.object import Object, Outcome
from runloop_jupyter.actions.resolve import PAGE, gone_after, is_alive
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.source import FileSource, Packed, name_of, source_of
from runloop_jupyter.actions.stream import StreamFailed
from runloop_jupyter.address import check_name
from runloop_jupyter.api.objects import Filter
from runloop_jupyter.errors import InputError
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import digest, journal
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.transfer.upload import check_size, upload
from runloop_jupyter.wire.objects import ObjectCreateParameters, ObjectState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

    from runloop_jupyter.actions.source import Source
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer

# A notebook run again within the hour must not send everything again because each version would live a little longer.
TTL_SLACK: Final = 0.01


def put(
    what: object,
    name: str | None = None,
    *,
    metadata: Mapping[str, object] | None = None,
    ttl: str | timedelta | None = None,
    format: str | None = None,
    force: bool = False,
    pickle: bool = False,
) -> Object:
    """Store a value, a file or a folder as an object.

    Nothing is sent when the current version under the name has the same bytes, format and metadata and lives as long
    as asked (to within a hundredth of `ttl`). Otherwise it is a new version.

    Args:
        what: A value (a `str` is text); a `pathlib.Path` to a file or a directory; a generator of bytes or text, or a
            file-like, which is read from where it stands and stored as a file.
        name: The name to store it under; by default the last part of a path, or of an open file's name.
        metadata: Text to text; numbers become their text. Can't be changed later.
        ttl: How long it lives, ``30d``, ``12h``, or a `timedelta`; for ever by default.
        format: The stored format, where several would do.
        force: Send it even if the current version is the same.
        pickle: Allow pickle for a value without another stored form.

    Returns:
        The object, READ_ONLY and whole; ``outcome`` says whether it was sent and what it replaces.

    Raises:
        InputError: A name, path, metadata or ttl that can't be meant.
        UnsupportedValue: The value has no stored form that would give it back equal.
        TransferError: The bytes didn't arrive; nothing of them is left.
        Exception: What a generator or a file-like raises, as it is.
        StoreError: The store refused.

    Example:
        >>> rl.put(df, "penguins", metadata={"project": "birds"}, ttl="30d")  # doctest: +SKIP
    """
    if name is None:
        name = name_of(what)
        if name is None:
            raise InputError(f"a {type(what).__name__} has no name of its own. Give one: rl.put(value, 'NAME')")
    check_name(name)
    wanted = _Wanted(name, options.user_metadata(metadata), options.ttl_ms(ttl), force)
    source = source_of(what, name, format=format, pickle=pickle)
    session = sessions.current()
    transfer = session.transfers.new(name, "up", session.profile.label)
    try:
        return run(session, transfer, lambda: _put(session.store, source, wanted, transfer))
    except StreamFailed as failed:
        raise failed.error from None


class _Wanted:
    """What the object shall be, beside its bytes."""

    def __init__(self, name: str, metadata: dict[str, str], ttl_ms: int | None, force: bool) -> None:
        self.name = name
        self.metadata = metadata
        self.ttl_ms = ttl_ms
        self.force = force


def _put(store: Store, source: Source, wanted: _Wanted, transfer: Transfer) -> Object:
    spool = private_dir(cache_dir() / "spool") / f"{transfer.id}.spool"
    intent = journal.begin(store.identity.id, store.identity.label, wanted.name, spool)
    try:
        packed, path = _pack(source, spool, wanted, transfer)
        # Of the file as it is hashed: if it is another when it has been sent, the object is refused.
        hashed = path.stat()
        check_size(wanted.name, hashed.st_size)
        transfer.begin(Phase.HASHING, hashed.st_size)
        facts = {"digest": digest.of_file(path, transfer.advance), **packed.facts}
        current = _current(store, wanted.name)
        if current and not wanted.force and _is_same(current, source, facts, wanted):
            return Object(current.view, store, Outcome(sent=False, notes=packed.notes))
        intent.with_metadata(_metadata(source, facts, wanted))
        parameters = ObjectCreateParameters(
            name=wanted.name, content_type=source.content_type, metadata=intent.metadata, ttl_ms=wanted.ttl_ms
        )
        view = upload(store.objects, path, hashed, parameters, transfer, intent)
        return Object(view, store, Outcome(sent=True, superseded=current, notes=packed.notes))
    finally:
        spool.unlink(missing_ok=True)
        if not intent.metadata:  # nothing was created; from then on the upload decides
            intent.close()


def _pack(source: Source, spool: Path, wanted: _Wanted, transfer: Transfer) -> tuple[Packed, Path]:
    """Bring the stored form into one file and return where it is."""
    if isinstance(source, FileSource):
        return Packed({}), source.path
    transfer.begin(Phase.PACKING)
    with (
        room(spool.parent, None, wanted.name),
        open(os.open(spool, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b") as file,  # noqa: PTH123
    ):
        packed = source.pack(file, lambda: transfer.reach(file.tell()))
    return packed, spool


def _metadata(source: Source, facts: dict[str, Any], wanted: _Wanted) -> dict[str, str]:
    return {
        **wanted.metadata,
        "rl.kind": source.kind,
        "rl.format": source.format,
        "rl.facts": json.dumps(facts, ensure_ascii=False, separators=(",", ":")),
    }


def _current(store: Store, name: str) -> Object | None:
    """Return the newest living version, as far as one page tells: a longer look would cost more than sending."""
    page = store.objects.list(Filter(name=name, state=ObjectState.READ_ONLY), limit=PAGE)
    view = next((view for view in page.objects if view.name == name and is_alive(view)), None)
    return Object(view, store) if view else None


def _is_same(current: Object, source: Source, facts: dict[str, Any], wanted: _Wanted) -> bool:
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
