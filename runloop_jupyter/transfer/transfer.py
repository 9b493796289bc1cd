"""One movement of bytes as others see it: what, where, how far, and `cancel()`."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.events import Signal
from runloop_jupyter.lanes import Lanes
from runloop_jupyter.transfer.speed import Speed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REMEMBERED: Final = 100
BEHIND_AT_ONCE: Final = 4


class Phase(StrEnum):
    """What a transfer is at, in the words that people read."""

    WAITING = "waiting"
    PACKING = "packing"
    HASHING = "hashing"
    SENDING = "sending"
    FINISHING = "finishing"
    RECEIVING = "receiving"
    READING = "reading"
    LOOKING = "looking"
    ELSEWHERE = "fetched by another process"


class State(StrEnum):
    """Whether it goes on, and how it ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Snapshot:
    """A transfer at one moment.

    Attributes:
        id: Unique in this process.
        label: What moves: the object's name.
        direction: ``up`` or ``down``, seen from this machine.
        place: The store, as a person reads it.
        phase: What it is at.
        done: Bytes of this phase that are done.
        total: How many there will be; None where nobody knows.
        state: Whether it goes on.
        started: Seconds since the epoch.
        ended: Seconds since the epoch; None while it runs.
        error: One line, where it failed.
        rate: Bytes a second over the last few; None where too little was seen, and once it has ended.
        files: Of many things that move together, how many are through.
        of_files: How many there are; None where it is one.
        behind: Whether it goes on in the background, while the notebook does something else.
        size: How many bytes it moves: of this phase, or of the last one that knew.
    """

    id: str
    label: str
    direction: Literal["up", "down"]
    place: str
    phase: Phase
    done: int
    total: int | None
    state: State
    started: float
    ended: float | None
    error: str | None
    rate: float | None = None
    files: int = 0
    of_files: int | None = None
    behind: bool = False
    size: int | None = None

    @property
    def left_s(self) -> float | None:
        """Seconds until this phase is done, if it goes on as it does; None where that can't be told."""
        if self.state is not State.RUNNING or self.total is None or not self.rate:
            return None
        return max(0, self.total - self.done) / self.rate


class Transfer:
    """One movement of bytes.

    Workers report with `begin` and `advance` and ask with `checkpoint` whether to go on; anybody may look with
    `snapshot`, listen to `changed`, wait, and `cancel`. Safe from any thread.

    Args:
        label: What moves.
        direction: ``up`` or ``down``, seen from this machine.
        place: The store, as a person reads it.
        behind: Whether it goes on in the background.

    Attributes:
        again: Makes the same call again, where it can be made: kept for what failed, let go of what didn't.
        heard: Whether somebody was told of a failure in the background.
        hurry: Begins what waits for its turn at once, so that it hears of a cancel.
    """

    def __init__(self, label: str, direction: Literal["up", "down"], place: str, *, behind: bool = False) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.behind = behind
        self.again: Callable[[], object] | None = None
        self.heard = False
        self.hurry: Callable[[], object] | None = None
        self.label = label
        self.direction: Literal["up", "down"] = direction
        self.place = place
        self.changed: Signal[Snapshot] = Signal()
        self.leaves = False
        self.keeps = False
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._phase = Phase.WAITING
        self._done = 0
        self._total: int | None = None
        self._size: int | None = None
        self._state = State.RUNNING
        self._started = time.time()
        self._end: float | None = None
        self._error: str | None = None
        self._speed = Speed()
        self._files = 0
        self._of_files: int | None = None

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Enter a phase of `total` bytes, none of them done."""
        self.checkpoint()
        with self._lock:
            self._phase, self._done, self._total = phase, 0, total
            self._size = self._size if total is None else total
            self._speed.restart()
            self._speed.note(time.monotonic(), 0)
        self._tell()

    def count(self, files: int, of_files: int) -> None:
        """Say that `files` of `of_files` things that move together are through."""
        with self._lock:
            self._files, self._of_files = files, of_files

    def advance(self, n_bytes: int) -> None:
        """Count `n_bytes` more as done.

        Raises:
            TransferCancelled: `cancel` was called.
        """
        self.checkpoint()
        with self._lock:
            self._done += n_bytes
            self._speed.note(time.monotonic(), self._done)
        self._tell()

    def reach(self, done: int) -> None:
        """Say that `done` bytes of this phase are done.

        Raises:
            TransferCancelled: `cancel` was called.
        """
        self.checkpoint()
        with self._lock:
            self._done = done
            self._speed.note(time.monotonic(), done)
        self._tell()

    def checkpoint(self) -> None:
        """Return if the work is to go on.

        Raises:
            TransferCancelled: `cancel` was called.
        """
        if self._cancelled.is_set():
            raise TransferCancelled(f"the transfer of “{self.label}” was cancelled")

    def cancel(self) -> None:
        """Ask the work to stop; it cleans up and ends in state CANCELLED. Harmless when it has ended."""
        self._cancelled.set()
        if self.hurry is not None:
            self.hurry()

    def leave(self) -> None:
        """Say that what this made couldn't be cleared away; the journal knows of it, and the next load clears it."""
        self.leaves = True

    def keep(self) -> None:
        """Say that what came so far stays for the next transfer of the same object to go on with."""
        self.keeps = True

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def finish(self) -> None:
        """End in state DONE."""
        self._close(State.DONE, None)

    def fail(self, error: BaseException) -> None:
        """End in state FAILED, or CANCELLED where that is what `error` says."""
        state = State.CANCELLED if isinstance(error, TransferCancelled | KeyboardInterrupt) else State.FAILED
        self._close(state, None if state is State.CANCELLED else str(error))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds for the end; return whether it has come."""
        return self._ended.wait(timeout)

    def snapshot(self) -> Snapshot:
        """Return how far it is."""
        with self._lock:
            return Snapshot(
                self.id,
                self.label,
                self.direction,
                self.place,
                self._phase,
                self._done,
                self._total,
                self._state,
                self._started,
                self._end,
                self._error,
                self._speed.at(time.monotonic(), self._done) if self._end is None else None,
                self._files,
                self._of_files,
                self.behind,
                self._size,
            )

    def _close(self, state: State, error: str | None) -> None:
        with self._lock:
            if self._state is not State.RUNNING:
                return
            self._state, self._error, self._end = state, error, time.time()
        if state is not State.FAILED:
            self.again = None  # it may hold a whole frame
        self.hurry = None
        self._ended.set()
        self._tell()

    def _tell(self) -> None:
        if self.changed.is_heard:  # for each buffer of a download: a snapshot that nobody takes is not made
            self.changed.send(self.snapshot())


class Transfers:
    """The transfers of a session: those that run, and the last hundred that ended.

    Attributes:
        lanes: Where those in the background go on, a few at a time.
    """

    def __init__(self) -> None:
        self.added: Signal[Transfer] = Signal()
        self.lanes = Lanes(BEHIND_AT_ONCE, "rl-behind")
        self._transfers: list[Transfer] = []
        self._lock = threading.Lock()

    def new(self, label: str, direction: Literal["up", "down"], place: str, *, behind: bool = False) -> Transfer:
        """Make a transfer and tell those who listen."""
        transfer = Transfer(label, direction, place, behind=behind)
        with self._lock:
            ended = [each for each in self._transfers if each.wait(0) and not _is_unheard(each)]
            forgotten = set(ended[:-REMEMBERED])
            self._transfers = [*(each for each in self._transfers if each not in forgotten), transfer]
        self.added.send(transfer)
        return transfer

    def unheard(self) -> list[Transfer]:
        """Return those that failed in the background and that nobody was told of, oldest first."""
        return [each for each in self._transfers if _is_unheard(each)]

    def __iter__(self) -> Iterator[Transfer]:
        return iter(self._transfers)


def _is_unheard(transfer: Transfer) -> bool:
    return transfer.behind and not transfer.heard and transfer.snapshot().state is State.FAILED
