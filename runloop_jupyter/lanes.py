"""A few threads that take work in the order it comes."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Lanes:
    """Does so many things at a time, the others wait in their order.

    Its threads are daemons that end when nothing waits: unlike a pool's, they don't hold up a kernel that ends, nor a
    prompt after Ctrl-C.

    Args:
        width: How many things at a time.
        name: What the threads are called.
    """

    def __init__(self, width: int, name: str) -> None:
        self._width = width
        self._name = name
        self._waiting: deque[Callable[[], object]] = deque()
        self._busy = 0
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], object]) -> None:
        """Have `work` done when its turn comes. It must not raise: nobody would hear of it."""
        with self._lock:
            self._waiting.append(work)
            if self._busy == self._width:
                return
            self._busy += 1
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def hurry(self, work: Callable[[], object]) -> None:
        """Begin `work` now, beside the others, if it still waits."""
        with self._lock:
            if work not in self._waiting:
                return
            self._waiting.remove(work)
        threading.Thread(target=work, name=self._name, daemon=True).start()

    def clear(self) -> None:
        """Forget what waits; what has begun goes on."""
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy -= 1
                    return
                work = self._waiting.popleft()
            try:
                work()
            except BaseException:
                with self._lock:
                    self._busy -= 1
                raise
            del work  # what it holds, a whole frame perhaps, is not held until the next comes
