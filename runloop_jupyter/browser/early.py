"""The first rows, asked for when a browser is made: while the page still loads its script, the store answers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import RunloopError

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.browser.protocol import Page
    from runloop_jupyter.wire.browse import Query

STALE_S: Final = 3.0


class Early:
    """One answer, for whoever asks for the same thing first, and soon.

    Args:
        query: What is asked.
        columns: Which metadata columns are shown; None for those that `ask` chooses.
        ask: Returns the columns and the first rows.
    """

    def __init__(self, query: Query, columns: list[str] | None, ask: Callable[[], tuple[list[str], Page]]) -> None:
        self._asked = query, columns
        self._answer: tuple[list[str], Page] | None = None
        self._began = time.monotonic()

        def run() -> None:
            with suppress(RunloopError):  # whoever asks again is told
                self._answer = ask()

        self._thread = threading.Thread(target=run, name="rl-first-rows", daemon=True)
        self._thread.start()

    def take(self, query: Query, columns: list[str] | None) -> tuple[list[str], Page] | None:
        """Return the answer once it is there; None where something else is asked by now, or it is old."""
        if self._asked != (query, columns) or time.monotonic() - self._began > STALE_S:
            return None
        self._thread.join()
        return self._answer
