"""Which version is the newest under a name, as a put asks before it sends: each by itself, or for many at once."""

from __future__ import annotations

import threading
from itertools import takewhile
from typing import TYPE_CHECKING, Final, Protocol

from runloop_jupyter.api.objects import LARGEST_PAGE, Filter
from runloop_jupyter.lookup import PAGE, gone_after, is_alive
from runloop_jupyter.transfer.manifest import is_member
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Collection

    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

# A walk for many names must not become one through a whole account: what it doesn't find is simply sent.
MORE_PAGES: Final = 1


class Latest(Protocol):
    """Says what is current, as far as it looked: a longer look would cost more than sending."""

    def current(self, name: str) -> ObjectView | None:
        """Return the newest living version under exactly `name`."""

    def is_gone_after(self, view: ObjectView) -> bool:
        """Whether a newer version than `view` was deleted or has expired: then its name is an error."""


class AskEach:
    """Asks for each name by itself, a page at most.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self, name: str) -> ObjectView | None:
        """Return the newest living version under exactly `name`."""
        page = self._store.objects.list(Filter(name=name, state=ObjectState.READ_ONLY), limit=PAGE)
        return next((view for view in page.objects if view.name == name and _counts(view)), None)

    def is_gone_after(self, view: ObjectView) -> bool:
        """Whether a newer version than `view` is gone."""
        return gone_after(self._store, view) is not None


class AskOnce:
    """Walks once through what has names like these, newest first, and answers for all of them.

    The walk is of as many pages of 5,000 as the names would fill, and one more.

    Args:
        store: Where they are.
        names: The names that will be asked about.
        looking: Stops the walk between two pages when it is cancelled.
    """

    def __init__(self, store: Store, names: Collection[str], looking: Transfer) -> None:
        self._store = store
        self._names = frozenset(names)
        self._looking = looking
        self._lock = threading.Lock()
        self._current: dict[str, ObjectView] | None = None
        self._gone: dict[str, int] | None = None

    def current(self, name: str) -> ObjectView | None:
        """Return the newest living version under exactly `name`."""
        with self._lock:
            if self._current is None:
                found: dict[str, ObjectView] = {}
                for view in self._walk(ObjectState.READ_ONLY):
                    if _counts(view):
                        found.setdefault(view.name, view)
                self._current = found
            return self._current.get(name)

    def is_gone_after(self, view: ObjectView) -> bool:
        """Whether a newer version than `view` is gone."""
        with self._lock:
            if self._gone is None:
                gone: dict[str, int] = {}
                for each in self._walk(ObjectState.DELETED):
                    if each.size_bytes is not None:  # an upload that was stopped is no version of anything
                        gone[each.name] = max(each.create_time_ms, gone.get(each.name, 0))
                self._gone = gone
            return self._gone.get(view.name, 0) > view.create_time_ms

    def _walk(self, state: ObjectState) -> list[ObjectView]:
        shared = _shared_beginning(self._names)
        most = -(-len(self._names) // LARGEST_PAGE) + MORE_PAGES
        found: list[ObjectView] = []
        for number, page in enumerate(self._store.objects.pages(Filter(name=shared or None, state=state)), start=1):
            self._looking.checkpoint()
            found += [view for view in page.objects if view.name in self._names]
            if number == most:
                break
        return found


def _counts(view: ObjectView) -> bool:
    return is_alive(view) and not is_member(view)


def _shared_beginning(names: Collection[str]) -> str:
    pairs = zip(min(names, default=""), max(names, default=""), strict=False)
    return "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
