"""After a kernel that was killed: nothing of what it had begun stays in a store; what was packed can be resumed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.display import humane
from runloop_jupyter.errors import NotFound, RunloopError, SetBusy
from runloop_jupyter.profile import StoreIdentity
from runloop_jupyter.transfer import journal, spools
from runloop_jupyter.transfer.manifest import FILES, PART, set_of

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.journal import Intent
    from runloop_jupyter.wire.objects import ObjectView

CLOCKS_DIFFER_MS: Final = 600_000
NAMED: Final = 4


def recover(session: Session) -> list[str]:
    """Clear what killed kernels left in stores, and return a line for each thing that its user should know.

    What was packed whole stays, with its spool, until it is resumed, cancelled, or a week old. Reaches for the store
    only when there is something to clear in it.
    """
    said = [f"the unfinished put of “{intent.name}” was cleared: {why}" for intent, why in spools.sweep()]
    kept: list[Intent] = []
    for intent in journal.abandoned():
        line = _clear(session, intent)
        if line is None:
            kept.append(intent)
        elif not intent.quiet:
            said.append(line)
    return [*said, *_offer(kept)]


def clear_store(store: Store, intent: Intent) -> ObjectView | None:
    """Delete what the intent made; return what had been completed after all, and so stays.

    Raises:
        RunloopError: The store can't be asked.
    """
    from runloop_jupyter.api.objects import Filter
    from runloop_jupyter.wire.objects import ObjectState

    if intent.metadata.get("rl.format") == FILES:
        from runloop_jupyter.transfer.folders import removing

        return removing.clear(store.objects, store.identity.id, intent)
    if set_of(intent.metadata):
        from runloop_jupyter.transfer import parts

        return parts.clear(store.objects, intent)
    views = []
    for object_id in intent.objects:
        with suppress(NotFound):
            views.append(store.objects.get(object_id))
    if intent.metadata and not intent.objects:
        # Killed between the store's making it and our hearing of it: found by what it was created with.
        since = intent.began * 1000 - CLOCKS_DIFFER_MS
        for page in store.objects.pages(Filter(name=intent.name, state=ObjectState.UPLOADING)):
            views += [
                view
                for view in page.objects
                if view.name == intent.name and view.metadata == intent.metadata and view.create_time_ms >= since
            ]
    for view in views:
        if view.state == ObjectState.UPLOADING:
            with suppress(NotFound):
                store.objects.delete(view.id)
    return next((view for view in views if view.state == ObjectState.READ_ONLY), None)


def _clear(session: Session, intent: Intent) -> str | None:
    """Clear what an intent left; return what became of it, None where it can be resumed."""
    when = humane.utc(int(intent.began * 1000))
    what = f"put of “{intent.name}” ({when}) was cut off"
    if not intent.metadata:  # nothing was created yet
        if intent.resumable:
            return None
        why = _changed(intent)
        intent.close()
        return f"{what} before anything was sent; cleared. {why}Put it again"
    try:
        store = session.find(StoreIdentity(intent.store, intent.place))
        if store is None:
            return f"{what}; it is cleared once a profile reaches {intent.place} again, under the key it had"
        finished = clear_store(store, intent)
    except SetBusy:
        return f"{what}; what is left is cleared by a later load, for another put of it is going on"
    except RunloopError as error:
        return f"{what}; {intent.place} can't be reached to clear it: {error}"
    if intent.metadata.get("rl.kind") == PART:
        intent.close()
        state = "it is there still" if finished else "the rest of it was deleted"
        return f"rm of “{intent.name}” ({when}) was cut off; {state}"
    if finished:
        intent.close()
        return f"{what} just after it was whole; it is there"
    if intent.resumable:
        intent.cleared()
        return None
    why = _changed(intent)
    intent.close()
    return f"{what}; cleared. {why}Put it again"


def _changed(intent: Intent) -> str:
    if intent.parcel is None or intent.spool:
        return ""
    return f"{intent.parcel.path} isn't what it was, so it can't be resumed. "


def _offer(kept: list[Intent]) -> list[str]:
    if not kept:
        return []
    ways = "%rl_transfers resume sends {0}, %rl_transfers cancel {1} clears {0}"
    if len(kept) == 1:
        when = humane.utc(int(kept[0].began * 1000))
        size = humane.size(kept[0].parcel.size) if kept[0].parcel else ""
        return [f"put of “{kept[0].name}” ({size}, {when}) was cut off: {ways.format('it', kept[0].id)}"]
    named = ", ".join(f"“{intent.name}”" for intent in kept[:NAMED])
    more = f" and {len(kept) - NAMED} more" if len(kept) > NAMED else ""
    return [f"{len(kept)} puts were cut off ({named}{more}): {ways.format('them', '--all')}"]
