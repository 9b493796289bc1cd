"""Where a user's callbacks run: one thread of the browser's own, so that a slow one holds up nobody else."""

from __future__ import annotations

import threading
import traceback
from contextvars import copy_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Callbacks:
    """Runs what is posted, one after the other; of what has the same name and still waits only the newest.

    What a callback prints, and the traceback of one that fails, goes to the output of the cell that made this.
    """

    def __init__(self) -> None:
        self._context = copy_context()
        self._waiting: dict[str, Callable[[], object]] = {}
        self._wake = threading.Condition()
        self._runs = False
        self._idle = threading.Event()
        self._idle.set()

    def post(self, name: str, call: Callable[[], object]) -> None:
        """Run `call` when its turn comes."""
        with self._wake:
            self._waiting.pop(name, None)
            self._waiting[name] = call
            self._idle.clear()
            if self._runs:
                return
            self._runs = True
        threading.Thread(target=self._context.run, args=(self._run,), name="rl-callbacks", daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing waits; return whether that came within `timeout` seconds."""
        return self._idle.wait(timeout)

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._waiting:
                    self._runs = False
                    self._idle.set()
                    return
                name = next(iter(self._waiting))
                call = self._waiting.pop(name)
            try:
                call()
            except BaseException:  # sys.exit() in one ends that one
                traceback.print_exc()
