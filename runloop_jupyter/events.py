"""Who wants to know: a list of listeners, safe to change while it is told."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
log = logging.getLogger(__name__)


class Signal(Generic[T]):
    """Tells its listeners of each event, in the thread of whoever sends it.

    A listener that raises is logged and does not disturb the sender or the others.

    Example:
        >>> signal = Signal[int]()
        >>> stop = signal.listen(print)
        >>> signal.send(3)
        3
        >>> stop()
        >>> signal.send(4)
    """

    def __init__(self) -> None:
        self._listeners: tuple[Callable[[T], None], ...] = ()
        self._lock = threading.Lock()

    def listen(self, listener: Callable[[T], None]) -> Callable[[], None]:
        """Call `listener` with each event from now on; return the function that ends it (harmless twice)."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def stop() -> None:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not listener)

        return stop

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def send(self, event: T) -> None:
        """Hand `event` to every listener."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed")
