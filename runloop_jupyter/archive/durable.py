"""Making a whole folder survive a power cut."""

from __future__ import annotations

import ctypes
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sync_tree(folder: Path) -> None:
    """Return once everything beneath `folder` is on the disk.

    Where the system can (Linux), that is one call for the folder's filesystem: an fsync for each file takes minutes
    where there are many.

    Raises:
        OSError: It isn't on the disk.
    """
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:
        _sync_each(folder)
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(fd):
            raise OSError(number := ctypes.get_errno(), os.strerror(number), str(folder))
    finally:
        os.close(fd)


def _sync_each(folder: Path) -> None:
    for _, _, files, here in os.fwalk(folder):
        for name in files:
            if stat.S_ISREG(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
                fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
        os.fsync(here)
