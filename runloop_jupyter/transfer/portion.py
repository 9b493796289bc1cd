"""A transfer that is a part of another: what it does counts there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.transfer.transfer import Phase, Transfer

if TYPE_CHECKING:
    from typing import Final

_OF_BYTES: Final = frozenset({Phase.SENDING, Phase.RECEIVING})


class Portion(Transfer):
    """The sending or fetching of some of a transfer's bytes, as whoever does it sees it.

    Args:
        whole: The transfer. It is in the phase already that the bytes are counted in.
        before: Bytes of that phase that come before these.
    """

    def __init__(self, whole: Transfer, before: int) -> None:
        super().__init__(whole.label, whole.direction, whole.place)
        self._of = whole
        self._before = before

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Begin these bytes, or begin them again."""
        super().begin(phase, total)
        if phase in _OF_BYTES:
            self._of.reach(self._before)

    def advance(self, n_bytes: int) -> None:
        """Count `n_bytes` more of the whole."""
        super().advance(n_bytes)
        self._of.reach(self._before + self.snapshot().done)

    def reach(self, done: int) -> None:
        """Say that `done` of these bytes are done."""
        super().reach(done)
        self._of.reach(self._before + done)

    def checkpoint(self) -> None:
        """Return if the whole is to go on."""
        self._of.checkpoint()

    def cancel(self) -> None:
        """Ask the whole to stop."""
        self._of.cancel()

    def leave(self) -> None:
        """Say of the whole that something of it couldn't be cleared away."""
        self._of.leave()

    @property
    def cancelled(self) -> bool:
        """Whether the whole was cancelled."""
        return self._of.cancelled
