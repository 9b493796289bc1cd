"""An object read by ranges by many at once: blocks of it, some kept, some on their way before they are asked for.

Mapped memory is read by several threads at once, two columns of a table are read in turns, and the system itself
reads a little ahead and out of order: so this keeps no position, but notes up to 16 *runs*, each a reading that goes
straight on, and fetches ahead of each by itself.

What is fetched ahead may be in vain, so it is a share of what was read: of the first 8 MiB a quarter, at most 512 KiB,
and nothing past those until more was read, for a column of a table often has no more in one piece; then 384 KiB, and a
16th from 16 MiB on. Where two runs went so far before, as the pieces of one column do, a third is believed to go as
far: up to there twice as much is fetched as was read, and requests are few. Where nothing was read but the first
32 MiB, all of it will be, and half as much is fetched ahead: a table's reader looks at its end first. So a column in
pieces of 8 MiB or more costs some hundredths more than it has.

Memory: of each open file `KEPT` bytes of blocks that were read, and at most `FARTHEST` of those on their way for each
run; over all open files `BUDGET`, past which nothing is fetched ahead. What was read stays in the system's own page
cache, so little is kept here.
"""

from __future__ import annotations

import bisect
import itertools
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import TransferError
from runloop_jupyter.lanes import Lanes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.transfer.fetching import Parts

BLOCK: Final = 64 << 10
"""Bytes that a fetch is rounded to: a Parquet footer, or the headers of a file, are most often one of these."""
KEPT: Final = 8 << 20
PIECE: Final = 4 << 20
"""Bytes of one request ahead at most: large enough that a request costs nothing, small enough to be there soon."""
FARTHEST: Final = 32 << 20
BUDGET: Final = 256 << 20
AT_ONCE: Final = 4
_LEAST: Final = 128 << 10
"""Bytes of a request ahead at the least."""
_ASKED_AT_ONCE: Final = 16
PATIENCE_S: Final = 60.0
"""Seconds that a reader waits for the network, at most, before it is told that there is nothing."""
_SPARE: Final = 4
_RUNS: Final = 16
_CHUNK: Final = 8 << 20
"""Bytes that a column of a table has in one piece, or more: what comes after them may be another's."""
_MOST_WITHIN: Final = 512 << 10
_OVER: Final = 512 << 10
"""Bytes that the system may read past such a piece by itself."""
_BEYOND: Final = 384 << 10
_ALL_OF_IT: Final = 32 << 20
"""Bytes from the beginning on, after which somebody reads all of it."""
_SURE: Final = 512 << 10
"""Bytes from which on a run may be like those before."""
_TELLING: Final = 1 << 20
"""Bytes that a run must have read for others to be taken for as long."""
_LATE: Final = 1 << 20
_EARLY: Final = 256 << 10
"""Bytes by which a read may come late or early and still be of a run: the system sends several at a time."""
_LARGE: Final = 1 << 20
"""Bytes of what isn't kept once it was read."""


def allowed(straight: int, expected: int = 0, *, alone: bool = False) -> int:
    """Return how many bytes may be fetched ahead.

    Args:
        straight: How many were read straight on.
        expected: How many will be, going by those before; 0 where nothing tells.
        alone: Whether they are the first ones of the object, and nothing else of it was ever read.
    """
    if alone and straight >= _ALL_OF_IT:
        return min(straight // 2, FARTHEST)
    if _SURE <= straight < expected:
        return min(expected - straight, 2 * straight, FARTHEST)
    if straight >= 2 * _CHUNK:
        return min(straight // 16, FARTHEST)
    if straight >= _CHUNK:
        return _BEYOND if straight >= _CHUNK + _OVER else 0
    return min(straight // 4, _MOST_WITHIN, _CHUNK - straight)


class Budget:
    """Bytes that all readers of a process hold together.

    Args:
        limit: How many they may, before nothing is fetched ahead any more.
    """

    def __init__(self, limit: int = BUDGET) -> None:
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()

    def add(self, n_bytes: int) -> None:
        """Count bytes that are held now, or no more where it is negative."""
        with self._lock:
            self._held += n_bytes

    @property
    def free(self) -> int:
        """How many more may be held; negative where what was asked for took more than there are."""
        return self._limit - self._held


@dataclass(eq=False)
class _Span:
    """Some bytes of the object, here or on their way."""

    start: int
    stop: int
    used: int
    buffer: bytearray = field(repr=False)
    over: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    unread: int = 0
    readers: int = 0


@dataclass
class _Run:
    """A reading that goes straight on: where it is, how many bytes it read, and how many those before it did."""

    end: int
    straight: int
    expected: int = 0
    alone: bool = False


class BlockReader:
    """Reads one object. Any number of threads may.

    Args:
        parts: Fetches them.
        size: Bytes of the object.
        budget: What all readers share.
        looked_into: Whether something in the middle of it was read already.

    Attributes:
        looked_into: Whether something in the middle of it was read.
    """

    def __init__(self, parts: Parts, size: int, budget: Budget, *, looked_into: bool = False) -> None:
        self.looked_into = looked_into
        self._parts = parts
        self._size = size
        self._budget = budget
        self._lock = threading.Lock()
        self._starts: list[int] = []  # of `_spans`, in their order
        self._spans: dict[int, _Span] = {}
        self._runs: list[_Run] = []  # the last used one first
        self._held = 0
        self._spare: list[bytearray] = []
        self._ticks = itertools.count()
        self._lanes = Lanes(AT_ONCE, "rl-ahead")
        # Not on the threads that the system asks on: a reader can't be stopped, nor killed, before it has an answer.
        self._asked = Lanes(_ASKED_AT_ONCE, "rl-asked")

    def read_into(self, room: memoryview, offset: int) -> int:
        """Fill `room` with the bytes from `offset` on; fewer only where the object ends.

        Raises:
            TransferError: They can't be had.
            StoreError: The store refused.
        """
        stop = min(offset + len(room), self._size)
        at, followed = offset, False
        while at < stop:
            with self._lock:
                span = self._at(at)
                mine = span is None
                if span is None:
                    span = self._new(*self._around(at, stop))
                span.used = next(self._ticks)
                span.readers += 1
                if not followed:
                    self._go_ahead(offset, stop)
                    followed = True
            if mine:
                self._asked.submit(partial(self._bring, span))
            if not span.over.wait(PATIENCE_S):
                self._forget(span)
                raise TransferError(f"nothing came from the store for {PATIENCE_S:.0f} s. Try again")
            if span.error is not None:
                if mine:
                    raise span.error
                continue  # asked for once more, by one who hears of its error
            count = min(stop, span.stop) - at
            within = at - span.start
            room[at - offset : at - offset + count] = memoryview(span.buffer)[within : within + count]
            at += count
            self._was_read(span, count)
        return max(0, stop - offset)

    def rest(self) -> None:
        """Keep nothing: nobody has it open."""
        self._lanes.clear()
        with self._lock:
            self._runs.clear()
            self._spare.clear()
            for span in list(self._spans.values()):
                self._remove(span)

    def _at(self, position: int) -> _Span | None:
        number = bisect.bisect_right(self._starts, position) - 1
        if number < 0:
            return None
        span = self._spans[self._starts[number]]
        return span if position < span.stop else None

    def _around(self, start: int, stop: int) -> tuple[int, int]:
        """Return the bytes to fetch where those from `start` to `stop` are wanted: whole blocks, none twice."""
        number = bisect.bisect_right(self._starts, start)
        before = self._spans[self._starts[number - 1]].stop if number else 0
        after = self._starts[number] if number < len(self._starts) else self._size
        return max(start // BLOCK * BLOCK, before), min(-(-stop // BLOCK) * BLOCK, after, self._size)

    def _new(self, start: int, stop: int) -> _Span:
        length = stop - start
        buffer = self._spare.pop() if length == PIECE and self._spare else bytearray(length)
        span = _Span(start, stop, next(self._ticks), buffer, unread=length)
        bisect.insort(self._starts, start)
        self._spans[start] = span
        self._held += length
        self._budget.add(length)
        return span

    def _remove(self, span: _Span) -> None:
        if self._spans.get(span.start) is span:
            del self._spans[span.start]
            del self._starts[bisect.bisect_left(self._starts, span.start)]
            self._held -= span.stop - span.start
            self._budget.add(span.start - span.stop)
            if not span.readers and span.over.is_set() and len(span.buffer) == PIECE and len(self._spare) < _SPARE:
                self._spare.append(span.buffer)  # the next one needs no memory of its own, nor zeros in it

    def _forget(self, span: _Span) -> None:
        with self._lock:
            self._remove(span)

    def _bring(self, span: _Span) -> None:
        try:
            self._parts.fetch(span.start, memoryview(span.buffer)[: span.stop - span.start])
        except BaseException as error:
            span.error = error
            self._forget(span)
        finally:
            span.over.set()

    def _go_ahead(self, offset: int, stop: int) -> None:
        run = self._run_of(offset, stop)
        until = min(run.end + allowed(run.straight, run.expected, alone=run.alone), self._size)
        at = run.end
        while (span := self._at(at)) is not None:
            at = span.stop
        # Nothing is asked for as long as half of it is on its way: requests are few and large.
        if at - run.end >= (until - run.end) // 2 or until - at < min(_LEAST, self._size - at):
            return
        for start, end in self._pieces(at, until):
            if end - start > self._budget.free:
                return
            self._lanes.submit(partial(self._bring, self._new(start, end)))

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        while start < stop:
            _, end = self._around(start, min(stop, start + PIECE))
            yield start, end
            start = end
            if self._at(start) is not None:
                return  # somebody else's reading has it from there on

    def _run_of(self, offset: int, stop: int) -> _Run:
        """Return the run that a read goes on with, or begins."""
        for run in self._runs:
            if run.end - _LATE <= offset <= run.end + _EARLY:
                run.straight += max(0, min(stop - run.end, stop - offset))
                run.end = max(run.end, stop)
                self._runs.remove(run)
                break
        else:
            before = [run.straight for run in self._runs if run.straight >= _TELLING][:2]
            run = _Run(stop, stop - offset, min(before) if len(before) == 2 else 0, not offset and not self.looked_into)
            if self.looked_into or offset:
                self.looked_into = True
                for each in self._runs:
                    each.alone = False
        self._runs.insert(0, run)
        del self._runs[_RUNS:]
        return run

    def _was_read(self, span: _Span, count: int) -> None:
        with self._lock:
            span.unread -= count
            span.readers -= 1
            if span.unread <= 0 and span.stop - span.start >= _LARGE:
                self._remove(span)  # who reads it at this moment holds it
            while self._held > KEPT:
                old = min(
                    (each for each in self._spans.values() if each.over.is_set() and self._is_done_with(each)),
                    key=lambda each: each.used,
                    default=None,
                )
                if old is None:
                    return
                self._remove(old)

    def _is_done_with(self, span: _Span) -> bool:
        return span.unread <= 0 or not any(
            run.end < span.stop and span.start <= run.end + FARTHEST for run in self._runs
        )
