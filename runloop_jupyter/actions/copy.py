"""cp: between any two places: this machine's files, stores, and whatever else fsspec can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runloop_jupyter import session as sessions
from runloop_jupyter.actions.bulk import Bulk
from runloop_jupyter.actions.carry import Carrying
from runloop_jupyter.actions.copied import NEW, Copied, Row
from runloop_jupyter.actions.copy_files import FileCopying
from runloop_jupyter.actions.places import ObjectsAt, place_of
from runloop_jupyter.actions.running import run
from runloop_jupyter.transfer.manifest import size_of
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.actions.object import Object
    from runloop_jupyter.transfer.transfer import Transfer

_AGAIN = "The same call again copies only what is missing"


def cp(source: str | Path | Object, target: str | Path, *, dry_run: bool = False) -> Copied:
    """Copy objects and files from one place to another.

    A place is a local path, ``PROFILE:NAME`` or ``runloop://NAME``, or any URL that fsspec knows. From store to store
    a pattern carries every version of what fits, the oldest first, with metadata and what is left of the time to
    live; what was carried before is passed over. Between files and objects a folder or a pattern is copied with all
    that is in it; a file that is there already is left as it is, and refused where its bytes are others. What comes
    from a store is held against its digest. Nothing half-copied is left under a name.

    Args:
        source: A file, an object, a folder or a pattern.
        target: A folder, or the name of the copy; ``PROFILE:`` alone is a whole store.
        dry_run: Say what would be copied, and copy nothing.

    Raises:
        ObjectNotFound: There is nothing to copy.
        InputError: A place that can't be meant, or one name for several.
        SomeFailed: Some were copied and some weren't; ``failed`` has each by its name.

    Example:
        >>> rl.cp("local:*", "hosted:")  # doctest: +SKIP
    """
    session = sessions.current().as_it_is()
    whole = session.transfers.new(str(source), "up", session.profile.label)
    if not dry_run:
        whole.again = lambda: cp(source, target)

    def work() -> Copied:
        whole.checkpoint()
        start, end = place_of(session, source), place_of(session, target)
        if isinstance(start, ObjectsAt) and isinstance(end, ObjectsAt):
            carrying = Carrying(session, start, end, whole)
            return _carried(carrying, start, end, whole, dry_run=dry_run)
        copying = FileCopying(start, end, whole)
        if dry_run:
            return Copied(copying.rows(), str(start), str(end), done=False)
        moving = Bulk(whole, copying.sizes(), copying.copy, Phase.SENDING)
        moving.carry_out()
        moving.check("copied", _AGAIN)
        return Copied(_rows(moving), str(start), str(end))

    return run(session, whole, work)


def _carried(carrying: Carrying, start: ObjectsAt, end: ObjectsAt, whole: Transfer, *, dry_run: bool) -> Copied:
    if dry_run:
        rows = [Row(view.name, size_of(view), name, NEW) for name, views in carrying.versions.items() for view in views]
        return Copied(rows, str(start), str(end), there=carrying.there, done=False)
    moving = Bulk(whole, {**dict.fromkeys(carrying.failed, 0), **carrying.sizes()}, carrying.carry, Phase.SENDING)
    moving.carry_out()
    moving.check("copied", _AGAIN)
    return Copied(_rows(moving), str(start), str(end), there=carrying.there)


def _rows(moving: Bulk[list[Row]]) -> list[Row]:
    return [row for name in sorted(moving.done) for row in moving.done[name]]
