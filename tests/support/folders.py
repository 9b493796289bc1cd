"""Writable folders for tests: nothing in them waits for a clock."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from runloop_jupyter import lookup, session
from runloop_jupyter.filesystems import entries
from runloop_jupyter.mounts.writable.folder import WritableFolder
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.transfer.whole import Whole

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.wire.objects import ObjectView

NEVER_S = 3600.0


def looking() -> Transfer:
    return Transfer("test", "down", "")


def new_name() -> str:
    """A name that no other test has."""
    return f"w-{uuid.uuid4().hex}"


def mount(name: str, where: Path, **options: Any) -> WritableFolder:
    """Mount a folder that sends when it is told to, and not before."""
    options = {"every_s": NEVER_S, "quiet_s": 0.0} | options
    return WritableFolder(session.current().store, name, where, looking(), **options)


def stored(name: str) -> dict[str, bytes]:
    """Return the newest versions beneath a name: their bytes, by path."""
    store = session.current().store
    return {path.removeprefix(f"{name}/"): _bytes(view) for path, view in entries.beneath(store, name).items()}


def versions(name: str) -> list[bytes]:
    """Return the bytes of each living version of a name, the newest first, each held against its digest."""
    return [_bytes(view) for view in lookup.versions(session.current().store, name, looking())]


def _bytes(view: ObjectView) -> bytes:
    store = session.current().store
    with Whole(store.objects, store.identity.id, view, looking(), caches=False).spooled() as file:
        file.seek(0)
        return file.read()


def files(where: Path) -> dict[str, bytes]:
    """Return what is in a directory, by path."""
    return {str(each.relative_to(where)): each.read_bytes() for each in where.rglob("*") if each.is_file()}
