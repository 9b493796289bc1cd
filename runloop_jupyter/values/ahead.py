"""A second thread for encoding and decoding: what Arrow does there goes on while Python does the rest."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield `items`, one of which is made in advance on a thread while the last is used.

    What making one raises is raised in its turn. Who stops early waits for the one that is being made.
    """
    end = object()
    with _thread() as thread:
        coming: Future[Any] = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item
            del item  # or it would be there until the next one is, beside that


class Behind:
    """Does one thing after the other on a thread, which begins with the first."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._doing: Future[object] | None = None

    def do(self, work: Callable[[], object]) -> None:
        """Begin `work` as soon as the last is done.

        Raises:
            BaseException: What the last raised.
        """
        self.wait()
        if self._thread is None:
            self._thread = _thread()
        self._doing = self._thread.submit(work)

    def wait(self) -> None:
        """Return once nothing is being done.

        Raises:
            BaseException: What the last raised, once.
        """
        doing, self._doing = self._doing, None
        if doing is not None:
            doing.result()

    def end(self) -> None:
        """Give the thread back when it has done what it is at, whatever became of that."""
        if self._thread is not None:
            self._thread.shutdown()


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="rl-table")
