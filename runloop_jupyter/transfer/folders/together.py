"""Several parts of one transfer at a time: what each does counts in the whole, and the first that fails ends all."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.lanes import Lanes
from runloop_jupyter.transfer.relay import Relay
from runloop_jupyter.transfer.work import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from runloop_jupyter.transfer.transfer import Phase, Transfer

T = TypeVar("T")

AT_ONCE: Final = 6


class Counter:
    """How many bytes of one phase of a transfer are done, added up over those who do them. Thread-safe.

    Args:
        whole: The transfer, in that phase already.
    """

    def __init__(self, whole: Transfer) -> None:
        self._whole = whole
        self._done = 0
        self._lock = threading.Lock()

    def add(self, n_bytes: int) -> None:
        """Count so many more; fewer where some must be done again.

        Raises:
            TransferCancelled: The whole was cancelled.
        """
        with self._lock:
            self._done += n_bytes
            self._whole.reach(max(0, self._done))


class Share(Relay):
    """A part of a transfer, as whoever does it sees it.

    Args:
        whole: The transfer.
        phase: Which of the phases that this part goes through are counted; None for none.
        counter: Where they are counted.
        halt: Ends this part once it is set.
    """

    def __init__(
        self,
        whole: Transfer,
        phase: Phase | None = None,
        counter: Counter | None = None,
        halt: threading.Event | None = None,
    ) -> None:
        super().__init__(whole)
        self._counts_in = phase
        self._counter = counter
        self._halt = halt
        self._counting = False
        self.counted = 0

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Begin a phase, or begin it again."""
        super().begin(phase, total)
        self._counting = phase is self._counts_in
        if self._counting:
            self._count(-self.counted)

    def advance(self, n_bytes: int) -> None:
        """Count `n_bytes` more."""
        super().advance(n_bytes)
        if self._counting:
            self._count(n_bytes)

    def reach(self, done: int) -> None:
        """Say that `done` bytes are done."""
        super().reach(done)
        if self._counting:
            self._count(done - self.counted)

    def count_up_to(self, n_bytes: int) -> None:
        """Count `n_bytes` as done in all, however they came to be."""
        self._count(n_bytes - self.counted)

    def checkpoint(self) -> None:
        """Return if the whole is to go on."""
        self._of.checkpoint()
        if self._halt is not None and self._halt.is_set():
            raise TransferCancelled(f"“{self.label}” was given up")

    def _count(self, n_bytes: int) -> None:
        self.counted += n_bytes
        if self._counter is not None and n_bytes:
            self._counter.add(n_bytes)


class Stretch(Share):
    """Some of a share's bytes, as whoever moves them sees it.

    Args:
        share: Whose they are.
        phase: The phase in which they are counted.
        before: How many of its bytes come before these.
    """

    def __init__(self, share: Share, phase: Phase, before: int) -> None:
        super().__init__(share)
        self._share = share
        self._phase_counted = phase
        self._before = before
        self._telling = False

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Begin a phase, or begin it again."""
        super().begin(phase, total)
        self._telling = phase is self._phase_counted
        self._tell_share()

    def advance(self, n_bytes: int) -> None:
        """Count `n_bytes` more."""
        super().advance(n_bytes)
        self._tell_share()

    def reach(self, done: int) -> None:
        """Say that `done` of these bytes are done."""
        super().reach(done)
        self._tell_share()

    def _tell_share(self) -> None:
        if self._telling:
            self._share.count_up_to(self._before + self.snapshot().done)


def together(
    whole: Transfer,
    phase: Phase,
    total: int | None,
    things: Collection[T],
    work: Callable[[T, Share], object],
    *,
    at_once: int = AT_ONCE,
) -> None:
    """Do `work` for each of `things`, several at a time; return when none is at work any more.

    Args:
        whole: The one transfer that others see; its `cancel` stops all.
        phase: What they are at.
        total: Bytes of it.
        things: What there is to do.
        work: Does one, and reports to what it is given.
        at_once: How many at a time.

    Raises:
        TransferCancelled: `whole` was cancelled.
        BaseException: What the first that failed raised; those beside it were stopped.
    """
    whole.begin(phase, total)
    if not things:
        return
    counter, halt, over = Counter(whole), threading.Event(), threading.Event()
    errors: list[BaseException] = []
    left = len(things)
    lock = threading.Lock()

    def one(thing: T) -> None:
        nonlocal left
        try:
            if not halt.is_set():
                work(thing, Share(whole, phase, counter, halt))
        except BaseException as error:
            with lock:
                errors.append(error)
            halt.set()
        finally:
            with lock:
                left -= 1
                ended = not left
            if ended:
                over.set()

    lanes = Lanes(at_once, "rl-folder")
    for thing in things:
        lanes.submit(partial(one, thing))
    while not over.wait(TICK_S):
        if whole.cancelled:
            halt.set()
    if errors:
        raise errors[0]
    whole.checkpoint()
