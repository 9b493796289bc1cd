"""Catalogs: what this machine knows of a store's listing, and how fresh that is.

The embedded store keeps an index of itself and is asked directly. Of a hosted service, which can't be searched, a
process of its own walks through the listing into an index on this machine's disk, and answers from that.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runloop_jupyter.events import Signal
    from runloop_jupyter.store import Store
    from runloop_jupyter.wire.browse import (
        BrowseFacetsView,
        FacetsAsked,
        Freshness,
        PageAsked,
        PageView,
        SuggestAsked,
        SuggestView,
    )

__all__ = ["Catalog", "close_all", "of", "opened"]


class Catalog(ABC):
    """What is known of one store's listing. Any thread may ask.

    Every method but `close` raises `StoreError` or `Unreachable` where the store was needed for the answer and gave
    none, and `CatalogError` where this machine can't keep or ask what is known.

    Attributes:
        store: Whose listing it is.
        changed: Told of what came, went or was found out, at most twice a second, from a thread of the catalog's.
    """

    store: Store
    changed: Signal[Freshness]

    @abstractmethod
    def page(self, asked: PageAsked) -> PageView:
        """Return rows of a list."""

    @abstractmethod
    def facets(self, asked: FacetsAsked) -> BrowseFacetsView:
        """Return counts of what a list may be narrowed by."""

    @abstractmethod
    def suggest(self, asked: SuggestAsked) -> SuggestView:
        """Return what may be meant by what was typed so far."""

    @abstractmethod
    def keys(self) -> list[tuple[str, int | None]]:
        """Return users' metadata keys and how many objects have each, most objects first."""

    @abstractmethod
    def fresh(self) -> Freshness:
        """Return how far the store is known."""

    @abstractmethod
    def refresh(self) -> None:
        """Look for new ones now; `changed` tells what came of it."""

    @abstractmethod
    def close(self) -> None:
        """End it, harmless twice: what it knows stays on the disk for the next one."""


def of(store: Store) -> Catalog:
    """Return the catalog of `store`, one a store and process. It begins to look at the store when first asked."""
    with _lock:
        known = _open.get(store.identity.id)
        if known is None:
            if store.profile.embedded:
                from runloop_jupyter.catalogs.embedded import EmbeddedCatalog

                known = EmbeddedCatalog(store, _forget)
            else:
                from runloop_jupyter.catalogs.hosted import HostedCatalog

                known = HostedCatalog(store, _forget)
            _open[store.identity.id] = known
        return known


def opened(store: Store) -> Catalog | None:
    """Return the catalog of `store` if somebody opened it; asking opens nothing and waits for nothing."""
    return _open.get(store.identity.id)


def close_all() -> None:
    """Close every catalog of this process."""
    with _lock:
        catalogs = list(_open.values())
    for each in catalogs:
        each.close()


def _forget(catalog: Catalog) -> None:
    with _lock:
        if _open.get(catalog.store.identity.id) is catalog:
            del _open[catalog.store.identity.id]


def _in_child() -> None:
    # Processes and threads are the parent's; a forked child begins anew.
    global _lock
    _lock = threading.RLock()
    _open.clear()


_lock = threading.RLock()
_open: dict[str, Catalog] = {}
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_in_child)
