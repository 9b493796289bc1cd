"""What a mount shows: objects, each at a path of its own."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from runloop_jupyter.wire.objects import ObjectView  # noqa: TC001 - msgspec reads annotations at run time


class Kind(StrEnum):
    """What an object is to whoever looks into a mount.

    Attributes:
        FILE: A file with its bytes.
        FOLDER: A folder that is kept as files: a directory with those in it.
        ARCHIVE: A folder that is kept as one archive, or a tar that somebody stored: a directory with its members.
    """

    FILE = "file"
    FOLDER = "folder"
    ARCHIVE = "archive"


class Shown(msgspec.Struct, frozen=True):
    """One object in a mount.

    Attributes:
        path: Where, from the mount's directory down: parts that any disk takes, joined by slashes. Empty for an object
            that is a directory and the whole mount.
        view: The object.
        kind: What it is there.
    """

    path: str
    view: ObjectView
    kind: Kind


class Layout(msgspec.Struct, frozen=True):
    """All that a mount shows; no path is another's, and none of a file leads on to another.

    Attributes:
        shown: The objects, in the order of their paths.
    """

    shown: tuple[Shown, ...]

    @property
    def size(self) -> int:
        """Bytes of the objects: of archives as they are packed."""
        return sum(each.view.size_bytes or 0 for each in self.shown)
