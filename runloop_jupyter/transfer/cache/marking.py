"""A directory becomes a cache: marked as one for backup programs, and rid of what an earlier layout kept in it."""

from __future__ import annotations

import os
import re
import shutil
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.transfer.cache.listing import listed, unlink

if TYPE_CHECKING:
    from pathlib import Path

TAG: Final = "CACHEDIR.TAG"
_TAG_TEXT: Final = """Signature: 8a477f597d28d172789f06886806bc55
# This directory holds what runloop_jupyter can fetch or make again. Backups may leave it out.
# About this file: https://bford.info/cachedir/
"""
# The directories that an earlier layout made: an account's identity, or an embedded store's UUID.
_STORE: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GONE: Final = re.compile(r"\.gone-[0-9a-f]+")


def begin(root: Path) -> None:
    """Mark a directory as a cache where that isn't done yet, and clear away what an earlier layout kept in it.

    Only what that layout made is touched: somebody may have made the directory of one that has other things in it.
    """
    tag = root / TAG
    if tag.exists():
        return
    for entry in [] if (root / "refs").exists() else listed(root / "files"):
        if _STORE.fullmatch(entry):
            with suppress(OSError):
                gone = root / f".gone-{os.urandom(6).hex()}"
                (root / "files" / entry).rename(gone)
    temporary = temporary_beside(tag)
    try:
        temporary.write_text(_TAG_TEXT)
        temporary.replace(tag)
    except OSError:  # a full disk: what needs room will say so
        unlink(temporary)
    threading.Thread(target=clear_gone, args=(root,), name="rl-cache-old", daemon=True).start()


def clear_gone(root: Path) -> None:
    """Remove what was moved aside to be removed."""
    for name in listed(root):
        if _GONE.fullmatch(name):
            shutil.rmtree(root / name, ignore_errors=True)
