"""How long a browser listens to its store: as long as a page says that somebody sees it, and a little longer."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE_S: Final = 150.0
"""A page that somebody sees is heard every minute; of these it may miss one."""


def _after(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    timer = threading.Timer(seconds, call)
    timer.name, timer.daemon = "rl-lease", True
    timer.start()
    return timer.cancel


class Lease:
    """Listens while something was heard of a page lately: a page that is gone, or that nobody sees, says nothing.

    Args:
        listen: Begins to listen; returns what ends it.
        clock: Seconds that only go up.
        after: Calls something after so many seconds; returns what prevents it.
    """

    def __init__(
        self,
        listen: Callable[[], Callable[[], None]],
        clock: Callable[[], float] = time.monotonic,
        after: Callable[[float, Callable[[], None]], Callable[[], None]] = _after,
    ) -> None:
        self._listen = listen
        self._clock = clock
        self._after = after
        self._lock = threading.RLock()
        self._heard = clock()
        self._stop: Callable[[], None] | None = None
        self._forget: Callable[[], None] | None = None
        self._lapsed = False
        self._closed = False
        self.heard()

    def heard(self) -> bool:
        """Listen for `LEASE_S` from now on; return whether something may have been missed since the last time."""
        with self._lock:
            if self._closed:
                return False
            self._heard = self._clock()
            if self._stop is None:
                self._stop = self._listen()
                self._forget = self._after(LEASE_S, self._look)
            missed, self._lapsed = self._lapsed, False
            return missed

    def close(self) -> None:
        """Listen no more, harmless twice."""
        with self._lock:
            self._closed = True
            self._end()

    def _look(self) -> None:
        """End it, or look again when it may have ended."""
        with self._lock:
            if self._closed or self._stop is None:
                return
            left = self._heard + LEASE_S - self._clock()
            if left > 0:
                self._forget = self._after(left, self._look)
            else:
                self._end()
                self._lapsed = True

    def _end(self) -> None:
        stop, self._stop = self._stop, None
        forget, self._forget = self._forget, None
        if forget is not None:
            forget()
        if stop is not None:
            stop()
