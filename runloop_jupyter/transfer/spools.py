"""Kept spools are bounded: what nobody resumed within a week goes, and the oldest first where the disk is short."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import journal

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.transfer.journal import Intent

KEPT_S: Final = 7 * 24 * 3600
SHORT: Final = 1 << 30
"""Bytes free on the disk of the spools under which it is short: others need it more than an unfinished put."""


def directory() -> Path:
    """Return where spools are made."""
    return private_dir(cache_dir() / "spool")


def sweep() -> list[tuple[Intent, str]]:
    """Clear what is kept too long or takes room that is short; return each with the reason, for whoever must say it.

    What one of them may have left in a store stays in the journal, for the next load to clear.
    """
    gone: list[tuple[Intent, str]] = []
    for intent in [each for each in journal.unfinished() if each.parcel is not None]:
        if time.time() - intent.began > KEPT_S:
            why = f"nobody resumed it for {KEPT_S // 86400} days"
        elif intent.spool and is_short():
            why = "the disk is short"
        else:
            continue
        if intent.metadata:
            intent.unpacked()
        else:
            intent.close()
        gone.append((intent, why))
    _sweep_strays()
    return gone


def is_short() -> bool:
    """Whether the disk of the spools has little room left."""
    return shutil.disk_usage(directory()).free < SHORT


def _sweep_strays() -> None:
    """Remove old spools that no intent knows of: the journal's directory was removed, or a get was killed."""
    known = {intent.spool for intent in journal.everything()}
    for path in directory().iterdir():
        with suppress(OSError):
            if str(path) not in known and time.time() - path.stat().st_mtime > KEPT_S:
                path.unlink()
