"""Mounting by hand, and what is left in a directory afterwards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runloop_jupyter import session
from runloop_jupyter.mounts.layout import Layout, lay_out
from runloop_jupyter.mounts.link import LinkMount
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer.transfer import Transfer

if TYPE_CHECKING:
    from runloop_jupyter.actions.object import Object


def layout_of(*things: Object, prefix: str = "") -> Layout:
    return lay_out((thing.name.removeprefix(prefix), thing.view) for thing in things)


def a_transfer() -> Transfer:
    return Transfer("a mount", "down", "here")


def mount(where: Path, *things: Object, transfer: Transfer | None = None, prefix: str = "") -> LinkMount:
    return LinkMount(session.current().store, layout_of(*things, prefix=prefix), where, transfer or a_transfer())


def contents(root: Path) -> dict[str, bytes | str]:
    """What is beneath a directory: bytes of files, targets of links, and "" for empty directories."""
    found: dict[str, bytes | str] = {}
    for above, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(above, name)
            at = str(path.relative_to(root))
            if path.is_symlink():
                found[at] = str(path.readlink())
            elif path.is_file():
                found[at] = path.read_bytes()
            elif not any(path.iterdir()):
                found[at] = ""
    return found


def records() -> list[str]:
    """What is written down of mounts, without what was being written when somebody was killed."""
    folder = cache_dir() / "mounts"
    return sorted(each.name for each in folder.iterdir() if each.name[0] != ".") if folder.is_dir() else []
