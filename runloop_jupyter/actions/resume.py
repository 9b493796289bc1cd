"""resume: a put that was cut off is sent after all, from the spool or the file that it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runloop_jupyter.actions import background as behind
from runloop_jupyter.actions.latest import AskEach
from runloop_jupyter.actions.object import Object, Outcome
from runloop_jupyter.actions.recover import clear_store
from runloop_jupyter.actions.running import run
from runloop_jupyter.actions.send import Packet, deliver
from runloop_jupyter.errors import InputError, ProfileError, RunloopError, one_line
from runloop_jupyter.profile import StoreIdentity
from runloop_jupyter.transfer import journal

if TYPE_CHECKING:
    from runloop_jupyter.actions.background import BackgroundTransfer
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.transfer.transfer import Transfer


def resume(session: Session, intent: Intent, *, background: bool = False) -> Object | BackgroundTransfer:
    """Send what an unfinished put had packed, as it was to be: the same name, metadata and time to live.

    What the first try left in the store is deleted before; the time to live counts from now.

    Raises:
        InputError: It can't be resumed: never packed whole, or its file has changed since.
        ProfileError: No profile reaches its store.
        TransferError: The bytes didn't arrive.
    """
    check(intent)
    transfer = session.transfers.new(intent.name, "up", intent.place, behind=background)

    def work() -> Object:
        return _again(session, intent, transfer)

    return behind.begin(session, transfer, work) if background else run(session, transfer, work)


def clear(session: Session, intent: Intent) -> None:
    """Give an unfinished put up: nothing of it stays, here or in its store.

    Raises:
        ProfileError: No profile reaches its store, and it may have left something there.
        RunloopError: The store can't be asked.
    """
    if intent.metadata:
        clear_store(_store(session, intent), intent)
    intent.close()


def check(intent: Intent) -> None:
    """Refuse what can't be resumed.

    Raises:
        InputError: It was never packed whole, or its file has changed since.
    """
    if intent.resumable:
        return
    if intent.parcel is None:
        raise InputError(f"“{intent.name}” was cut off before it was packed whole. Put it again")
    if intent.spool is None:
        raise InputError(f"{intent.parcel.path} isn't what it was when “{intent.name}” was put. Put it again")
    raise InputError(f"what was packed of “{intent.name}” is gone, or isn't whole. Put it again")


def _again(session: Session, intent: Intent, transfer: Transfer) -> Object:
    transfer.checkpoint()
    store = _store(session, intent)
    mine = journal.claim(intent, transfer.id)
    try:
        if mine.metadata and (finished := clear_store(store, mine)):
            mine.close()
            return Object(finished, store, Outcome(sent=False, notes=("it was whole already",)))
        mine.cleared()
        if mine.parcel is None:  # checked before
            raise InputError(f"“{intent.name}” was never packed whole. Put it again")
        packet = Packet(mine.parcel, Path(mine.parcel.path).stat(), mine)
    except BaseException as error:
        mine.stop(one_line(str(error)) if isinstance(error, RunloopError) else "it was stopped")
        raise
    return deliver(store, packet, transfer, AskEach(store))


def _store(session: Session, intent: Intent) -> Store:
    store = session.find(StoreIdentity(intent.store, intent.place))
    if store is None:
        raise ProfileError(f"no profile reaches {intent.place} under the key that “{intent.name}” was put with")
    return store
