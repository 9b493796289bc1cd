"""What is received goes into the file: at once, or on a thread of its own while more is received.

Receiving, writing and hashing a gibibyte cost about as much each. One connection with a thread beside it that writes
and hashes keeps two cores busy, and the bytes are hashed while they are still in the processor's cache; two
connections whose threads write to one file wait for each other, and what they bring out of order is read back.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final, Protocol

from runloop_jupyter.transfer.checking import STEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.transfer.checking import Check
    from runloop_jupyter.transfer.partial import Partial
    from runloop_jupyter.transfer.receiving import Lane

BUFFER: Final = 512 << 10
AT_FIRST: Final = 4
"""Buffers with one connection; each other one adds one, which it fills while the rest are written."""


class Writing(Protocol):
    """Where what is received goes."""

    def buffer(self) -> memoryview:
        """Return a buffer to fill. Raises what went wrong with what was handed over before."""

    def hand_over(self, buffer: memoryview, count: int, lane: Lane) -> None:
        """Have the first `count` bytes of a buffer written where `lane` is, and `lane` moved on past them."""

    def flush(self) -> None:
        """Return once all that was handed over is written. Raises what went wrong."""


class AtOnce:
    """Writes on the thread that receives.

    Args:
        partial: The file.
        check: Taken along.
        size: Bytes of the object; None where nobody knows.
        moved: Told the bytes of each write; may raise to stop.
    """

    def __init__(self, partial: Partial, check: Check, size: int | None, moved: Callable[[int], None]) -> None:
        self._partial = partial
        self._check = check
        self._moved = moved
        self._buffer = memoryview(bytearray(BUFFER if size is None else max(1, min(BUFFER, size))))

    def buffer(self) -> memoryview:
        """Return the buffer."""
        return self._buffer

    def hand_over(self, buffer: memoryview, count: int, lane: Lane) -> None:
        """Write it."""
        self._partial.write(buffer[:count], lane.start)
        self._check.take(buffer[:count], lane.start)
        lane.start += count
        self._moved(count)

    def flush(self) -> None:
        """Return: it is written."""


class Beside:
    """Writes on a thread of its own, for all connections of a transfer; theirs are the methods.

    Args:
        partial: The file.
        check: Touched by nobody else inside the block.
        moved: Told the bytes of each write, on that thread; may raise to stop.

    Example:
        >>> with Beside(partial, check, moved) as writing:  # doctest: +SKIP
        ...     buffer = writing.buffer()
        ...     writing.hand_over(buffer, answer.fill(buffer), lane)
    """

    def __init__(self, partial: Partial, check: Check, moved: Callable[[int], None]) -> None:
        self._partial = partial
        self._check = check
        self._moved = moved
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[tuple[memoryview, int, Lane] | threading.Event | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, name="rl-write", daemon=True)
        for _ in range(AT_FIRST):
            self.add_buffer()

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Return once nothing is written any more; of what was handed over all is, unless something went wrong."""
        self._full.put(None)
        self._thread.join()

    def add_buffer(self) -> None:
        """Have one buffer more."""
        self._free.put(memoryview(bytearray(BUFFER)))

    def stop(self) -> None:
        """Write nothing more: the transfer is over."""
        self._over = True

    def look(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise self._error

    def buffer(self) -> memoryview:
        """Return a buffer to fill, once there is one."""
        self.look()
        buffer = self._free.get()
        self.look()
        return buffer

    def hand_over(self, buffer: memoryview, count: int, lane: Lane) -> None:
        """Have it written; it must not be touched after this."""
        self._full.put((buffer, count, lane))

    def flush(self) -> None:
        """Return once all that was handed over so far is written, or can't be."""
        written = threading.Event()
        self._full.put(written)
        written.wait()
        self.look()

    def _run(self) -> None:
        while (item := self._full.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            buffer, count, lane = item
            try:
                if count and self._error is None and not self._over:
                    self._write(buffer[:count], lane)
            except BaseException as error:
                self._error = error
            finally:
                self._free.put(buffer)

    def _write(self, data: memoryview, lane: Lane) -> None:
        self._partial.write(data, lane.start)
        self._check.take(data, lane.start)
        lane.start += len(data)
        self._check.catch_up(self._unless_over, least=STEP)
        self._moved(len(data))

    def _unless_over(self) -> None:
        if self._over:
            raise Stopped


class Stopped(Exception):
    """The transfer is over; nobody hears of this."""
