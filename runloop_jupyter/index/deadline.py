"""Time: when others have their turn, and when a statement is cut off."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long others wait for their turn. More often would cost more than it gives: a turn goes through two threads.
TURN_S: Final = 0.01
# A statement looks at the clock every so many of SQLite's instructions, some ten microseconds.
_INSTRUCTIONS: Final = 2000


class Turn:
    """The time since others last had theirs."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def is_over(self) -> bool:
        """Whether it is their turn; the next one then begins."""
        now = time.monotonic()
        if now - self._began < TURN_S:
            return False
        self._began = now
        return True


class TimeUp(Exception):
    """A statement took too long."""


@contextmanager
def cut_off(connection: sqlite3.Connection, until: float | None) -> Iterator[None]:
    """Cut off what the block executes at the monotonic time `until`; None for never.

    Raises:
        TimeUp: The time came before the block's end.
    """
    if until is None:
        yield
        return
    if time.monotonic() > until:
        raise TimeUp
    connection.set_progress_handler(lambda: time.monotonic() > until, _INSTRUCTIONS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise TimeUp from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
