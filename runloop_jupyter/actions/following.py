"""A mount that is kept up to date: every few seconds what was asked for is looked up again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

from runloop_jupyter.errors import ObjectNotFound, TransferCancelled, one_line
from runloop_jupyter.mounts.layout import Layout, lay_out
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from runloop_jupyter.actions.wanted import Wanted

EVERY_S: Final = 5.0


class Changing(Protocol):
    """A mount that can show something else."""

    def show(self, layout: Layout, transfer: Transfer) -> None:
        """Show that from now on."""


class Following:
    """Looks up what was asked for, on a thread, and has the mount show what there is by then.

    Args:
        wanted: What was asked for.
        mounted: The mount.
        layout: What it shows now.
        every_s: Seconds between two looks.

    Attributes:
        error: Why the last look failed; None where it didn't.
    """

    def __init__(self, wanted: Wanted, mounted: Changing, layout: Layout, every_s: float | None = None) -> None:
        self.error: str | None = None
        self._wanted = wanted
        self._mounted = mounted
        self._layout = layout
        self._every_s = EVERY_S if every_s is None else every_s
        self._over = threading.Event()
        self._transfer = Transfer(str(wanted), "down", "")
        self._thread = threading.Thread(target=self._follow, name="rl-follow", daemon=True)
        self._thread.start()

    @property
    def goes_on(self) -> bool:
        """Whether it still follows."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Follow no more, and return once nothing is being changed."""
        self._over.set()
        self._transfer.cancel()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._look()
                self.error = None
            except TransferCancelled:
                return
            except Exception as error:  # said where the mounts are listed, and nowhere else; tried again
                self.error = one_line(str(error))

    def _look(self) -> None:
        try:
            _, found = self._wanted.find(self._transfer)
        except ObjectNotFound:
            found = []  # a query may come to fit nothing
        layout = lay_out(found)
        if layout != self._layout:
            self._mounted.show(layout, self._transfer)
            self._layout = layout
