"""A walk through a store's pages, newest first: the next is fetched while this one is looked at."""

from __future__ import annotations

import threading
import time
from enum import Enum
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from runloop_jupyter.transfer.work import TICK_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectListView, ObjectView

T = TypeVar("T")

LOOK_AT_MOST: Final = 100_000
LONG_ENOUGH_S: Final = 2.0


class End(Enum):
    """Where a walk ended."""

    ALL = "there are no more"
    SINCE = "all that follow are older than was asked for"
    ENOUGH = "enough was found, and it took long"
    CAP = "so many were looked at"


class Walk:
    """Pages in the order of the store, until there are no more or no more are worth their time.

    Args:
        pages: The store's pages as it sends them.
        looking: Told how many objects came; stops the walk within a moment when it is cancelled.
        since_ms: The walk ends after a page of which every object is older: one odd object doesn't end it.
        enough: Says whether what was found will do, if looking on would take long.
        to_the_end: Whether it goes on however many objects there are.

    Attributes:
        looked_at: How many objects came.
        young: How many of them are no older than `since_ms`.
        end: Why the walk ended.
    """

    def __init__(
        self,
        pages: Iterator[ObjectListView],
        looking: Transfer,
        *,
        since_ms: int | None = None,
        enough: Callable[[], bool] = lambda: False,
        to_the_end: bool = False,
    ) -> None:
        self.looked_at = 0
        self.young = 0
        self.end = End.ALL
        self._pages = pages
        self._looking = looking
        self._since_ms = since_ms
        self._enough = enough
        self._to_the_end = to_the_end

    def __iter__(self) -> Iterator[list[ObjectView]]:
        began = time.monotonic()
        coming = self._fetch()
        while (page := coming.wait(self._looking)) is not None:
            self.looked_at += len(page.objects)
            self._looking.reach(self.looked_at)
            ends_here = self._ends_after(page)
            if not ends_here:
                coming = self._fetch()
            yield page.objects
            if ends_here:
                return
            if self._enough() and time.monotonic() - began > LONG_ENOUGH_S:
                self.end = End.ENOUGH
                return

    def _ends_after(self, page: ObjectListView) -> bool:
        young = len(page.objects)
        if self._since_ms is not None:
            young = sum(view.create_time_ms >= self._since_ms for view in page.objects)
        self.young += young
        if not page.has_more:
            return True
        if page.objects and not young:
            self.end = End.SINCE
        elif self.looked_at >= LOOK_AT_MOST and not self._to_the_end:
            self.end = End.CAP
        return self.end is not End.ALL

    def _fetch(self) -> Later[ObjectListView | None]:
        return Later(lambda: next(self._pages, None))


class Later(Generic[T]):
    """What a question to a store will answer, asked on a thread that nobody need wait for.

    Args:
        ask: The question.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._ready = threading.Event()
        self._answer: list[T] = []
        self._error: BaseException | None = None
        # Not a pool's: those threads are waited for when a kernel ends, and a store may not answer for minutes.
        threading.Thread(target=self._run, name="rl-page", daemon=True).start()

    def wait(self, looking: Transfer) -> T:
        """Return the answer.

        Raises:
            TransferCancelled: `looking` was cancelled before it came.
            BaseException: What the question raised.
        """
        while not self._ready.wait(TICK_S):
            looking.checkpoint()
        if self._error is not None:
            raise self._error
        return self._answer[0]

    def _run(self) -> None:
        try:
            self._answer.append(self._ask())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()
