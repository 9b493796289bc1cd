"""How many connections at once: more while that helps, fewer when a store asks for mercy.

One connection gets what its link gives it: 25 MB/s of a store far away, or all that a disk takes of one on the same
machine. So their number is found out: doubled while it brings a fifth more bytes a second, halved where it doesn't.
Where each brings more than a far link gives, more aren't tried: the processors are the limit then, and what several
bring out of order is read back to be hashed.
"""

from __future__ import annotations

from typing import Final

MOST: Final = 16
AT_FIRST: Final = 1
WINDOW_S: Final = 0.1  # long enough for a rate to mean something, short enough for what takes a second in all
PLENTY: Final = 150_000_000  # bytes a second of each connection: no far link, so more would share what one has
WORTH_IT: Final = 1.2  # twice the connections, and not a fifth more bytes: they share one bottleneck
DOUBTED: Final = 4  # windows: that more don't help is believed later than that they do
SETTLED_S: Final = 5.0  # after that another look: lines and neighbours change
SLOW_START_S: Final = 2.0  # how long connections are waited for that have yet to bring a first byte


class Pace:
    """The number of connections for one transfer.

    Args:
        now: Seconds on some steady clock.
        most: As many as there may ever be.

    Attributes:
        allowed: How many there may be now.
        plenty: Whether more aren't tried, for each brings as much as the processors take.
    """

    def __init__(self, now: float, most: int = MOST) -> None:
        self.allowed = min(AT_FIRST, most)
        self.plenty = False
        self._most = most
        self._before: tuple[int, float] | None = None  # the number before this one, and its bytes a second
        self._raised = now
        self._since = now
        self._bytes: int | None = None
        self._quiet_until = 0.0

    def look(self, now: float, received: int, active: int) -> None:
        """Take note of how it goes, and change `allowed` where that is due.

        Args:
            now: Seconds on the same clock.
            received: Bytes of this transfer so far, over all connections.
            active: Connections that are bringing bytes now.
        """
        if self._bytes is None or (active < self.allowed and now - self._raised < SLOW_START_S):
            # What some bring while others are yet to begin says nothing of them all.
            self._since, self._bytes = now, received
            return
        took = now - self._since
        if took < WINDOW_S or received == self._bytes or now < self._quiet_until:
            return
        rate = (received - self._bytes) / took
        if self._before is not None and rate < self._before[1] * WORTH_IT:
            if took >= DOUBTED * WINDOW_S:
                self._settle(now, self._before[0])
        elif self.allowed < self._most and rate < self.allowed * PLENTY:
            self._before = (self.allowed, rate)
            self._change(now, min(self.allowed * 2, self._most))
        else:
            self.plenty = rate >= self.allowed * PLENTY
            self._settle(now, self.allowed)

    def push_back(self, now: float) -> None:
        """The store is busy (503, 429): half as many, and no more for a while."""
        self._settle(now, max(1, self.allowed // 2))

    def _settle(self, now: float, allowed: int) -> None:
        self._before = None
        self._quiet_until = now + SETTLED_S
        self._change(now, allowed)

    def _change(self, now: float, allowed: int) -> None:
        self.allowed = allowed
        self._raised = self._since = now
        self._bytes = None
