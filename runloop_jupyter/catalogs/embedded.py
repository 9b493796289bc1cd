"""The catalog of the embedded store, which is the store itself: it keeps an index, and is asked directly."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

from runloop_jupyter.api.browsing import Browsing
from runloop_jupyter.catalogs import Catalog
from runloop_jupyter.catalogs.heard import Heard
from runloop_jupyter.errors import CatalogError, RunloopError
from runloop_jupyter.options import RESERVED
from runloop_jupyter.wire.browse import Freshness, PageAsked, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runloop_jupyter.store import Store
    from runloop_jupyter.wire.browse import BrowseFacetsView, FacetsAsked, PageView, SuggestAsked, SuggestView
    from runloop_jupyter.wire.objects import ObjectView

T = TypeVar("T")
POLL_S: Final = 2.0
"""How often the store is asked whether something has come or gone, while somebody listens."""
LEAST_S: Final = 0.5
LONGEST_S: Final = 60.0
"""How seldom one is asked that gives no answer: each question may try to start it, or keep an older one from going."""
_ANYTHING: Final = PageAsked(query=Query(folded=False), n=1)
log = logging.getLogger(__name__)


class EmbeddedCatalog(Catalog):
    """The embedded store, asked over HTTP.

    Args:
        store: Which.
        forget: Called when it is closed.
    """

    def __init__(self, store: Store, forget: Callable[[Catalog], None]) -> None:
        self.store = store
        self.changed = Heard(self._listened_to, self._wake_up)
        self._browsing = Browsing(store.objects.service)
        self._forget = forget
        self._pid = os.getpid()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._stop = store.objects.changed.listen(self._note)

    def page(self, asked: PageAsked) -> PageView:
        """Return rows of a list. As for the rest, see `Catalog`."""
        return self._offered(self._browsing.page(asked))

    def facets(self, asked: FacetsAsked) -> BrowseFacetsView:
        """Return counts of what a list may be narrowed by."""
        return self._offered(self._browsing.facets(asked))

    def suggest(self, asked: SuggestAsked) -> SuggestView:
        """Return what may be meant by what was typed so far."""
        return self._offered(self._browsing.suggest(asked))

    def keys(self) -> list[tuple[str, int | None]]:
        """Return users' metadata keys and how many objects have each, most objects first."""
        counted = self.store.objects.metadata_keys()
        numbers: Sequence[int | None] = counted.counts or [None] * len(counted.texts)
        keys = [
            (key, n)
            for key, n in zip(counted.texts, numbers, strict=True)
            if not key.startswith(RESERVED) and n != 0  # what only unfinished objects have finds nothing
        ]
        return sorted(keys, key=lambda each: (-(each[1] or 0), each[0]))

    def fresh(self) -> Freshness:
        """Return how far the store is known: wholly, as long as it answers."""
        return self.page(_ANYTHING).fresh

    def refresh(self) -> None:
        """Tell listeners what is new now."""
        self._wake_up()

    def close(self) -> None:
        """End it, harmless twice."""
        self._closed = True
        self._stop()
        self._wake_up()
        self._forget(self)

    def _offered(self, answer: T | None) -> T:
        if answer is None:
            raise CatalogError(
                f"the {self.store.identity.label} that runs is of an earlier version, which can't be browsed. Stop it "
                "(runloop-local stop): the next call starts this one"
            )
        return answer

    def _note(self, view: ObjectView) -> None:
        self._wake_up()

    def _wake_up(self) -> None:
        self._wake.set()

    def _listened_to(self) -> None:
        with self._lock:
            if self._thread is None and not self._closed and self._pid == os.getpid():
                self._thread = threading.Thread(target=self._poll, name="rl-changes", daemon=True)
                self._thread.start()

    def _poll(self) -> None:
        """Ask again and again whether anything is new, and tell; ends when nobody listens."""
        as_of: str | None = None
        trouble: str | None = None
        every = POLL_S
        while True:
            with self._lock:
                if self._closed or not self.changed.is_heard:
                    self._thread = None
                    return
            try:
                page = self.page(PageAsked(query=_ANYTHING.query, n=1, as_of=as_of))
                if as_of is None or page.newer or trouble:
                    page = self.page(_ANYTHING)
                    self.changed.send(page.fresh)
                as_of, trouble, every = page.as_of, None, POLL_S
            except RunloopError as error:
                every = min(every * 2, LONGEST_S)
                if trouble is None:
                    trouble = str(error)
                    self.changed.send(Freshness(indexed=0, whole=False, trouble=trouble))
            except Exception:
                log.debug("the store can't be asked what is new", exc_info=True)
            self._wake.wait(every)
            self._wake.clear()
            time.sleep(LEAST_S)
