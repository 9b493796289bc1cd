"""What was begun and not yet ended, on disk before anything is created: a killed kernel leaves nothing for good.

One small JSON file an intent under ``RUNLOOP_JUPYTER_HOME/journal``, and beside it the ids of what it made. Whoever
writes it holds it by being alive: the file names host, boot and process. Of the dead ones, the next load deletes what
they made; what was packed whole by then stays, with its spool, for whoever resumes it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter import process
from runloop_jupyter.atomic import write_atomic
from runloop_jupyter.errors import InputError
from runloop_jupyter.paths import home_dir, home_path, private_dir
from runloop_jupyter.transfer.parcel import Parcel  # noqa: TC001 - msgspec reads annotations at run time

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
        parcel: What is sent, once it is packed whole: enough to send it from another kernel.
        stopped: Why nobody works on it though its owner may live; None while somebody does.
        quiet: Whether whoever began it sees to it again by himself, so that nobody need be told that it was cut off.
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
    parcel: Parcel | None = None
    stopped: str | None = None
    quiet: bool = False

    def packed(self, parcel: Parcel) -> None:
        """Write down what is to be sent, all of it on disk."""
        self.parcel = parcel
        self._save()

    def with_metadata(self, metadata: dict[str, str], parcel: Parcel | None = None) -> None:
        """Write down what the object will carry, before it is created, and the parcel with its digest."""
        self.metadata, self.parcel = metadata, parcel or self.parcel
        self._save()

    def created(self, object_id: str) -> None:
        """Write down an object that was just made."""
        self.objects.append(object_id)
        self._note("+", object_id)

    def deleted(self, object_id: str) -> None:
        """Write down that an object is gone again."""
        self.objects.remove(object_id)
        self._note("-", object_id)

    def hold(self) -> None:
        """Let `close` only say that nothing is left in the store, until `release`: whoever sends may want to resume."""
        self._held = True

    def release(self) -> None:
        """Let `close` close again."""
        self._held = False

    def stop(self, why: str) -> None:
        """Give up for now: the spool stays, and whoever wants can `claim` the intent and go on."""
        self.stopped = why
        self._save()

    def unpacked(self) -> None:
        """Let go of the bytes: nobody will send them; what is in the store is still to be cleared."""
        self.parcel = None
        self._save()
        self._remove_spool()

    def cleared(self) -> None:
        """Write down that nothing of it is in the store."""
        self.objects, self.metadata = [], {}
        with suppress(OSError):
            _ids_beside(self._path).unlink()
        self._save()

    def close(self) -> None:
        """Nothing is left to clear but the spool: remove it and the intent."""
        if self._held:
            self.objects, self.metadata = [], {}
            return
        self._remove_spool()
        with suppress(OSError):
            self._path.unlink()
        with suppress(OSError):
            _ids_beside(self._path).unlink()

    @property
    def resumable(self) -> bool:
        """Whether nobody works on it, and its bytes are whole: packed once, and the same since."""
        if self.parcel is None or not (self.stopped is not None or self.abandoned):
            return False
        # A spool need not have reached the disk when the power was cut, whatever its size says; its digest tells.
        known = self.spool is None or self.parcel.digest is not None or self.owner.boot == me().boot
        return known and self.parcel.is_there()

    @property
    def abandoned(self) -> bool:
        """Whether its owner is gone."""
        alive = self.owner.alive
        return time.time() - self.began > SILENCE_S if alive is None else not alive

    @property
    def _path(self) -> Path:
        return home_path() / "journal" / f"{self.id}.json"

    def _remove_spool(self) -> None:
        if self.spool:
            with suppress(OSError):
                Path(self.spool).unlink()

    _held = False  # no field: it is of the one who sends, and of no other

    def _note(self, sign: str, object_id: str) -> None:
        # Beside the intent and at once, but not through to the disk: that would cost as much as a small object does.
        # It outlives the process; what a power cut takes of it is found by its metadata.
        fd = os.open(_ids_beside(self._path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, json.dumps([sign, object_id]).encode() + b"\n")
        finally:
            os.close(fd)

    def _save(self) -> None:
        write_atomic(_directory() / self._path.name, json.dumps(asdict(self)).encode())


def begin(
    store: str,
    place: str,
    name: str,
    spool: Path | None,
    *,
    id: str | None = None,  # noqa: A002 - the field's own name
    parcel: Parcel | None = None,
    metadata: dict[str, str] | None = None,
    quiet: bool = False,
) -> Intent:
    """Put an intent on disk and return it.

    Args:
        store: Identity of the store.
        place: That store as a person reads it.
        name: What is being put.
        spool: The file that will be made for it, if one will.
        id: What it shall be called, a name for a file that no other intent has; random by default.
        parcel: What is to be sent, if that is known already.
        metadata: What the object is created with, if that is known already.
        quiet: Whether the caller sees to it again by himself.

    Raises:
        OSError: It can't be written; then nothing must be begun.
    """
    spool_name = None if spool is None else str(spool)
    name_of_file = id or os.urandom(16).hex()
    intent = Intent(
        name_of_file, store, place, name, time.time(), me(), spool_name, metadata or {}, parcel=parcel, quiet=quiet
    )
    intent._save()
    return intent


def abandoned() -> Iterator[Intent]:
    """Yield the intents whose owners are gone, oldest first. Cheap when there are none."""
    yield from (intent for intent in everything() if intent.abandoned)


def unfinished() -> list[Intent]:
    """Return the intents that nobody works on any more, the oldest first: those abandoned, and those stopped."""
    return [intent for intent in everything() if intent.stopped is not None or intent.abandoned]


def claim(intent: Intent, new_id: str) -> Intent:
    """Make an unfinished intent this process's own, under a new id.

    Raises:
        InputError: Somebody else was faster, or it is gone.
    """
    # Of several who rename one file, one succeeds.
    try:
        intent._path.rename(_directory() / f"{new_id}.json")
        with suppress(OSError):
            _ids_beside(intent._path).unlink()  # they are in the file itself from now on
    except FileNotFoundError:
        raise InputError(f"the unfinished put of “{intent.name}” is being resumed elsewhere, or is gone") from None
    mine = replace(intent, id=new_id, owner=me(), began=time.time(), stopped=None)
    mine._save()
    return mine


def everything() -> list[Intent]:
    """Return all intents, of whomever, the oldest first."""
    directory = home_dir() / "journal"
    try:
        names = os.listdir(directory)  # noqa: PTH208 - a load does this each time: the cheapest way to see nothing
    except OSError:
        return []
    found = [intent for name in names if name.endswith(".json") and (intent := _read(directory / name))]
    return sorted(found, key=lambda intent: intent.began)


@cache
def me() -> Owner:
    """Return this process, as an owner."""
    return Owner(platform.node(), process.boot_id(), os.getpid(), _born(os.getpid()))


def _read(path: Path) -> Intent | None:
    import msgspec  # only where there is something to read: most loads find nothing

    try:
        intent = msgspec.convert(json.loads(path.read_bytes()), Intent)
        # Called as its file is: who claims one renames it first.
        return replace(intent, id=path.stem, objects=_objects(path, intent.objects))
    except (OSError, ValueError, RecursionError):
        return None  # another version's, or gone meanwhile


def _objects(path: Path, before: list[str]) -> list[str]:
    """Return the ids of an intent: those in its file, and what was noted beside it since."""
    objects = list(before)
    with suppress(OSError):
        for line in _ids_beside(path).read_bytes().splitlines():
            with suppress(ValueError, TypeError):  # a line cut off
                sign, object_id = json.loads(line)
                if sign == "+" and object_id not in objects:
                    objects.append(str(object_id))
                elif sign == "-" and object_id in objects:
                    objects.remove(object_id)
    return objects


def _ids_beside(path: Path) -> Path:
    return path.with_suffix(".ids")


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
