"""What kernels that read wish of the one that walks: three small files, of which the time of the last change counts."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

EVERY_S: Final = 5.0
"""How often a kernel that is asked says so."""


class Wish(Enum):
    """What is wished for."""

    ASKED = "asked"
    """Go on looking for new objects: somebody asks."""
    LOOK = "look"
    """Look now."""
    SWEEP = "sweep"
    """Go through all of it again."""


class Wishes:
    """The wishes of a store's kernels. Disks and clocks needn't agree on the time: a change is what is noticed.

    Args:
        directory: Where the files are.
    """

    def __init__(self, directory: Path) -> None:
        self._paths = {each: directory / f"wish-{each.value}" for each in Wish}
        self._seen: dict[Wish, int] | None = None

    def say(self, wish: Wish) -> None:
        """Let whoever walks know. Where nothing can be written nobody walks either."""
        with suppress(OSError):
            fd = os.open(self._paths[wish], os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                now = time.time_ns()
                os.utime(fd, ns=(now, now))
            finally:
                os.close(fd)

    def new(self) -> set[Wish]:
        """Return what was wished for since the last time; nothing at the first."""
        now = {wish: _changed(path) for wish, path in self._paths.items()}
        before, self._seen = self._seen, now
        return set() if before is None else {wish for wish, when in now.items() if when != before[wish] and when}

    def forget(self) -> None:
        """Begin anew: another one walks."""
        self._seen = None


def _changed(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - several times a second
    except OSError:
        return 0
