"""What is mounted, on disk: a kernel that was killed leaves word of its mounts to the next one that loads.

One small JSON file a mount, ``RUNLOOP_JUPYTER_CACHE/mounts/<token>.json``, and beside it what its mode needs to know
(`Record.beside`). Whoever writes it holds it by being alive: the file names host, boot and process. None of it is
synced: after a power cut no process holds a mount, and what a mount had placed is read-only and can be made again.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter import process
from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.errors import InputError
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer.journal import Owner, me

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEFT_ALONE_S: Final = 3600.0
"""What looks like a leftover may be a moment's work of another process."""


@dataclass(frozen=True)
class Server:
    """A process that serves a mount for its kernel, on the kernel's own machine.

    Attributes:
        pid: Its process id.
        ticks: When it began (`process.start_ticks`), for ids are given out again; None where the system doesn't say.
    """

    pid: int
    ticks: int | None

    @property
    def alive(self) -> bool:
        """Whether it still runs. Only to be asked on its own machine, in the same run of it."""
        if self.ticks is not None:
            return process.start_ticks(self.pid) == self.ticks
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:  # it is somebody else's by now, so not ours
            return False
        return True


@dataclass(frozen=True)
class Record:
    """One mount.

    Attributes:
        token: Names it; unique.
        mode: ``link``, ``fuse`` or ``write``.
        what: What is mounted, as it was typed.
        where: The directory, absolute.
        store: The store, as a person reads it.
        owner: The kernel that mounted it.
        began: Seconds since the epoch.
        server: The process that serves it; None where none does.
        made: Whether the directory was made for it, and goes with it.
        size: Bytes of what it shows; None where nobody knows.
    """

    token: str
    mode: str
    what: str
    where: str
    store: str
    owner: Owner
    began: float
    server: Server | None = None
    made: bool = False
    size: int | None = None

    @property
    def abandoned(self) -> bool:
        """Whether its owner is gone. One on another machine can't be asked, and that machine is to clear it."""
        return self.owner.alive is False

    def beside(self, kind: str) -> Path:
        """Return the path of a file of this mount's own, beside its record; it goes when the record goes.

        Args:
            kind: What it holds, one plain word.
        """
        return _directory() / f"{self.token}.{kind}"

    def save(self) -> None:
        """Write it down, in place of what was written before.

        Raises:
            InputError: The cache's directory can't be written to.
            OSError: No room.
        """
        with atomic_writer(_directory() / f"{self.token}.json", durable=False) as file:
            file.write(json.dumps(asdict(self)).encode())

    def is_there(self) -> bool:
        """Whether it is still written down: nobody cleared it meanwhile."""
        return (_directory() / f"{self.token}.json").exists()

    def remove(self) -> None:
        """Strike it out, with what stands beside; harmless where that is done."""
        directory = _directory()
        for name in sorted(_names(directory), key=lambda name: name.endswith(".json")):  # the record last
            if name.startswith((f"{self.token}.", f".{self.token}.")):
                with suppress(OSError):
                    (directory / name).unlink()


def enter(
    mode: str,
    what: str,
    where: Path,
    store: str,
    *,
    server: Server | None = None,
    made: bool = False,
    size: int | None = None,
) -> Record:
    """Write down a mount of this process's and return its record. Arguments as the attributes of `Record`.

    Raises:
        InputError: The cache's directory can't be written to.
        OSError: No room.
    """
    token = secrets.token_hex(8)
    record = Record(token, mode, what, str(where), store, me(), time.time(), server, made, size)
    record.save()
    return record


def everything() -> list[Record]:
    """Return all mounts, of whomever, the oldest first. Cheap when there are none."""
    try:
        directory = cache_dir() / "mounts"
    except InputError:
        return []  # nobody could write one down there
    found = [_read(directory / name) for name in _names(directory) if name.endswith(".json")]
    return sorted((record for record in found if record), key=lambda record: record.began)


def abandoned() -> Iterator[Record]:
    """Yield the mounts whose kernels are gone, the oldest first. Cheap when there are none."""
    yield from (record for record in everything() if record.abandoned)


def tidy() -> None:
    """Remove what was being written when somebody was killed, once that is an hour ago."""
    try:
        directory, before = cache_dir() / "mounts", time.time() - LEFT_ALONE_S
    except InputError:
        return
    for name in _names(directory):
        with suppress(OSError):
            if name.startswith(".") and (directory / name).stat().st_mtime < before:
                (directory / name).unlink()


def at(where: Path) -> Record | None:
    """Return the newest mount of that very directory, of whomever; None where none is written down."""
    return next((record for record in reversed(everything()) if record.where == str(where)), None)


def _read(path: Path) -> Record | None:
    import msgspec  # only where there is something to read: most loads find nothing

    try:
        record = msgspec.convert(json.loads(path.read_bytes()), Record)
    except (OSError, ValueError, RecursionError):
        return None  # another version's, or gone meanwhile
    return record if path.stem == record.token else None


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - a load does this each time: the cheapest way to see nothing
    except OSError:
        return []


def _directory() -> Path:
    return private_dir(cache_dir() / "mounts")
