"""What was begun and not yet ended, on disk before anything is created: a killed kernel leaves nothing for good.

One small JSON file an intent under ``RUNLOOP_JUPYTER_HOME/journal``. Whoever writes it holds it by being alive: the
file names host, boot and process. Of the dead ones, the next load deletes what they made and removes their spool.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter import process
from runloop_jupyter.atomic import write_atomic
from runloop_jupyter.paths import home_dir, private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

# A process on another host can't be asked whether it lives; no put takes longer than this.
SILENCE_S: Final = 24 * 3600


@dataclass(frozen=True)
class Owner:
    """The process that writes an intent."""

    host: str
    boot: str
    pid: int
    born: str

    @property
    def alive(self) -> bool | None:
        """Whether the process still runs; None where this machine can't tell."""
        here = me()
        if self.host != here.host:
            return None
        return self.boot == here.boot and self.born == _born(self.pid)


@dataclass
class Intent:
    """One thing begun.

    Attributes:
        id: Unique.
        store: Identity of the store it is for.
        place: That store as a person reads it.
        name: The name that is being put.
        began: Seconds since the epoch.
        owner: Who does it.
        spool: A file of ours that goes when the intent goes; None where the bytes are the user's own file.
        metadata: What the object is created with: how it is found if its id never reached the disk.
        objects: Ids made so far.
    """

    id: str
    store: str
    place: str
    name: str
    began: float
    owner: Owner
    spool: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    objects: list[str] = field(default_factory=list)

    def with_metadata(self, metadata: dict[str, str]) -> None:
        """Write down what the object will carry, before it is created."""
        self.metadata = metadata
        self._save()

    def created(self, object_id: str) -> None:
        """Write down an object that was just made."""
        self.objects.append(object_id)
        self._save()

    def deleted(self, object_id: str) -> None:
        """Write down that an object is gone again."""
        self.objects.remove(object_id)
        self._save()

    def close(self) -> None:
        """Nothing is left to clear but the spool: remove it and the intent."""
        if self.spool:
            with suppress(OSError):
                Path(self.spool).unlink()
        with suppress(OSError):
            self._path.unlink()

    @property
    def abandoned(self) -> bool:
        """Whether nobody works on it any more."""
        alive = self.owner.alive
        return time.time() - self.began > SILENCE_S if alive is None else not alive

    @property
    def _path(self) -> Path:
        return _directory() / f"{self.id}.json"

    def _save(self) -> None:
        write_atomic(self._path, json.dumps(asdict(self)).encode())


def begin(store: str, place: str, name: str, spool: Path | None) -> Intent:
    """Put an intent on disk and return it.

    Args:
        store: Identity of the store.
        place: That store as a person reads it.
        name: What is being put.
        spool: The file that will be made for it, if one will.

    Raises:
        OSError: It can't be written; then nothing must be begun.
    """
    spool_name = None if spool is None else str(spool)
    intent = Intent(os.urandom(16).hex(), store, place, name, time.time(), me(), spool_name)
    intent._save()
    return intent


def abandoned() -> Iterator[Intent]:
    """Yield the intents that nobody works on any more, oldest first. Cheap when there are none."""
    directory = home_dir() / "journal"
    try:
        names = os.listdir(directory)  # noqa: PTH208 - a load does this each time: the cheapest way to see nothing
    except OSError:
        return
    found = [intent for name in names if name.endswith(".json") and (intent := _read(directory / name))]
    yield from sorted((intent for intent in found if intent.abandoned), key=lambda intent: intent.began)


@cache
def me() -> Owner:
    """Return this process, as an owner."""
    return Owner(platform.node(), process.boot_id(), os.getpid(), _born(os.getpid()))


def _read(path: Path) -> Intent | None:
    import msgspec  # only where there is something to read: most loads find nothing

    try:
        return msgspec.convert(json.loads(path.read_bytes()), Intent)
    except (OSError, ValueError, RecursionError):
        return None  # another version's, or gone meanwhile


def _born(pid: int) -> str:
    """Return when a process began, in words that hold for its life; empty where there is no such process."""
    ticks = process.start_ticks(pid)
    if ticks is not None or Path("/proc/self/stat").exists():
        return "" if ticks is None else str(ticks)
    import subprocess  # only where there is no /proc

    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603
    return found.stdout.strip()


def _directory() -> Path:
    return private_dir(home_dir() / "journal")


os.register_at_fork(after_in_child=me.cache_clear)
