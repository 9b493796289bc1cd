"""What is in a directory that others change at the same time."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def listed(folder: Path) -> list[str]:
    """Return the names in a directory; none where it isn't there."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []


def folders(parent: Path) -> list[Path]:
    """Return the directories in a directory, links left out; none where it isn't there."""
    try:
        with os.scandir(parent) as entries:
            return [parent / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def files(folder: Path) -> list[Path]:
    """Return all that isn't a directory beneath one; none where it isn't there."""
    return [path for path in folder.rglob("*") if not path.is_dir()] if folder.is_dir() else []


def unlink(path: Path) -> None:
    """Remove a file; harmless where it is gone."""
    with suppress(OSError):
        path.unlink()


def inode_of(path: Path) -> int | None:
    """Return the inode that a path leads to; None where it leads nowhere."""
    try:
        return path.stat().st_ino
    except OSError:
        return None
