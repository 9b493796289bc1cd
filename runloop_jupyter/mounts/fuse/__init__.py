"""Mounts by FUSE: a process of its own answers the system, and fetches what is read, when it is read.

The kernel has `FuseMount` (``mount``), which starts ``server`` and talks to it over two pipes (``messages``). In that
process ``nodes`` are what there is to see, of a layout (``views``), ``contents`` what gives their bytes (``blocks``
from the store by ranges, ``archives`` out of archives), and ``operations`` the answers to the system. What a kernel
that was killed left is cleared by ``stale``.

Why a process of its own: a thread that waits for a page of a mapped file holds the interpreter's lock while it waits,
so whoever serves that page can't be another thread of the same process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runloop_jupyter.mounts.fuse.availability import available
from runloop_jupyter.mounts.fuse.stale import clear

if TYPE_CHECKING:
    from runloop_jupyter.mounts.fuse.mount import FuseMount

__all__ = ["FuseMount", "available", "clear"]


def __getattr__(name: str) -> Any:
    if name == "FuseMount":  # only where something is mounted: it loads msgspec
        from runloop_jupyter.mounts.fuse.mount import FuseMount

        return FuseMount
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
