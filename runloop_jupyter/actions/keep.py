"""keep: an object that would expire becomes a version that doesn't."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runloop_jupyter import session as sessions
from runloop_jupyter.actions import here, origins
from runloop_jupyter.actions.as_files import keep_as_files
from runloop_jupyter.actions.object import Object, Outcome
from runloop_jupyter.actions.resolve import resolve, whose
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.send import intended, open_spool
from runloop_jupyter.address import check_name, quoted
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError
from runloop_jupyter.lookup import versions
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.cache import copy, if_any
from runloop_jupyter.transfer.manifest import is_folder, of_whole
from runloop_jupyter.transfer.parts import download, upload
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.transfer.transfer import Transfer


def keep(what: str | Object, name: str | None = None) -> Object:
    """Return a version of an object that has no time to live.

    No store can change a time to live, so the bytes are fetched (or taken from the cache), verified and sent again,
    with the same metadata; the version that expires stays until it does. Nothing is sent where it has no time to live
    already.

    Args:
        what: A name (its newest version), ``name@version``, an id, or an `Object`.
        name: The name to keep it under; its own by default.

    Raises:
        ObjectNotFound: Nothing has that name, or its newest version is gone.
        InputError: It isn't the newest under its name: kept under that, it would take the newest one's place.
        TransferError: The bytes didn't arrive; nothing is left of them.

    Example:
        >>> rl.keep("penguins")  # doctest: +SKIP
    """
    if name is not None:
        check_name(name)
    session = sessions.current()
    label = what.name if isinstance(what, Object) else str(what)
    transfer = session.transfers.new(label, "up", session.profile.label)

    def work() -> Object:
        thing = resolve(session, what, transfer)
        thing = whose(thing, what, versions(thing.store, thing.name, transfer))
        if name in {None, thing.name}:
            if thing.expires is None:
                return replace(thing, outcome=Outcome(sent=False, notes=("it never expires: nothing to do",)))
            _check_newest(thing, transfer)
        return _again(thing, name or thing.name, transfer)

    return run(session, transfer, work)


def _check_newest(thing: Object, looking: Transfer) -> None:
    newest = next(versions(thing.store, thing.name, looking), None)
    if newest is not None and newest.id != thing.id:
        raise InputError(
            f"{thing.version} is not the newest under its name, and kept as {quoted(thing.name)} it would become that. "
            "Keep it under another one: -n NAME (name= in Python)"
        )


def _again(thing: Object, name: str, transfer: Transfer) -> Object:
    store, size = thing.store, thing.size or 0
    if is_folder(thing.view):
        view, moved = keep_as_files(thing, name, transfer)
        origins.remember(store.identity.id, view.id, here.whereabouts())
        superseded = thing if name == thing.name and not thing.public else None
        return Object(view, store, Outcome(sent=True, superseded=superseded, moved=moved))
    with intended(store, name, transfer) as (intent, spool):
        with room(spool.parent, size, thing.name):
            if not _is_copied(thing, spool, transfer):
                with open_spool(spool) as file:
                    download(store.objects, thing.view, file, transfer, thing.digest)
        # Never empty: it is by its metadata that the next load finds what a killed kernel made.
        intent.with_metadata(of_whole(thing.view.metadata) or {"rl.kind": thing.kind})
        parameters = ObjectCreateParameters(name=name, content_type=thing.view.content_type, metadata=intent.metadata)
        view = upload(store.objects, spool, spool.stat(), parameters, transfer, intent)
        origins.remember(store.identity.id, view.id, here.whereabouts())
        superseded = thing if name == thing.name and not thing.public else None
        return Object(view, store, Outcome(sent=True, superseded=superseded, notes=_cost(thing)))


def _is_copied(thing: Object, spool: Path, transfer: Transfer) -> bool:
    """Copy the bytes from the cache if they are there; return whether they were, and are those that were put."""
    cache = if_any()
    here = cache.open(thing.store.identity.id, thing.view, transfer) if cache else None
    if here is None:
        return False
    with here, open_spool(spool) as file:
        transfer.begin(Phase.READING, thing.size)
        copy(here, file, transfer.advance)
    if thing.digest:
        transfer.begin(Phase.HASHING, thing.size)
        if digest.of_file(spool, transfer.advance, thing.digest.partition(":")[0]) != thing.digest:
            spool.unlink()
            return False
    return True


def _cost(thing: Object) -> tuple[str, ...]:
    ends = thing.view.delete_after_time_ms
    until = "" if ends is None else f" until {humane.utc(ends)}"
    return (f"{humane.size(thing.size or 0)} were sent again; the version it was kept from takes as much{until}",)
