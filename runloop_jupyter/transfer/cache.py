"""Objects that were fetched as files, kept on this machine: an object never changes, so its file serves again.

``RUNLOOP_JUPYTER_CACHE/files/<store identity>/<object id>/NAME``. A file appears there whole and verified, without
write permission, its modification time the object's own: one that was tampered with is told by size and time, and
fetched again.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.paths import cache_dir, private_dir

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from runloop_jupyter.wire.objects import ObjectView

_LONGEST_NAME: Final = 150  # bytes; filesystems take 255, and a temporary name is longer
# What some system takes for a path, a drive or a pattern; what turns text around; halves of characters.
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff/\\:*?"<>|]')


def file_name(name: str, suffix: str = "") -> str:
    """Return a name for a local file: the last part of an object's name, without what a filesystem might mistake.

    Example:
        >>> file_name("runs/2026-11/val metrics", ".parquet"), file_name("../.."), file_name("a/b.csv")
        ('val metrics.parquet', 'object', 'b.csv')
    """
    last = _UNSAFE.sub("_", unicodedata.normalize("NFC", name).rstrip("/").rpartition("/")[2]).strip(" .")
    if not last.strip("_"):
        last = "object"
    if suffix and not last.lower().endswith(suffix):
        last += suffix
    while len(last.encode()) > _LONGEST_NAME:
        stem, dot, ending = last.rpartition(".")
        last = f"{stem[:-1]}{dot}{ending}" if stem and len(ending) < 20 else last[:-1]
    return last


def place(store_id: str, object_id: str) -> Path:
    """Return the directory for one object's files, made if it is missing."""
    # A store may call an object anything, ".." and "" too.
    store, thing = (_UNSAFE.sub("_", each).strip(".") or "_" for each in (store_id, object_id))
    return private_dir(cache_dir() / "files" / store / thing)


def found(store_id: str, view: ObjectView, name: str) -> Path | None:
    """Return the object's file called `name` if it is here, whole and as it was verified."""
    path = place(store_id, view.id) / name
    try:
        there = path.stat()
    except FileNotFoundError:
        return None
    return path if (there.st_size, there.st_mtime_ns) == (view.size_bytes, _time_ns(view)) else None


def cached(store_id: str, view: ObjectView, name: str, fetch: Callable[[BinaryIO], None]) -> Path:
    """Return the object's bytes as a local file called `name`, fetched if they aren't here yet.

    Args:
        store_id: Identity of the store.
        view: The object.
        name: As `file_name` gives it.
        fetch: Writes the verified bytes to a file, or raises; then nothing is kept.

    Raises:
        OSError: No room, no permission.
    """
    if (here := found(store_id, view, name)) is not None:
        return here
    path = place(store_id, view.id) / name
    with atomic_writer(path, mode=0o400, durable=False) as file:
        fetch(file)
        file.flush()
        os.utime(file.fileno(), ns=(_time_ns(view), _time_ns(view)))
    return path


def _time_ns(view: ObjectView) -> int:
    # A store may answer with any integer; a filesystem may not.
    return max(0, min(view.create_time_ms, 4_102_444_800_000)) * 1_000_000
