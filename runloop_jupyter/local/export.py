"""A whole store into a `bag`, while it is in use: what is whole when the export comes to it."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from runloop_jupyter.atomic import fsync_dir
from runloop_jupyter.errors import EmbeddedStoreError, InputError
from runloop_jupyter.local import release
from runloop_jupyter.local.bag import CHUNK, BagWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.client import HTTPResponse
    from pathlib import Path

    from runloop_jupyter.local.caller import Caller


@dataclass
class Exported:
    """How far an export has come, and at its end what is in the bag.

    Attributes:
        objects: Written.
        size_bytes: Their bytes.
        gone: Deleted, or past their time, between the listing and the reading.
    """

    objects: int = 0
    size_bytes: int = 0
    gone: int = 0


def export(caller: Caller, store_id: str, target: Path, tell: Callable[[Exported], None] | None = None) -> Exported:
    """Write every whole object of a store into the new directory `target`, which appears once all of it is there.

    Until then it is ``.NAME.part`` beside it. That goes when the export is broken off; one that was killed leaves it,
    and the next export to the same place begins with removing it. The disk has all of it before `target` appears.

    Args:
        caller: To the store's daemon.
        store_id: Of the store.
        target: A directory that isn't there yet.
        tell: Told after each object.

    Raises:
        InputError: `target` is there, or its parent isn't.
        EmbeddedStoreError: Another export writes there, or the store failed.
        OSError: No room, no permission.
    """
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} is there already: export to a new name")
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is no directory")
    done = Exported()
    with _part(target) as part:
        writer = BagWriter(part)
        try:
            for view in caller.objects():
                with caller.content(view.id) as response:
                    if response is None:
                        done.gone += 1
                        continue
                    size = writer.add(view, _chunks(response))
                if size != view.size_bytes:
                    raise EmbeddedStoreError(
                        f"the store sent {size} of {view.size_bytes} bytes of {view.id}: try again"
                    )
                done.objects += 1
                done.size_bytes += size
                if tell is not None:
                    tell(done)
            writer.close(store_id, f"runloop_jupyter {release.installed()}")
        finally:
            writer.abandon()
        os.sync()  # once, for a million files
        if target.exists():  # a rename would replace an empty directory
            raise InputError(f"{target} is there meanwhile: export to a new name")
        part.rename(target)
        fsync_dir(target.parent)
    return done


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    """Make the directory that is to be `target`, locked against another export; it is gone when the block fails."""
    part = target.with_name(f".{target.name[:200]}.part")
    part.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EmbeddedStoreError(f"another export to {target} is going on") from None
        _empty(part)
        try:
            yield part
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    finally:
        os.close(fd)


def _empty(directory: Path) -> None:
    for each in directory.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := response.read(CHUNK):
            yield chunk
    except (OSError, HTTPException) as error:
        raise EmbeddedStoreError(f"the store went away meanwhile ({type(error).__name__}); run this again") from None
