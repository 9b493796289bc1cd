"""Folders that go as files: what of them the version before hasn't is sent, and what was is said."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError, RunloopError, TransferError
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.folders import members, removing
from runloop_jupyter.transfer.folders.contents import InStore, OnDisk
from runloop_jupyter.transfer.folders.fetching import Fetching
from runloop_jupyter.transfer.folders.sending import Base, Left, Sending
from runloop_jupyter.transfer.manifest import is_folder, set_of
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.folders.listing import Listing
    from runloop_jupyter.transfer.folders.scanning import Scan
    from runloop_jupyter.transfer.folders.sending import Sent
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView


def send_as_files(
    store: Store,
    scan: Scan,
    parameters: ObjectCreateParameters,
    transfer: Transfer,
    intent: Intent,
    current: ObjectView | None,
) -> tuple[ObjectView, str]:
    """Send what of a folder the current version hasn't.

    Args:
        store: Where to.
        scan: What is in the folder.
        parameters: What its head shall be.
        transfer: Told how far it is; its `cancel` stops this.
        intent: On disk already; closed once nothing is left to clear.
        current: The version whose files are shared; None for none.

    Returns:
        The new version, and in words what was sent of it.

    Raises:
        TransferError: A file changed, or bytes couldn't be sent.
        StoreError: The store refused.
    """
    base = None
    if current is not None and is_folder(current):
        with suppress(TransferError):  # what can't be read can't be shared
            base = Base(current, members.read(store.objects, store.identity.id, current, transfer))
        transfer.checkpoint()
    where = store.objects, store.identity.id
    with _left_over(store, parameters.name) as left:
        sent = Sending(*where, scan.listing, OnDisk(scan.looks), parameters, transfer, intent, base, left).run()
    return sent.head, said_of(scan.listing, sent)


@contextmanager
def _left_over(store: Store, name: str) -> Iterator[Left | None]:
    """Give what a put of the same name left when it lost the store; once this one is whole, the rest of it is cleared.

    Claimed, so that no load clears it meanwhile; after a failure it waits for the next try, or the next load.
    """
    unfinished = [each for each in journal.unfinished() if each.store == store.identity.id and each.name == name]
    found = next((each for each in reversed(unfinished) if removing.is_put(each)), None)
    try:
        mine = journal.claim(found, os.urandom(6).hex()) if found else None
    except InputError:  # somebody was faster
        mine = None
    if found is None or mine is None:
        yield None
        return
    try:
        yield Left(set_of(found.metadata) or "", found.id)
    except BaseException:
        mine.stop(found.stopped or "it was tried again in vain")
        raise
    with suppress(RunloopError):
        removing.clear(store.objects, store.identity.id, replace(mine, id=found.id))
        mine.close()


def keep_as_files(thing: Object, name: str, transfer: Transfer) -> tuple[ObjectView, str]:
    """Send a folder again without a time to live: its files that have none are shared, the others fetched and sent.

    Args:
        thing: The folder.
        name: What to call it.
        transfer: Told how far it is; its `cancel` stops this.

    Returns:
        The new version, and in words what was sent of it.

    Raises:
        TransferError: A file of it is gone, or bytes couldn't be moved; nothing is left of them.
        StoreError: The store refused.
    """
    store, view = thing.store, thing.view
    listing = members.read(store.objects, store.identity.id, view, transfer)
    fetching = Fetching(store.objects, store.identity.id, thing.name, listing, transfer)
    base = Base(view, listing) if name == thing.name else None  # of another name is another set
    parameters = ObjectCreateParameters(name=name, content_type=view.content_type, metadata=view.metadata)
    intent = journal.begin(store.identity.id, store.identity.label, name, None, id=transfer.id)
    contents, where = InStore(fetching.write), (store.objects, store.identity.id)
    sent = Sending(*where, listing, contents, parameters, transfer, intent, base).run()
    return sent.head, said_of(listing, sent)


def said_of(listing: Listing, sent: Sent) -> str:
    """Return in words what was sent of a folder: ``2,000 files, 20.0 GiB: 1 file (10.0 MiB) sent, 1,999 known``."""
    count = len(listing.files) + len(listing.links)  # as an archive counts them
    what = f"{humane.plural(count, 'file')}, {humane.size(listing.size)}"
    if sent.files == sum(1 for file in listing.files if file.size):
        return f"{what}: all sent"
    return f"{what}: {humane.plural(sent.files, 'file')} ({humane.size(sent.bytes)}) sent, {count - sent.files:,} known"


def are_there(store: Store, head: ObjectView, transfer: Transfer) -> bool:
    """Whether all that is in a folder can still be fetched."""
    return members.are_there(store.objects, store.identity.id, head, transfer)
