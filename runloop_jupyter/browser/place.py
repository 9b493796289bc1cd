"""Place, the store that a browser shows: what is done there keeps it, whatever ``%rl_use`` says meanwhile."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter import catalogs
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.object import Object
from runloop_jupyter.errors import ObjectNotFound, RunloopError
from runloop_jupyter.lookup import by_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runloop_jupyter.catalogs import Catalog
    from runloop_jupyter.profile import Profile
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Phase, Snapshot, Transfer
    from runloop_jupyter.widgets.asked import Asked
    from runloop_jupyter.wire.objects import ObjectView

KNOWN: Final = 5000
"""Objects that were shown lately and needn't be asked for when somebody selects them."""


class Place:
    """One store for as long as a browser is open.

    Args:
        profile: How it is reached; by default the current profile.
        catalog: Who answers what its list is asked for; by default what the store has.

    Attributes:
        session: The kernel's session, as it was; shares its transfers.
        store: The store.
        catalog: As given.
    """

    def __init__(self, profile: Profile | None = None, catalog: Catalog | None = None) -> None:
        self.session: Session = sessions.current().as_it_is(profile)
        self.session.shows_progress = False
        self.store: Store = self.session.store
        self.catalog: Catalog = catalog or catalogs.of(self.store)
        self._known: OrderedDict[str, ObjectView] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, views: Sequence[ObjectView]) -> None:
        """Keep what is shown, for when somebody selects it."""
        with self._lock:
            for view in views:
                self._known[view.id] = view
                self._known.move_to_end(view.id)
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)

    def object(self, object_id: str) -> Object:
        """Return the object with that id, as it was when it was shown, or as the store has it.

        Raises:
            ObjectNotFound: There is none.
            StoreError: The store can't say.
        """
        with self._lock:
            view = self._known.get(object_id)
        view = view or by_id(self.store, object_id)
        if view is None:
            raise ObjectNotFound(f"{object_id[:40]} is not in the {self.store.identity.label}")
        self.remember([view])
        return Object(view, self.store)

    def forget(self, object_id: str) -> None:
        """It is gone."""
        with self._lock:
            self._known.pop(object_id, None)

    def look_again(self) -> None:
        """Have the list brought up to date, after something was changed."""
        with suppress(RunloopError):  # what was done is done; the list says itself how old it is
            self.catalog.refresh()

    @contextmanager
    def at_work(self, asked: Asked, *, without: Phase | None = None) -> Iterator[None]:
        """Let actions in the block use this store; a cancel reaches the transfers that they begin.

        How far they are is told as progress ``{phase, done, total}``.

        Args:
            asked: The request that they carry out.
            without: A phase of which nothing is told.
        """
        mine = threading.get_ident()

        def tell(now: Snapshot) -> None:
            if now.phase is not without:
                asked.progress({"phase": now.phase.value, "done": now.done, "total": now.total})

        def begun(transfer: Transfer) -> None:
            if threading.get_ident() != mine:  # somebody else's: it is told on the thread that begins it
                return
            stops_with(asked, transfer)
            transfer.changed.listen(tell)

        stop = self.session.transfers.added.listen(begun)
        try:
            with sessions.within(self.session):
                yield
        finally:
            stop()


def stops_with(asked: Asked, transfer: Transfer) -> None:
    """Let a request and a transfer end together, whichever of them is cancelled: each may wait for something."""
    transfer.hurry = asked.cancel
    asked.on_cancel(transfer.cancel)
