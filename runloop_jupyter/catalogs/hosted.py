"""The catalog of a hosted service: questions to the process that keeps it, which is started when first asked."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from runloop_jupyter.catalogs import Catalog, kept, messages
from runloop_jupyter.catalogs.child import ANSWER_S, Child
from runloop_jupyter.catalogs.frames import Gone
from runloop_jupyter.catalogs.heard import Heard
from runloop_jupyter.errors import CatalogError, Offline, ProfileError
from runloop_jupyter.wire import json
from runloop_jupyter.wire.browse import BrowseFacetsView, Freshness, PageView, SuggestView

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.store import Store
    from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, SuggestAsked
    from runloop_jupyter.wire.objects import ObjectView

T = TypeVar("T")
STEADY_S: Final = 60.0
"""A process that ends within this time of having been started again isn't started a third time."""
_SAID_S: Final = 30.0
log = logging.getLogger(__name__)


class HostedCatalog(Catalog):
    """What is known of a service's listing, kept and answered by a process of its own.

    Args:
        store: Whose.
        forget: Called when it is closed.
    """

    def __init__(self, store: Store, forget: Callable[[Catalog], None]) -> None:
        self.store = store
        self.changed = Heard(self._say_whether_heard, self._say_whether_heard)
        self._forget = forget
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._heard_lock = threading.Lock()
        self._child: Child | None = None
        self._closed = False
        self._ended: tuple[float, str] | None = None
        self._restarted = float("-inf")
        self._why_not: str | None = None
        self._stop = store.objects.changed.listen(self._note)

    def page(self, asked: PageAsked) -> PageView:
        """Return rows of a list. As for the rest, see `Catalog`."""
        view = self._ask(messages.Page(asked), PageView)
        return msgspec.structs.replace(view, fresh=self._with_trouble(view.fresh)) if self._ended else view

    def facets(self, asked: FacetsAsked) -> BrowseFacetsView:
        """Return counts of what a list may be narrowed by."""
        return self._ask(messages.Facets(asked), BrowseFacetsView)

    def suggest(self, asked: SuggestAsked) -> SuggestView:
        """Return what may be meant by what was typed so far."""
        return self._ask(messages.Suggest(asked), SuggestView)

    def keys(self) -> list[tuple[str, int | None]]:
        """Return users' metadata keys and how many objects have each, most objects first."""
        return self._ask(messages.Keys(), list[tuple[str, int | None]])

    def fresh(self) -> Freshness:
        """Return how far the store is known."""
        return self._with_trouble(self._ask(messages.Fresh(), Freshness))

    def refresh(self, *, whole: bool = False) -> None:
        """Look for new ones now, and go on where a service was in trouble.

        Args:
            whole: Go through all of the store again.
        """
        self._ask(messages.Refresh(whole=whole), messages.Done)

    def close(self) -> None:
        """End the process; what it knows stays on the disk."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        self._stop()
        if child is not None and self._pid == os.getpid():
            child.close()
        self._forget(self)

    @property
    def pid(self) -> int | None:
        """Id of the process that keeps it; None where none runs."""
        return None if self._child is None else self._child.pid

    def _ask(self, message: messages.Asked, answer: type[T], seconds: float = ANSWER_S) -> T:
        question = json.encode(message)
        for _ in range(2):
            child = self._running()
            try:
                self._say_whether_online(child)
                return json.decode(child.ask(question, seconds), answer)
            except Gone:
                self._is_gone(child)
        raise self._gives_up()

    def _running(self) -> Child:
        if self._pid != os.getpid():  # before any lock, which another thread may have held at the fork
            raise self._is_closed()
        with self._lock:
            if self._closed:
                raise self._is_closed()
            if self._child is None:
                now = time.monotonic()
                if self._ended is not None:
                    if now - self._restarted < STEADY_S:
                        raise self._gives_up()
                    self._restarted = now
                self._child, self._why_not = self._start(), None
                if self.changed.is_heard:
                    self._say_whether_heard()
            return self._child

    def _is_closed(self) -> CatalogError:
        return CatalogError(f"this catalog of {self.store.identity.label} is closed. Open it again")

    def _start(self) -> Child:
        profile, identity = self.store.profile, self.store.identity
        if profile.base_url is None or profile.key is None:
            raise ProfileError(f"profile {profile.name} has no URL and key to walk a service by")
        begin = messages.Begin(
            identity=identity.id,
            label=identity.label,
            base_url=profile.base_url,
            key=profile.key,
            directory=str(kept.directory()),
        )
        return Child(begin, self._event, self._is_gone)

    def _is_gone(self, child: Child) -> None:
        """Take notice that a process ended: the next question starts another, once in a while."""
        with self._lock:
            if self._child is not child or self._closed:
                return
            self._child = None
            self._ended = time.monotonic(), child.said()
        log.warning("the catalog's process of %s ended: %s", self.store.identity.label, self._ended[1])
        child.close()
        # Whoever listens asks again, and so has another one started.
        self.changed.send(Freshness(indexed=0, whole=False, trouble=self._why_it_ended()))

    def _why_it_ended(self) -> str:
        why = self._ended[1] if self._ended else "nobody knows why"
        return f"the catalog's process ended ({why})"

    def _gives_up(self) -> CatalogError:
        why = self._ended[1] if self._ended else "nobody knows why"
        return CatalogError(
            f"the process that keeps the catalog of {self.store.identity.label} ends again and again: {why}. "
            "Try again in a minute"
        )

    def _with_trouble(self, fresh: Freshness) -> Freshness:
        """Say for a while that the process had ended, where there is nothing worse to say."""
        if self._ended is None or fresh.trouble or time.monotonic() - self._ended[0] > _SAID_S:
            return fresh
        return msgspec.structs.replace(fresh, trouble=f"{self._why_it_ended()} and was started again")

    def _say_whether_online(self, child: Child) -> None:
        try:
            _ = self.store.objects.service.base_url
            why_not = None
        except Offline as error:
            why_not = str(error)
        if why_not != self._why_not:
            self._why_not = why_not
            child.tell(json.encode(messages.Online(why_not)))

    def _note(self, view: ObjectView) -> None:
        # Whoever put or deleted it doesn't wait, and a catalog that nobody has asked yet will see it anyway.
        if (child := self._child) is not None and self._pid == os.getpid():
            child.tell(json.encode(messages.Changed(msgspec.structs.replace(view, upload_url=None))))

    def _say_whether_heard(self) -> None:
        with self._heard_lock:  # what is said last is what is so
            if (child := self._child) is not None and self._pid == os.getpid():
                child.tell(json.encode(messages.Listen(on=self.changed.is_heard)))

    def _event(self, data: bytes) -> None:
        self.changed.send(self._with_trouble(json.decode(data, Freshness)))
