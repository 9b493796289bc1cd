"""Reading ahead: parts of an object that are on their way before they are read, several at a time."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from runloop_jupyter.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.transfer.fetching import Parts

AT_ONCE: Final = 3
PIECE: Final = 4 << 20
"""Bytes of a part: large enough that a request for each costs nothing, small enough that several are soon there."""
FARTHEST: Final = 6 * PIECE
_SPARE: Final = FARTHEST // PIECE
_TICK_S: Final = 0.1


class Ahead:
    """Parts that follow each other, brought by threads into buffers of their own. Used by one thread.

    Never into the buffer of whoever reads: that may be gone while a thread still writes.

    Args:
        parts: Fetches them.
        size: Bytes of the object.
        checkpoint: Called while one is waited for; may raise to stop.
    """

    def __init__(self, parts: Parts, size: int, checkpoint: Callable[[], None]) -> None:
        self._parts = parts
        self._size = size
        self._checkpoint = checkpoint
        self._coming: deque[_Coming] = deque()
        self._spare: list[bytearray] = []
        self._lanes = Lanes(AT_ONCE, "rl-ahead")

    def __bool__(self) -> bool:
        return bool(self._coming)

    def bring(self, start: int, stop: int) -> None:
        """Have the bytes from `start` to `stop` brought, or as many of them as may be on their way at a time.

        Those that are on their way already are not asked for again; others that are no longer wanted are dropped.
        Nothing is asked for as long as half of it is on its way: requests are few and large.
        """
        self._pass_over(start)
        if self._coming and not self._coming[0].start <= start < self._coming[-1].stop:
            self.drop()
        at = self._coming[-1].stop if self._coming else start
        stop = min(stop, self._size, start + FARTHEST)
        if at - start > (stop - start) // 2:
            return
        while at < stop:
            length = min(PIECE, stop - at)
            coming = _Coming(at, length, self._spare.pop() if self._spare else bytearray(PIECE))
            self._coming.append(coming)
            self._lanes.submit(partial(coming.bring, self._parts))
            at += length

    def take(self, position: int, room: memoryview) -> int:
        """Copy what is on its way into `room`, once it is there.

        Returns:
            How many bytes; 0 where none is on its way, or it couldn't be had.
        """
        self._pass_over(position)
        if not self._coming or position < self._coming[0].start:
            return 0
        first = self._coming[0]
        while not first.over.wait(_TICK_S):
            self._checkpoint()
        if first.failed:
            self.drop()
            return 0
        within = position - first.start
        count = min(len(room), first.stop - position)
        room[:count] = first.view[within : within + count]
        return count

    def drop(self) -> None:
        """Forget what is on its way; no more of it is read than is there."""
        self._lanes.clear()
        for coming in self._coming:
            coming.halted = True
        self._coming.clear()

    def _pass_over(self, position: int) -> None:
        while self._coming and self._coming[0].stop <= position:
            passed = self._coming.popleft()
            passed.halted = True
            if passed.over.is_set() and len(self._spare) < _SPARE:
                self._spare.append(passed.buffer)


class _Coming:
    """One part on its way."""

    def __init__(self, start: int, length: int, buffer: bytearray) -> None:
        self.start = start
        self.stop = start + length
        self.buffer = buffer
        self.view = memoryview(buffer)[:length]
        self.halted = False
        self.failed = False
        self.over = threading.Event()

    def bring(self, parts: Parts) -> None:
        try:
            parts.fetch(self.start, self.view, lambda: self.halted)
        except BaseException:  # whoever reads asks again, on a thread of its own, and hears what is wrong
            self.failed = True
        finally:
            self.over.set()
