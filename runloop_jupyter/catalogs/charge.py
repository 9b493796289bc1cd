"""Which of several kernels walks through a store: the one whose process holds the claim, until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.transfer.cache import claims


class Charge:
    """This process's part in it. One thread takes and gives it up; any may renew or end it.

    Args:
        path: The claim.

    Attributes:
        tried: Whether it is known who has it.
    """

    def __init__(self, path: Path) -> None:
        self.tried = False
        self._path = path
        self._claim: claims.Claim | None = None
        self._watch: claims.Watch | None = None
        self._over = False

    @property
    def is_ours(self) -> bool:
        """Whether this process walks."""
        return self._claim is not None

    def take(self) -> bool:
        """Take it where nobody has it, or whoever had it is dead; return whether that came true.

        Raises:
            OSError: No room, no permission.
        """
        from runloop_jupyter.transfer.cache import claims  # and all of the cache with it

        self._watch = self._watch or claims.Watch(self._path)
        self._claim = claims.take(self._path)
        if self._claim is None and self._watch.clear_if_abandoned():
            self._claim = claims.take(self._path)
        self.tried = True
        if self._over:
            self.give_up()
        return self.is_ours

    def renew(self) -> None:
        """Say that this process walks on, every few seconds."""
        if (claim := self._claim) is not None:
            claim.renew()

    def end(self) -> None:
        """Give it up and never take it again, from any thread: the process is about to end."""
        self._over = True
        self.give_up()

    def give_up(self) -> None:
        """Let others have it, harmless twice."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None
        self._watch = None
