"""Names in an archive: which are a place inside its folder, and how they are shown."""

from __future__ import annotations

from typing import Final

from runloop_jupyter.errors import ArchiveError

DEPTH: Final = 200
"""Folders within folders."""
NAME_BYTES: Final = 4096
"""Of a path from the root down."""
_SHOWN: Final = 200


def shown(name: str) -> str:
    """Return `name` for a message, on one line and not too long: what is no letter or is not UTF-8 written out."""
    text = name[:_SHOWN].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(name) <= _SHOWN else f"{escaped}…"


def stays_inside(path: str, target: str) -> bool:
    """Whether a link at `path` can't lead out of the root, whatever other links there are.

    ``..`` may stand at the front only, and no more often than `path` has folders: those steps go up through real
    folders, and every step after them goes down. A link met on the way down obeys the same rule.
    """
    if target.startswith("/") or not target or "\0" in target:
        return False
    steps = [step for step in target.split("/") if step not in ("", ".")]
    up = 0
    while up < len(steps) and steps[up] == "..":
        up += 1
    return ".." not in steps[up:] and up <= path.strip("/").count("/")


def inside(name: str) -> str:
    """Return an archive's name as a plain relative path; "" for the root itself.

    Raises:
        ArchiveError: It is absolute, goes up, or is longer or deeper than a folder can be.
    """
    steps = [step for step in name.split("/") if step not in ("", ".")]
    if name.startswith("/") or ".." in steps or "\0" in name:
        raise ArchiveError(f"the archive has an entry outside its folder ({shown(name)}); it isn't unpacked")
    path = "/".join(steps)
    if len(steps) > DEPTH or len(path.encode("utf-8", "surrogateescape")) > NAME_BYTES:
        raise ArchiveError(f"the archive has a name too deep or too long ({shown(path)}); it isn't unpacked")
    return path
