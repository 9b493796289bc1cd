"""Directories let go of: whether a mount of ours is there, and its end."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

SUBTYPE: Final = "runloop"
"""What the system calls our mounts after ``fuse.``: nobody else's is ended."""
_DETACH: Final = 2
_NO_FOLLOW: Final = 8
_SECONDS: Final = 10.0
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def is_mounted(target: str) -> bool:
    """Whether a mount of ours is at a directory, on top of whatever else is there.

    Args:
        target: The directory, absolute, no link on the way. It is not looked at: a mount whose server is gone would
            answer with an error, and one that hangs not at all.
    """
    if sys.platform != "linux":
        return any(f" on {target} (" in line and SUBTYPE in line for line in _mount_lines())
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    # Of several at one directory the last is the one that is seen.
    kinds = [kind for at, kind in map(_parsed, lines) if at == target]
    return bool(kinds) and kinds[-1] == f"fuse.{SUBTYPE}"


def let_go(target: str, *, lazily: bool) -> bool:
    """Unmount a directory; return whether that was done, or nothing of ours was there.

    Args:
        target: The directory, absolute, no link on the way.
        lazily: Whether it is let go of though something in it is open; that can be read on as long as it is served.
    """
    if not is_mounted(target):
        return True
    if _system_call(target, lazily=lazily):
        return True
    if command := _command(target, lazily=lazily):
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SECONDS)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return False
    return not is_mounted(target)


def _parsed(line: str) -> tuple[str, str]:
    before, _, after = line.partition(" - ")
    fields = before.split(" ")
    at = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4]) if len(fields) > 4 else ""
    return at, after.partition(" ")[0]


def _system_call(target: str, *, lazily: bool) -> bool:
    """Unmount as root does."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _NO_FOLLOW | (_DETACH if lazily else 0)
    return bool(libc.umount2(os.fsencode(target), flags) == 0)


def _command(target: str, *, lazily: bool) -> list[str] | None:
    """Return what unmounts as one who isn't root."""
    if sys.platform != "linux":
        return ["umount", *(["-f"] if lazily else []), target]
    program = shutil.which("fusermount3") or shutil.which("fusermount")
    return [program, "-u", "-q", *(["-z"] if lazily else []), "--", target] if program else None


def _mount_lines() -> list[str]:
    try:
        said = subprocess.run(["mount"], capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return []
    return said.stdout.splitlines()
