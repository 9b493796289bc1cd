"""A transfer that stands for another: who stops the one stops both. What it tells of bytes is for each kind to say."""

from __future__ import annotations

from runloop_jupyter.transfer.transfer import Transfer


class Relay(Transfer):
    """A part of a transfer, or a view of it, as whoever does the work sees it.

    Args:
        of: The transfer.
    """

    def __init__(self, of: Transfer) -> None:
        super().__init__(of.label, of.direction, of.place, behind=of.behind)
        self._of = of

    def checkpoint(self) -> None:
        """Return if the whole is to go on."""
        self._of.checkpoint()

    def cancel(self) -> None:
        """Ask the whole to stop."""
        self._of.cancel()

    def leave(self) -> None:
        """Say of the whole that something of it couldn't be cleared away."""
        self._of.leave()

    def keep(self) -> None:
        """Say of the whole that what came stays."""
        self._of.keep()

    @property
    def cancelled(self) -> bool:
        """Whether the whole was cancelled."""
        return self._of.cancelled
