"""What expires soon, said once in a kernel: looked for behind once a store is open anyway, and waited for by nobody."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from runloop_jupyter.api.objects import Filter
from runloop_jupyter.display import humane
from runloop_jupyter.lookup import is_alive
from runloop_jupyter.transfer.manifest import is_member
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store

SOON_MS: Final = 48 * 3600 * 1000
LOOK_AT_MOST: Final = 20_000


class _Look:
    """One look through a store, on a thread that a kernel doesn't wait for when it ends."""

    def __init__(self, store: Store, before_ms: float) -> None:
        self.line: str | None = None
        self._store = store
        self._before_ms = before_ms
        threading.Thread(target=self._run, name="rl-expiring", daemon=True).start()

    def _run(self) -> None:
        with suppress(Exception):  # a hint; whoever needs the store hears from it what is wrong with it
            self.line = self._found()

    def _found(self) -> str | None:
        names, seen, more = set(), 0, False
        until = time.time() * 1000 + SOON_MS
        for page in self._store.objects.pages(Filter(state=ObjectState.READ_ONLY)):
            seen += len(page.objects)
            for view in page.objects:
                ends = view.delete_after_time_ms
                if ends is None or ends > until or view.create_time_ms >= self._before_ms:
                    continue
                if is_alive(view) and not is_member(view):
                    names.add(view.name)
            if seen >= LOOK_AT_MOST:
                more = page.has_more
                break
        if not names:
            return None
        verb = "expires" if len(names) == 1 else "expire"
        which = f" of the newest {humane.count(seen)}" if more else ""
        return f"{humane.plural(len(names), 'object')}{which} {verb} within 48 h: %rl_ls --expiring 2d"


_looks: WeakKeyDictionary[Session, _Look] = WeakKeyDictionary()


def look(session: Session, before_ms: float) -> None:
    """Begin to look, once in a session, if its store is open by now.

    Args:
        session: The session.
        before_ms: Only what was put before this; of what was put since, its user knows how long it lives.
    """
    store = session.opened
    if store is not None and session not in _looks:
        _looks[session] = _Look(store, before_ms)


def line(session: Session) -> str | None:
    """Return what is to be said of what was found, once; None while there is nothing."""
    found = _looks.get(session)
    if found is None or found.line is None:
        return None
    said, found.line = found.line, None
    return said
