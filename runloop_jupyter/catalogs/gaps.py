"""What a walk has still to go through, and what came of a page of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from runloop_jupyter.catalogs.place import TOP


class Kind(IntEnum):
    """Why a walk goes through something."""

    FILL = 0
    """It isn't known; the walk ends where it meets what is."""
    SWEEP = 1
    """It is known, and gone through again to see what has gone, to the end of the listing."""
    AGAIN = 2
    """Parts of it aren't known, nobody knows which: to the end of the listing."""


@dataclass
class Gap:
    """What a walk goes through.

    Attributes:
        ceiling: Position of the object before it; `TOP` where it begins with the newest.
        after_id: That object's id; empty where it begins with the newest.
        kind: Why.
    """

    ceiling: int = TOP
    after_id: str = ""
    kind: Kind = Kind.FILL


@dataclass
class Merged:
    """What came of a page.

    Attributes:
        ended: Whether the gap is closed.
        moved: Whether anything in it was further down than what came before.
        new: How many objects weren't known.
        changed: Whether the index is another than before.
        missing: Ids that should have been there: they may have gone from the store.
        met: How many known ones came one after the other at the end of it.
    """

    ended: bool = False
    moved: bool = False
    new: int = 0
    changed: bool = False
    missing: list[str] = field(default_factory=list)
    met: int = 0
