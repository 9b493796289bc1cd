"""Whether a mount by FUSE can be had here, and if not, what to do about that."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Final

_DEVICE: Final = "/dev/fuse"
_CAP_SYS_ADMIN: Final = 21


def available() -> str | None:
    """Return why FUSE can't be had here, on one line that says what to do; None where nothing speaks against it.

    Nothing is mounted to find out: a system may still refuse when it comes to that, and the mount says so then.
    """
    if sys.platform not in {"linux", "darwin"}:
        return "this system has no FUSE; mount with --mode link"
    for library in ("mfusepy", "indexed_gzip"):
        if importlib.util.find_spec(library) is None:
            return f"{library} isn't installed: %pip install 'runloop_jupyter[fuse]'"
    if sys.platform == "darwin":
        return None if _has_library() else "macFUSE isn't installed: brew install --cask macfuse"
    if not os.path.exists(_DEVICE):  # noqa: PTH110 - tests stand in for it
        return (
            f"there is no {_DEVICE} here; a container gets it with --device {_DEVICE} --cap-add SYS_ADMIN, another"
            " Linux with modprobe fuse"
        )
    if os.geteuid() != 0 and not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"you may not open {_DEVICE}; who is root here can let everybody: chmod 666 {_DEVICE}"
    if not _has_library():
        return "libfuse isn't installed: apt install fuse3 (or what your system calls it)"
    if os.geteuid() != 0 and _program() is None:
        return "there is no fusermount3, by which one who isn't root mounts: apt install fuse3"
    if os.geteuid() == 0 and not _may_mount():
        return "this container may not mount anything (no CAP_SYS_ADMIN); start it with --cap-add SYS_ADMIN"
    return None


def _program() -> str | None:
    return shutil.which("fusermount3") or shutil.which("fusermount")


def _has_library() -> bool:
    return library() is not None


def library() -> str | None:
    """Return the newest libfuse there is, as ``FUSE_LIBRARY_PATH`` has it; None where there is none."""
    from ctypes.util import find_library

    names = ("fuse3", "fuse") if sys.platform == "linux" else ("fuse4x", "osxfuse", "fuse", "fuse-t")
    return next(filter(None, map(find_library, names)), None)


def _may_mount() -> bool:
    """Whether root has what mounting takes: in most containers it hasn't."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        effective = next(line.split()[1] for line in lines if line.startswith("CapEff:"))
    except (OSError, StopIteration, IndexError):
        return True
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)
