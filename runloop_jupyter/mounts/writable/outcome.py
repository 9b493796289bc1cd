"""What became of the files of a writable folder, and how it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runloop_jupyter.mounts.writable.state import Looks

FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0


@dataclass
class Sent:
    """What was sent.

    Attributes:
        files: Paths within the folder.
        bytes: Of those.
        conflicts: Paths that both sides had changed, and under which path the file from here is kept.
        failed: Why a file couldn't be sent, by path.
    """

    files: list[str] = field(default_factory=list)
    bytes: int = 0
    conflicts: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderState:
    """How a folder stands.

    Attributes:
        files: How many files it has.
        bytes: Of those.
        waiting: How many are changed and not sent yet.
        waiting_bytes: Of those.
        sent: How many times a file was sent since the mount.
        sent_bytes: Of those.
        brought: How many times one came from the store.
        conflicts: The last that both sides had changed, and where the file from here is kept.
        error: Why what waits could not be sent, a line; None where nothing stands in its way.
        again_s: Seconds until that is tried again; None where there is no error.
    """

    files: int
    bytes: int
    waiting: int
    waiting_bytes: int
    sent: int
    sent_bytes: int
    brought: int
    conflicts: dict[str, str]
    error: str | None
    again_s: float | None


@dataclass
class Pause:
    """Something that failed, and when it is tried again.

    Attributes:
        why: A line.
        until: By the monotonic clock.
        length: Seconds; each is twice the one before.
        looks: How the file looked; None for what isn't about one.
    """

    why: str
    until: float
    length: float
    looks: Looks | None = None

    @classmethod
    def after(cls, before: Pause | None, why: str, looks: Looks | None = None) -> Pause:
        """Return the pause after a failure, longer than the one before it."""
        length = FIRST_PAUSE_S if before is None else min(LONGEST_PAUSE_S, 2 * before.length)
        return cls(why, time.monotonic() + length, length, looks)
