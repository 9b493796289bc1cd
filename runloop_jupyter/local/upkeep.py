"""What its owner asks of a running store: to clean up, and to take in objects from a bag."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.local.bag import MAX_DESCRIPTION, Description
from runloop_jupyter.local.bring_in import DESCRIPTION_LENGTH
from runloop_jupyter.local.ids import position_of
from runloop_jupyter.local.refusal import bad_request
from runloop_jupyter.wire import json
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiohttp import web

    from runloop_jupyter.local.arrivals import Arrivals
    from runloop_jupyter.local.blobs import Blobs
    from runloop_jupyter.local.database import Worker
    from runloop_jupyter.local.guard import Activity
    from runloop_jupyter.local.layout import Layout
    from runloop_jupyter.local.objects import Objects

# An upload that has written nothing for so long has ended: it is given up after five minutes without a byte.
_CUT_OFF_SECONDS: Final = 3600.0


@dataclass
class Cleaned:
    """What a clean-up removed, or would remove.

    Attributes:
        expired: Objects past their time, deleted.
        leftovers: Files of deleted objects.
        cut_off: Uploads that broke off.
        strays: Files that the database knows no object for.
        size_bytes: Of all these files.
    """

    expired: int = 0
    leftovers: int = 0
    cut_off: int = 0
    strays: int = 0
    size_bytes: int = 0


class Upkeep:
    """The control routes beyond a launcher's. They count as use: no stop while they work."""

    def __init__(
        self,
        layout: Layout,
        objects: Objects,
        arrivals: Arrivals,
        blobs: Blobs,
        worker: Worker,
        activity: Activity,
        answer: Callable[[web.Request, dict[str, Any]], web.Response],
    ) -> None:
        self._layout = layout
        self._objects = objects
        self._arrivals = arrivals
        self._blobs = blobs
        self._worker = worker
        self._activity = activity
        self._answer = answer

    async def gc(self, request: web.Request) -> web.Response:
        """Delete what is past its time, and remove the files that no object has; strays where that is asked for."""
        dry_run, strays = request.query.get("dry_run") == "true", request.query.get("strays") == "true"
        with self._activity.busy():
            if dry_run:
                cleaned = Cleaned(expired=await self._worker(self._arrivals.overdue))
            else:
                cleaned = Cleaned(expired=await sweep_all(self._worker, self._objects))
                await self._worker(self._objects.tidy)
            for directory in await asyncio.to_thread(_directories, self._layout.blobs):
                # In the database's thread, where uploads take their names too: a file can't become an object's
                # between the question and the removal. One directory at a time: others have their turn.
                await self._worker(partial(self._clean, directory, cleaned, dry_run=dry_run, strays=strays))
            await asyncio.to_thread(_clean_incoming, self._layout.incoming, cleaned, dry_run=dry_run)
            if strays:
                await asyncio.to_thread(_clean_strays, self._layout.strays, cleaned, dry_run=dry_run)
        return self._answer(request, vars(cleaned))

    def _clean(self, directory: Path, cleaned: Cleaned, *, dry_run: bool, strays: bool) -> None:
        with suppress(FileNotFoundError):
            names = [each.name for each in directory.iterdir() if position_of(each.name) is not None]
            states = self._arrivals.states(names)
            for name in names:
                state = states.get(name)
                if state == ObjectState.DELETED:
                    cleaned.leftovers += _remove(directory / name, cleaned, dry_run=dry_run)
                elif state is None and strays:
                    cleaned.strays += _remove(directory / name, cleaned, dry_run=dry_run)

    async def known(self, request: web.Request) -> web.Response:
        """Say in which states the objects with these ids are; nothing of those that aren't here."""
        ids = _decode(await request.read(), list[str])
        return self._answer(request, {"states": await self._worker(lambda: self._arrivals.states(ids))})

    async def bring_in(self, request: web.Request) -> web.Response:
        """Take in one object: its description, then its bytes, in one body."""
        restore = request.query.get("restore") == "true"
        described = request.headers.get(DESCRIPTION_LENGTH, "")
        length = request.content_length
        if not described.isdecimal() or length is None or not 0 < int(described) <= min(length, MAX_DESCRIPTION):
            raise bad_request("the description has no length, or one that can't be")
        with self._activity.busy():
            description = _decode(await request.content.readexactly(int(described)), Description)
            if position_of(description.id) is None:
                raise bad_request("this is no id of an embedded store")
            if length - int(described) != description.size_bytes:
                raise bad_request(f"{description.id} isn't as long as its description says")
            temporary = await self._blobs.receive(request.content, description.size_bytes)
            try:
                digest = await asyncio.to_thread(_sha256, temporary)
                if digest != description.sha256:
                    raise bad_request(f"{description.id} hasn't the SHA-256 that its description says: it is damaged")
                outcome = await self._worker(lambda: self._arrivals.take_in(description, temporary, restore=restore))
            finally:
                temporary.unlink(missing_ok=True)
        return self._answer(request, {"outcome": outcome})


async def sweep_all(worker: Worker, objects: Objects) -> int:
    """Delete everything past its time, a little at a time so that requests come in between; return how many."""
    swept = 0
    while some := await worker(objects.sweep):
        swept += some
    return swept


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return json.decode(body, kind)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body isn't what this takes: {error}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _directories(blobs: Path) -> list[Path]:
    return sorted(each for each in blobs.iterdir() if each.is_dir() and not each.is_symlink())


def _clean_incoming(incoming: Path, cleaned: Cleaned, *, dry_run: bool) -> None:
    before = time.time() - _CUT_OFF_SECONDS
    for each in incoming.glob("*.part"):
        with suppress(FileNotFoundError):
            if each.stat().st_mtime < before:
                cleaned.cut_off += _remove(each, cleaned, dry_run=dry_run)


def _clean_strays(strays: Path, cleaned: Cleaned, *, dry_run: bool) -> None:
    with suppress(FileNotFoundError):
        for each in list(strays.iterdir()):
            cleaned.strays += _remove(each, cleaned, dry_run=dry_run)


def _remove(path: Path, cleaned: Cleaned, *, dry_run: bool) -> bool:
    """Remove one file, unless this is only a rehearsal; return whether there was one."""
    try:
        stat = path.lstat()
        if not dry_run:
            path.unlink()
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return False
    cleaned.size_bytes += stat.st_size
    return True
