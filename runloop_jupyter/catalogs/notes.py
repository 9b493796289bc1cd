"""What this kernel put and deleted, written down at once, whatever the walk is waiting for."""

from __future__ import annotations

import logging
import sqlite3
import threading
from typing import TYPE_CHECKING

from runloop_jupyter.catalogs.book import Book
from runloop_jupyter.catalogs.place import Damaged
from runloop_jupyter.errors import RunloopError

if TYPE_CHECKING:
    from runloop_jupyter.catalogs.place import Place
    from runloop_jupyter.wire.objects import ObjectView

log = logging.getLogger(__name__)


class Notes:
    """Writes on a thread of its own, many at once where many come.

    What can't be written is let go: the next look at the service sees it.

    Args:
        place: Where the index is.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._come: list[ObjectView] = []
        self._wake = threading.Condition()
        self._written = threading.Event()
        self._written.set()
        self._open: tuple[str, sqlite3.Connection, Book] | None = None

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="rl-notes", daemon=True).start()

    def take(self, view: ObjectView) -> None:
        """Write this down."""
        with self._wake:
            self._written.clear()
            self._come.append(view)
            self._wake.notify()

    def wait(self, seconds: float) -> None:
        """Wait until all that came is written, or for so long."""
        self._written.wait(seconds)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._come:
                    self._written.set()
                    self._wake.wait()
                views, self._come = self._come, []
            try:
                self._book().note({view.id: view for view in views}.values())
            except (sqlite3.Error, Damaged, RunloopError):
                log.warning("%d objects weren't noted", len(views), exc_info=True)
                self._close()

    def _book(self) -> Book:
        name = self._place.current()
        if self._open is None or self._open[0] != name:
            self._close()
            connection = self._place.connect(name)
            self._open = name, connection, Book(connection)
        return self._open[2]

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
