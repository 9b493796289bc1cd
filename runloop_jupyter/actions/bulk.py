"""One thing for each of many names: several at a time, past those that fail, with an account of all of them."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

from runloop_jupyter.display import humane
from runloop_jupyter.errors import (
    EmbeddedStoreError,
    Forbidden,
    ProfileError,
    RateLimited,
    SomeFailed,
    StoreFull,
    TransferCancelled,
    Unauthorized,
    Unreachable,
    one_line,
)
from runloop_jupyter.lanes import Lanes
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.transfer.work import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

AT_ONCE: Final = 8
NAMED: Final = 3
# What is true of the next one too; each would take its retries to find that out.
_HOPELESS: Final = (
    EmbeddedStoreError,
    Forbidden,
    ProfileError,
    RateLimited,
    StoreFull,
    Unauthorized,
    Unreachable,
)


class Bulk(Generic[T]):
    """Does `work` for each name on a few threads, and adds up how far they are.

    Args:
        whole: The one transfer that others see; its `cancel` stops all of them.
        sizes: The names, in the order in which they are begun, and how many bytes each moves.
        work: Does one, reporting to the transfer that it is given.
        phase: What they are at.
        at_once: How many at a time.

    Attributes:
        done: What `work` returned, by name.
        failed: What it raised, by name.
        stopped: What ended it all before every name was tried.
    """

    def __init__(
        self,
        whole: Transfer,
        sizes: Mapping[str, int],
        work: Callable[[str, Transfer], T],
        phase: Literal[Phase.PACKING, Phase.SENDING, Phase.RECEIVING],
        at_once: int = AT_ONCE,
    ) -> None:
        self.done: dict[str, T] = {}
        self.failed: dict[str, Exception] = {}
        self.stopped: Exception | None = None
        self._whole = whole
        self._sizes = sizes
        self._work = work
        self._phase = phase
        self._at_once = at_once
        self._through = 0
        self._bytes = 0
        self._moving: set[Transfer] = set()
        self._halt = False
        self._lock = threading.Lock()
        self._over = threading.Event()

    def carry_out(self) -> None:
        """Do all of them; return when none moves any more.

        Raises:
            TransferCancelled: `whole` was cancelled; those that moved have cleaned up.
        """
        self._whole.begin(self._phase, sum(self._sizes.values()))
        self._whole.count(0, len(self._sizes))
        if not self._sizes:
            return
        lanes = Lanes(self._at_once, "rl-many")
        for name in self._sizes:
            lanes.submit(partial(self._one, name))
        cancelled: TransferCancelled | None = None
        while not self._over.wait(TICK_S):
            try:
                self._report()
            except TransferCancelled as error:
                cancelled = error
                self._stop()
        if cancelled is not None:
            self._whole.count(len(self.done), len(self._sizes))
            raise cancelled
        self._report()

    def check(self, done: str, again: str) -> None:
        """Say in one error what failed, if anything did.

        Args:
            done: What became of the others, ``stored``.
            again: What the same call does a second time.

        Raises:
            SomeFailed: Something did; it has all of them.
            Exception: What went wrong, where there was one name alone.
        """
        if not self.failed:
            return
        if self.stopped is not None and not self.done:
            raise self.stopped from None
        if len(self._sizes) == 1:
            raise next(iter(self.failed.values())) from None
        reasons = {name: _reason(error) for name, error in sorted(self.failed.items())}
        named = "; ".join(f"“{name}”: {reason}" for name, reason in list(reasons.items())[:NAMED])
        more = f"; and {len(reasons) - NAMED:,} more: rl.last_error.failed" if len(reasons) > NAMED else ""
        untried = len(self._sizes) - len(self.done) - len(self.failed)
        ended = f" {untried:,} were not tried after that." if untried else ""
        of = humane.plural(len(self._sizes), "object")
        raise SomeFailed(
            f"{len(self.done):,} of {of} are {done}, {len(self.failed):,} failed. {named}{more}.{ended} {again}",
            done=self.done,
            failed=self.failed,
            details="\n".join(f"{name}: {reason}" for name, reason in reasons.items()),
        ) from None

    def _one(self, name: str) -> None:
        part = Transfer(name, self._whole.direction, self._whole.place, behind=self._whole.behind)
        with self._lock:
            self._moving.add(part)
        try:
            if not self._halt:
                value = self._work(name, part)
                with self._lock:
                    self.done[name] = value
                    self._bytes += self._sizes[name]
        except TransferCancelled as error:
            if not self._halt:  # it was meant for this one
                self._fail(name, error)
        except Exception as error:
            self._fail(name, error)
        finally:
            with self._lock:
                self._moving.discard(part)
                self._through += 1
                if self._through == len(self._sizes):
                    self._over.set()

    def _fail(self, name: str, error: Exception) -> None:
        with self._lock:
            # Those beside it were told to stop for its sake: that is not their own failure.
            self.failed[name] = error.with_traceback(None)
        if isinstance(error, _HOPELESS):
            self.stopped = error
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._halt = True
            moving = list(self._moving)
        for part in moving:
            part.cancel()

    def _report(self) -> None:
        with self._lock:
            moved = self._bytes + sum(map(self._moved, self._moving))
            through = len(self.done) + len(self.failed)
        self._whole.count(through, len(self._sizes))
        self._whole.reach(moved)

    def _moved(self, part: Transfer) -> int:
        now = part.snapshot()
        return now.done if now.phase is self._phase else 0


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(said, 160) or type(error).__name__
