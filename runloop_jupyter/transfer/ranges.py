"""Several connections bring parts of one object at once, as many as help."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import presigned
from runloop_jupyter.transfer.pace import Pace
from runloop_jupyter.transfer.receiving import Incoming, Lane
from runloop_jupyter.transfer.writing import Beside

LEAST: Final = 8 << 20  # bytes of a range: less, and asking takes longer than getting
LARGEST: Final = 64 << 20  # what lies ahead of the digest stays in the page cache
TICK_S: Final = 0.02
_GROWS: Final = 2  # each connection gets ranges so small that it comes this often: they end together then


def receive(incoming: Incoming) -> None:
    """Bring what is missing of an object.

    The calling thread watches: it hears of a cancel within 20 ms, and ends the connections then.

    Raises:
        Changed: It is another object now; nothing is written any more.
        RangesIgnored: Parts can't be had.
        TransferError: The bytes can't be had.
        TransferCancelled: Cancelled.
        StoreError: The store refuses a link.
        OSError: There is no room for them.
    """
    with Beside(incoming.partial, incoming.check, incoming.count) as writing:
        crew = _Crew(incoming, writing)
        try:
            crew.work()
        finally:
            crew.dismiss()


@dataclass
class _Failure:
    error: Exception
    lane: Lane
    round: int


@dataclass
class _Shared:
    """What the threads have in common; touched under `lock`."""

    lanes: list[Lane] = field(default_factory=list)
    failures: list[_Failure] = field(default_factory=list)
    workers: int = 0
    allowed: int = 1
    alone: bool = False
    round: int = 0
    over: bool = False


class _Crew:
    def __init__(self, incoming: Incoming, writing: Beside) -> None:
        self._incoming = incoming
        self._writing = writing
        self._size = incoming.view.size_bytes or 0
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._shared = _Shared()
        self._threads: list[threading.Thread] = []
        self._tries = presigned.Tries(f"“{incoming.view.name}” couldn't be fetched", self._meanwhile)
        self._counted = 0  # bytes received when a failure was last counted

    def work(self) -> None:
        incoming, shared = self._incoming, self._shared
        pace = Pace(time.monotonic())
        while incoming.left:
            self._hire()
            self._news.wait(TICK_S)
            self._news.clear()
            self._meanwhile()
            self._writing.look()
            with self._lock:
                failures, shared.failures = shared.failures, []
                active = sum(lane.answer is not None for lane in shared.lanes)
            for failure in failures:
                self._deal_with(failure, pace)
            if incoming.partial.prefix:  # the first answer told what the others must be of
                pace.look(time.monotonic(), incoming.received, active)
                shared.allowed = pace.allowed
                shared.alone = pace.plenty and pace.allowed == 1

    def dismiss(self) -> None:
        """End every connection and wait for those who used them: nobody writes to the file after this."""
        shared = self._shared
        shared.over = True
        if self._incoming.left:
            self._writing.stop()
        while any(thread.is_alive() for thread in self._threads):
            with self._lock:
                answers = [lane.answer for lane in shared.lanes]
            for answer in answers:
                if answer is not None:
                    answer.abort()
            for thread in self._threads:
                thread.join(TICK_S)

    def _meanwhile(self) -> None:
        self._incoming.transfer.checkpoint()
        self._incoming.partial.save()

    def _hire(self) -> None:
        shared = self._shared
        with self._lock:
            missing = shared.allowed - shared.workers if self._is_more() else 0
            for _ in range(missing):
                shared.workers += 1
                thread = threading.Thread(target=self._bring_lanes, name="rl-range", daemon=True)
                self._threads = [*(each for each in self._threads if each.is_alive()), thread]
                self._writing.add_buffer()
                thread.start()

    def _is_more(self) -> bool:
        return bool(self._unassigned()) or any(_left(lane) >= 2 * LEAST for lane in self._shared.lanes)

    def _unassigned(self) -> list[tuple[int, int]]:
        there = self._incoming.partial.there
        for lane in self._shared.lanes:
            there.add(lane.start, lane.stop or 0)
        return list(there.gaps(self._size))

    def _next(self) -> Lane | None:
        """Return a lane for one who has none: the first bytes that nobody brings, fewer towards the end."""
        shared = self._shared
        with self._lock:
            gaps = self._unassigned()
            if shared.over or shared.workers > shared.allowed:
                return None
            if not gaps:
                return self._half_of_another()
            start, stop = gaps[0]
            left = sum(stop - start for start, stop in gaps)
            length = min(max(left // (_GROWS * shared.allowed), LEAST), LARGEST)
            if not self._incoming.partial.prefix:
                length = LEAST
            elif shared.alone:
                length = left  # it comes in order; whoever helps later takes the half of it
            if stop - start < length + LEAST // 2:
                length = stop - start
            lane = Lane(start, start + length)
            shared.lanes.append(lane)
            return lane

    def _half_of_another(self) -> Lane | None:
        """Take the end of the lane that has most left to bring, which was given out when there were fewer to help."""
        slowest = max(self._shared.lanes, key=_left, default=None)
        if slowest is None or slowest.stop is None or _left(slowest) < 2 * LEAST:
            return None
        middle = slowest.stop - _left(slowest) // 2
        # What it has on the way past its new end it may write all the same: they are the same bytes.
        lane = Lane(middle, slowest.stop)
        slowest.stop = middle
        self._shared.lanes.append(lane)
        return lane

    def _bring_lanes(self) -> None:
        shared = self._shared
        try:
            while (lane := self._next()) is not None:
                try:
                    brought = self._bring(lane)
                finally:
                    with self._lock:
                        shared.lanes.remove(lane)
                if not brought:
                    return
        finally:
            with self._lock:
                shared.workers -= 1
            self._news.set()

    def _bring(self, lane: Lane) -> bool:
        round_ = self._shared.round
        try:
            self._incoming.bring(lane, self._writing)
        except Exception as error:
            with self._lock:
                self._shared.failures.append(_Failure(error, lane, round_))
            return False  # whoever watches says when somebody goes on
        finally:
            self._news.set()
        return True

    def _deal_with(self, failure: _Failure, pace: Pace) -> None:
        error, incoming = failure.error, self._incoming
        if not isinstance(error, presigned.Retryable | errors.LinkExpired):
            raise error
        incoming.links.failed(error, failure.lane.link)
        if isinstance(error, presigned.Retryable) and error.busy:
            pace.push_back(time.monotonic())
        if failure.round != self._shared.round:
            return  # what breaks all connections at once is one failure, not one for each
        self._shared.round += 1
        got_on = incoming.received - self._counted >= presigned.GOT_ON
        self._counted = incoming.received
        self._tries.failed(error, got_on=got_on)


def _left(lane: Lane) -> int:
    return (lane.stop or 0) - lane.start
