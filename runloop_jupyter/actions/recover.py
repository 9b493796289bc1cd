"""After a kernel that was killed: what it had begun is cleared away, and said."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.display import humane
from runloop_jupyter.errors import NotFound, RunloopError
from runloop_jupyter.profile import StoreIdentity
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.manifest import PART, set_of

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.journal import Intent

CLOCKS_DIFFER_MS: Final = 600_000


def recover(session: Session) -> list[str]:
    """Clear what killed kernels left, and return a line for each thing that was unfinished.

    Reaches for the store only when there is something to clear in it.
    """
    return [_clear(session, intent) for intent in journal.abandoned()]


def _clear(session: Session, intent: Intent) -> str:
    when = humane.utc(int(intent.began * 1000))
    what = f"put of “{intent.name}” ({when}) was cut off"
    if intent.spool:
        with suppress(OSError):
            Path(intent.spool).unlink()
    if not intent.metadata:  # nothing was created yet
        intent.close()
        return f"{what} before anything was sent; cleared. Put it again"
    try:
        store = session.find(StoreIdentity(intent.store, intent.place))
        if store is None:
            return f"{what}; it is cleared once a profile reaches {intent.place} again, under the key it had"
        finished = _delete_unfinished(store, intent)
    except RunloopError as error:
        return f"{what}; {intent.place} can't be reached to clear it: {error}"
    intent.close()
    if intent.metadata.get("rl.kind") == PART:
        state = "it is there still" if finished else "the rest of it was deleted"
        return f"rm of “{intent.name}” ({when}) was cut off; {state}"
    return f"{what} just after it was whole; it is there" if finished else f"{what}; cleared. Put it again"


def _delete_unfinished(store: Store, intent: Intent) -> bool:
    """Delete what the intent made; return whether it had been completed after all, and so stays."""
    from runloop_jupyter.api.objects import Filter
    from runloop_jupyter.wire.objects import ObjectState

    if set_of(intent.metadata):
        from runloop_jupyter.transfer import parts

        return parts.clear(store.objects, intent) is not None
    views = []
    for object_id in intent.objects:
        with suppress(NotFound):
            views.append(store.objects.get(object_id))
    if not intent.objects:
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
    return any(view.state == ObjectState.READ_ONLY for view in views)
