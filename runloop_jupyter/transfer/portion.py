"""A transfer that is a part of another: what it does counts there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter.transfer.relay import Relay
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from typing import Final

    from runloop_jupyter.transfer.transfer import Transfer

_OF_BYTES: Final = frozenset({Phase.SENDING, Phase.RECEIVING})


class Portion(Relay):
    """The sending or fetching of some of a transfer's bytes, as whoever does it sees it.

    Args:
        whole: The transfer. It is in the phase already that the bytes are counted in.
        before: Bytes of that phase that come before these.
    """

    def __init__(self, whole: Transfer, before: int) -> None:
        super().__init__(whole)
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
