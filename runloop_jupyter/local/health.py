"""What a person should know of a store before it bites."""

from __future__ import annotations

import re
import shutil
import stat
import time
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.local import release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runloop_jupyter.local.layout import Layout

_LITTLE_ROOM: Final = 1 << 30
_LOG_TAIL: Final = 1 << 20
_FAULT: Final = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (?:ERROR|CRITICAL) ", re.MULTILINE)


def disk_free(layout: Layout) -> int | None:
    """Return how many bytes the store's disk has room for; None where that can't be told."""
    root = layout.root
    while not root.exists() and root != root.parent:
        root = root.parent
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return None


def problems(layout: Layout, facts: dict[str, Any] | None) -> list[str]:
    """Return what is wrong with the store at `layout`, a line each; nothing when all is well.

    Args:
        layout: Where it lies.
        facts: What its running daemon says of itself; None when none runs.
    """
    return list(_problems(layout, facts))


def _problems(layout: Layout, facts: dict[str, Any] | None) -> Iterator[str]:
    free = disk_free(layout)
    if free is not None and free < _LITTLE_ROOM:
        yield f"the disk has room for {free:,} bytes only"
    for path in (layout.root, layout.key, layout.signing_key, layout.database, layout.log):
        if _open_to_others(path):
            yield f"{path} is open to others: chmod {'700' if path == layout.root else '600'} {path}"
    if facts is None:
        return
    if release.newer(release.installed(), facts["version"]):
        yield f"the daemon is of version {facts['version']}; `runloop-local stop` lets {release.installed()} take over"
    if lost := facts["objects"].get("ERROR", 0):
        yield f"{lost:,} objects have lost their bytes (state ERROR)"
    if strays := sum(1 for _ in layout.strays.iterdir()) if layout.strays.is_dir() else 0:
        yield f"{strays:,} files belong to no object: look at {layout.strays}, then `runloop-local gc --strays`"
    if faults := _faults_since(layout.log, facts["start_time"]):
        yield f"{faults:,} errors in the log since it started: {layout.log}"


def _open_to_others(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False


def _faults_since(log: Path, start_time: float) -> int:
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, 2) - _LOG_TAIL, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return 0
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start_time))
    return sum(when >= began for when in _FAULT.findall(text))
