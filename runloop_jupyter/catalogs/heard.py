"""A signal whose sender works only while somebody listens."""

from __future__ import annotations

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

    def listen(self, listener: Callable[[Freshness], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; return the function that ends it (harmless twice)."""
        was_heard = self.is_heard
        stop = super().listen(listener)
        if not was_heard:
            self._first()

        def stop_it() -> None:
            was_heard = self.is_heard
            stop()
            if was_heard and not self.is_heard:
                self._last()

        return stop_it
