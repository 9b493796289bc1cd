"""A signal whose sender works only while somebody listens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from runloop_jupyter.events import Signal
from runloop_jupyter.wire.browse import Freshness

if TYPE_CHECKING:
    from collections.abc import Callable


class Heard(Signal[Freshness]):
    """Tells how fresh a catalog is.

    Args:
        first: Called when there is a listener, and there was none.
        last: Called when there is none any more.
    """

    def __init__(self, first: Callable[[], None], last: Callable[[], None]) -> None:
        super().__init__()
        self._first = first
        self._last = last
        self._turn = threading.Lock()  # who is first, or last, is told in the order in which that came about

    def listen(self, listener: Callable[[Freshness], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; return the function that ends it (harmless twice)."""
        with self._turn:
            was_heard = self.is_heard
            stop = super().listen(listener)
            if not was_heard:
                self._first()

        def stop_it() -> None:
            with self._turn:
                was_heard = self.is_heard
                stop()
                if was_heard and not self.is_heard:
                    self._last()

        return stop_it
