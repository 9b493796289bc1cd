"""Which notebook on this computer put an object, so that a put can say when it replaces somebody else's.

One file a store under ``RUNLOOP_JUPYTER_HOME/origins``: a line an object, its id and the notebook, script or folder it
was put from. It stays on this computer: nothing of it is in the object.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import write_atomic
from runloop_jupyter.paths import home_dir, private_dir

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 1 << 20
"""Bytes of a file, some ten thousand puts, past which the older half is forgotten."""


def remember(store_id: str, object_id: str, origin: str) -> None:
    """Write down where an object was put from. A home that can't be written to is no reason to fail a put."""
    line = json.dumps([object_id, origin], ensure_ascii=False) + "\n"
    with suppress(OSError):
        path = _path(store_id)
        # One write of one line, at the end: kernels that put at the same time don't mix theirs.
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line.encode("utf-8", "surrogateescape"))
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        if size > LARGEST:
            lines = path.read_bytes().splitlines(keepends=True)
            write_atomic(path, b"".join(lines[len(lines) // 2 :]))


def origin_of(store_id: str, object_id: str) -> str | None:
    """Return where an object was put from on this computer; None where it wasn't, or that was long ago."""
    try:
        lines = _path(store_id).read_bytes().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        with suppress(ValueError, TypeError):  # a line cut off by a full disk
            found, origin = json.loads(line.decode("utf-8", "surrogateescape"))
            if found == object_id:
                return str(origin)
    return None


def _path(store_id: str) -> Path:
    return private_dir(home_dir() / "origins") / f"{store_id}.jsonl"
