"""A file for what is being fetched: it appears whole or not at all, and what came of it outlives a kernel.

``RUNLOOP_JUPYTER_CACHE/partial`` holds two files for each download of some size that was cut off: the bytes (beside
their target, under a hidden name, where that is another disk), and a small JSON file that says which of them are there
and of what. Whose it is stands in that file's name, so that taking over what a dead process left is one rename: of
several who try, one succeeds, on network disks too. What lies there for a week is removed by whoever downloads next;
the cache's upkeep removes it sooner where the room is needed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote, unquote

import blake3

from runloop_jupyter import process
from runloop_jupyter.atomic import atomic_writer, fsync_dir, temporary_beside
from runloop_jupyter.errors import DigestMismatch
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.partial import Partial, is_strong
from runloop_jupyter.transfer.scratch import scratch
from runloop_jupyter.transfer.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.wire.objects import ObjectView

RESUMABLE: Final = 8 << 20  # bytes; what is smaller is sooner fetched again than looked after
KEPT_S: Final = 7 * 24 * 3600
SAVED_EVERY_S: Final = 0.25  # what a kill may cost
SILENCE_S: Final = 24 * 3600  # a process on another host can't be asked whether it lives
PARTIAL: Final = "partial"
_VERSION: Final = 1


class _Kept(Partial):
    """A partial that another download may go on with."""

    def __init__(self, file: BinaryIO, note: _Note, path: Path) -> None:
        super().__init__(file, Spans(note.done), note.etag)
        self._note = note
        self._path = path
        self._saved = 0.0

    @property
    def is_kept(self) -> bool:
        return self.there.total > 0

    def save(self, *, now: bool = False) -> None:
        if not now and time.monotonic() - self._saved < SAVED_EVERY_S:
            return
        self._saved = time.monotonic()
        self._note.done = [(start, stop) for start, stop in self.there]
        self._note.etag = self.etag
        # What a note can't say costs bytes, later; a full disk is told by the bytes themselves.
        with suppress(OSError):
            self._note.write(self._path)

    def only_under(self, *, digest: bool) -> None:
        # Bytes that a power cut may have taken are told by their digest and by nothing else.
        if self.resumed and not digest and not (is_strong(self.etag) and self._note.boot == process.boot_id()):
            self.restart()
        self._note.boot = process.boot_id()
        self.save(now=True)

    def restart(self) -> None:
        super().restart()
        self.save(now=True)

    @property
    def data(self) -> Path:
        return Path(self._note.data)

    def release(self) -> None:
        """Leave it to whoever comes next; gone if there is nothing in it."""
        if not self.there.total:
            self.discard()
            return
        with suppress(OSError):
            # What was allocated and never came is given back.
            os.truncate(self.data, max(stop for _, stop in self.there))
            self.save(now=True)
            self._path.rename(_named(_key_of(self._path), None))

    def discard(self) -> None:
        """Remove it."""
        for path in (self.data, self._path):
            with suppress(OSError):
                path.unlink()


@dataclass
class _Note:
    """What the JSON file says.

    Attributes:
        store: Identity of the store.
        object: Id of the object.
        size: Of the whole, in bytes.
        data: Path of the bytes.
        boot: The run of the machine that wrote the bytes.
        done: Which of them are there.
        etag: What they came under.
    """

    store: str
    object: str
    size: int
    data: str
    boot: str
    done: list[tuple[int, int]]
    etag: str | None

    def write(self, path: Path) -> None:
        # Not durable: after a power cut an older one, or none, only costs bytes. Not `write_atomic`, which is.
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({"version": _VERSION, **vars(self)}))
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path) -> _Note | None:
        """Return what a file says; None where it is gone or isn't one of this version's."""
        try:
            said: dict[str, Any] = json.loads(path.read_bytes())
            if said.pop("version") != _VERSION:
                return None
            note = cls(**said)
            note.done = [(int(start), int(stop)) for start, stop in note.done]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return note


@contextmanager
def arriving(
    target: Path | None,
    store_id: str,
    view: ObjectView,
    *,
    mode: int = 0o600,
    durable: bool = True,
    settled: bool = True,
) -> Iterator[Partial]:
    """Open a file for an object's bytes, with what an earlier download of it brought, if that was cut off.

    It takes the name `target` when the block ends well. When it doesn't, the bytes so far wait for the next download
    of the same object; those that a `DigestMismatch` tells of are thrown away.

    Args:
        target: The final name, in a directory that exists; None for a file that goes when its last descriptor does.
        store_id: Identity of the store.
        view: The object.
        mode: Permission bits of the file, less the umask.
        durable: Make it survive a power cut.
        settled: Of a small one, the name too, as `atomic_writer` has it.

    Raises:
        OSError: No room, no permission.
    """
    if view.size_bytes is None or view.size_bytes < RESUMABLE:
        with _small(target, mode=mode, durable=durable, settled=settled) as file:
            yield Partial(file)
        return
    partial = _claimed(store_id, view) or _new(target, store_id, view, mode)
    try:
        with partial._file:
            yield partial
            if target is not None:
                _finish(partial, mode, durable=durable)
        if target is not None:
            _publish(partial.data, target, mode, durable=durable)
        partial.discard()
    except DigestMismatch:
        partial.discard()
        raise
    except BaseException:
        partial.release()
        raise


def waiting(store_id: str, view: ObjectView) -> int:
    """Return how many bytes of the disk are taken already by what an earlier download of an object left."""
    if view.size_bytes is None or view.size_bytes < RESUMABLE:
        return 0
    taken = [0]
    for path in _abandoned():
        if path.name.startswith(f"{_key(store_id, view.id)}.") and (note := _Note.read(path)):
            with suppress(OSError):
                taken.append(Path(note.data).stat().st_blocks * 512)
    return max(taken)


@dataclass(frozen=True)
class CutOff:
    """A download that was cut off, and that nobody goes on with at this moment.

    Attributes:
        store: Identity of the store.
        object: Id of the object.
        size: Bytes of the cache's disk that it takes; 0 where they lie beside their target on another one.
        used: When it was last written to, seconds since the epoch.
        path: Its note.
    """

    store: str
    object: str
    size: int
    used: float
    path: Path

    def remove(self) -> bool:
        """Remove what came of it, unless somebody goes on with it by now; return whether it went."""
        note = _Note.read(self.path)
        # As whoever would go on with it does: of several one succeeds, and the bytes of the others are left alone.
        taken = _take_over(self.path, note, _key_of(self.path)) if note else None
        if taken is None:
            return False
        with taken._file:
            taken.discard()
        return True


def cut_off(root: Path) -> Iterator[CutOff]:
    """Yield what waits in the cache at `root` to be gone on with; what has waited for a week is removed."""
    directory = root / PARTIAL
    for path in _abandoned(directory) if directory.is_dir() else ():
        if note := _Note.read(path):
            with suppress(OSError):  # gone meanwhile
                data = Path(note.data)
                size = data.stat().st_blocks * 512 if data.parent == directory else 0
                yield CutOff(note.store, note.object, size, path.stat().st_mtime, path)


@contextmanager
def _small(target: Path | None, *, mode: int, durable: bool, settled: bool) -> Iterator[BinaryIO]:
    if target is not None:
        with atomic_writer(target, mode=mode, durable=durable, settled=settled) as file:
            yield file
        return
    with scratch() as file:
        yield file


def _created(path: Path, mode: int) -> BinaryIO:
    # It is written to again after a break, so its owner may for now.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode | 0o600)
    return open(fd, "w+b", buffering=0)  # noqa: PTH123 - a descriptor, not a path


def _new(target: Path | None, store_id: str, view: ObjectView, mode: int) -> _Kept:
    key = _key(store_id, view.id)
    path = _named(key, journal.me())
    here = path.with_suffix(".part")
    # Made beside the target, where it gets that directory's group and rights; kept out of sight if it is one disk.
    made = here if target is None else temporary_beside(target)
    file = _created(made, mode)
    try:
        if made != here:
            with suppress(OSError):
                made.rename(here)
                made = here
        _lock(file)
        note = _Note(store_id, view.id, view.size_bytes or 0, str(made), process.boot_id(), [], None)
        note.write(path)
    except BaseException:
        file.close()
        made.unlink(missing_ok=True)
        raise
    return _Kept(file, note, path)


def _claimed(store_id: str, view: ObjectView) -> _Kept | None:
    """Take over what an earlier download of the same object left; the one with the most bytes."""
    key = _key(store_id, view.id)
    found = []
    for path in _abandoned():
        note = _Note.read(path)
        if note is not None and path.name.startswith(f"{key}."):
            found.append((Spans(note.done).total, path, note))
    for _, path, note in sorted(found, key=lambda each: each[0], reverse=True):
        if (note.store, note.object, note.size) == (store_id, view.id, view.size_bytes) and (
            taken := _take_over(path, note, key)
        ):
            return taken
    return None


def _take_over(path: Path, note: _Note, key: str) -> _Kept | None:
    ours = path.with_name(_named(key, journal.me()).name)
    if Path(note.data).suffix != ".part":
        return None
    try:
        file = open(note.data, "r+b", buffering=0)  # noqa: PTH123, SIM115 - unbuffered, and closed by whoever gets it
    except OSError:
        path.unlink(missing_ok=True)  # the bytes are gone
        return None
    try:
        whole = os.fstat(file.fileno()).st_size
        if _lock(file) and all(0 <= start < stop <= whole for start, stop in note.done):
            path.rename(ours)
            return _Kept(file, note, ours)
    except OSError:
        pass  # somebody else was faster
    file.close()
    return None


def _abandoned(directory: Path | None = None) -> list[Path]:
    """Return the notes that nobody works with any more; remove those, and their bytes, that lay for a week."""
    kept, long_ago = [], time.time() - KEPT_S
    for path in (directory or _directory()).iterdir():
        try:
            if path.stat().st_mtime < long_ago:
                _remove_if_dead(path)
            elif path.suffix == ".json" and _is_free(path):
                kept.append(path)
        except OSError:  # gone meanwhile
            continue
    return kept


def _remove_if_dead(path: Path) -> None:
    if not _is_free(path):
        return
    note = _Note.read(path) if path.suffix == ".json" else None
    # What a note names is removed only if it is a name that is given here.
    if note is not None and Path(note.data).suffix == ".part":
        Path(note.data).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    owner = path.name.rpartition(".")[0].partition("@")[2]
    if not owner:
        return True
    try:
        host, boot, pid, born = owner.split("@")
        alive = journal.Owner(unquote(host), unquote(boot), int(pid), unquote(born)).alive
    except ValueError:
        return True
    return time.time() - path.stat().st_mtime > SILENCE_S if alive is None else not alive


def _named(key: str, owner: journal.Owner | None) -> Path:
    by = "" if owner is None else "@".join(quote(str(each), safe="") for each in vars(owner).values())
    return _directory() / f"{key}.{secrets.token_hex(4)}@{by}.json"


def _key(store_id: str, object_id: str) -> str:
    return blake3.blake3(f"{store_id}\0{object_id}".encode("utf-8", "replace")).hexdigest()[:20]


def _key_of(path: Path) -> str:
    return path.name.partition(".")[0]


def _directory() -> Path:
    return private_dir(cache_dir() / PARTIAL)


def _lock(file: BinaryIO) -> bool:
    """Hold the file while it is open, where locks work; return False where somebody else holds it.

    What tells a living owner by its process can't see into a neighbouring container that shares the disk.
    """
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _finish(partial: Partial, mode: int, *, durable: bool) -> None:
    fd = partial.fileno()
    os.fchmod(fd, os.fstat(fd).st_mode & mode & 0o777)
    if durable:
        os.fsync(fd)


def _publish(data: Path, target: Path, mode: int, *, durable: bool) -> None:
    try:
        data.replace(target)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
            raise
        # Another disk than the one it was begun on.
        with data.open("rb") as file, atomic_writer(target, mode=mode, durable=durable) as copy:
            shutil.copyfileobj(file, copy, 4 << 20)
        return
    if durable:
        fsync_dir(target.parent)
