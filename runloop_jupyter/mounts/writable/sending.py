"""One file of a writable folder becomes a version: what was hashed, and nothing that changed on the way."""

from __future__ import annotations

import json
import os
import stat
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from runloop_jupyter.content import content_type_of
from runloop_jupyter.errors import MountError, TransferError
from runloop_jupyter.filesystems.writing import KIND
from runloop_jupyter.mounts.writable import remote
from runloop_jupyter.mounts.writable.state import Known, looks_of
from runloop_jupyter.transfer import digest, journal, spools
from runloop_jupyter.transfer.parts import upload
from runloop_jupyter.transfer.relay import Relay
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.wire.objects import ObjectCreateParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runloop_jupyter.mounts.writable.state import Looks, State
    from runloop_jupyter.session import Store
    from runloop_jupyter.wire.objects import ObjectView


class Fate(Enum):
    """What became of a file that looked changed."""

    SENT = "sent"
    KNOWN = "known"
    """Its bytes are the newest version's."""
    NEWS = "news"
    """A version came into the store that it knows nothing of: both sides changed."""


class Changed(Exception):
    """The file changed, or went, while it was looked at: later, when it is quiet."""


class Sending:
    """Sends files of one folder.

    Args:
        store: Where to.
        prefix: How the names of the folder's objects begin, with a slash behind it.
        where: The directory, absolute, without links on the way.
        state: What is known of the files.
        metadata: What each is given.
        ttl_ms: How long each lives; None for ever.
    """

    def __init__(
        self, store: Store, prefix: str, where: str, state: State, metadata: Mapping[str, str], ttl_ms: int | None
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._where = where
        self._state = state
        self._metadata = dict(metadata)
        self._ttl_ms = ttl_ms

    def send(
        self,
        path: str,
        looks: Looks,
        latest: Callable[[str], ObjectView | None],
        transfer: Transfer,
        *,
        settled: bool,
        as_it_is: bool = False,
    ) -> tuple[Fate, ObjectView | None]:
        """Send a file, if its bytes are new.

        Args:
            path: Within the folder.
            looks: How it looked when it was last looked at.
            latest: Gives the newest version of a path, None where there is none.
            transfer: Told how far it is; its `cancel` stops this.
            settled: Whether it has looked so for longer than a disk's clock ticks: a later change will show.
            as_it_is: Take a copy, whoever writes to it meanwhile.

        Returns:
            What became of it, and the version: the new one, the one that is the same, or the one that is news.

        Raises:
            Changed: It isn't what it was; nothing was kept of it.
            TransferError, StoreError, Unreachable: As an upload does.
            OSError: The file can't be read, or the disk is full.
        """
        real = Path(os.path.realpath(f"{self._where}/{path}"))
        if as_it_is:
            with self._copy(real, path) as (spool, digest_):
                return self._send(path, spool, spool.stat(), digest_, None, latest, transfer, spool)
        found = _flushed(real)
        if looks_of(found) != looks:
            raise Changed(path)
        digest_ = self._hashed(real, looks, transfer)
        return self._send(path, real, found, digest_, looks if settled else None, latest, transfer, None)

    def _send(
        self,
        path: str,
        source: Path,
        found: os.stat_result,
        digest_: str,
        looks: Looks | None,
        latest: Callable[[str], ObjectView | None],
        transfer: Transfer,
        spool: Path | None,
    ) -> tuple[Fate, ObjectView | None]:
        base = self._state.known.get(path)
        if base is not None and base.digest == digest_:
            self._state.learn(path, base._replace(looks=looks))
            return Fate.KNOWN, None
        view = latest(path)
        if view is not None and remote.is_news(view, base):
            if remote.is_same(self._store, view, source, digest_, transfer):
                self._state.learn(path, Known(looks, digest_, view.id, view.create_time_ms))
                return Fate.KNOWN, view
            # What this folder was sending when its kernel died is no news to it.
            if self._state.sending.get(path) not in {remote.said_digest(view)} - {None}:
                return Fate.NEWS, view
        self._state.begin(path, digest_)
        made = self._upload(path, source, found, digest_, transfer, spool)
        self._state.learn(path, Known(looks, digest_, made.id, made.create_time_ms))
        return Fate.SENT, made

    def _upload(
        self, path: str, source: Path, found: os.stat_result, digest_: str, transfer: Transfer, spool: Path | None
    ) -> ObjectView:
        name, store = self._prefix + path, self._store
        facts = json.dumps({"digest": digest_}, separators=(",", ":"))
        metadata = {**self._metadata, "rl.kind": KIND, "rl.format": KIND, "rl.facts": facts}
        parameters = ObjectCreateParameters(
            name=name, content_type=str(content_type_of(name)), metadata=metadata, ttl_ms=self._ttl_ms
        )

        def still() -> None:
            if spool is None and self._hashed(source, looks_of(found), transfer) != digest_:
                raise Changed(path)

        intent = journal.begin(store.identity.id, store.identity.label, name, spool, metadata=metadata, quiet=True)
        try:
            return upload(store.objects, source, found, parameters, _Sure(transfer, still), intent)
        except TransferError:
            if spool is None and _looks(source) != looks_of(found):
                raise Changed(path) from None
            raise

    def _hashed(self, source: Path, looks: Looks, transfer: Transfer) -> str:
        try:
            found = digest.of_file(source, lambda _: transfer.checkpoint())
        except FileNotFoundError:
            raise Changed(str(source)) from None
        if _looks(source) != looks:
            raise Changed(str(source))
        return found

    @contextmanager
    def _copy(self, source: Path, path: str) -> Iterator[tuple[Path, str]]:
        """Give a copy of a file, and its digest; it goes when the block ends."""
        spool = spools.directory() / f"{os.urandom(6).hex()}.spool"
        hasher = digest.hasher()
        try:
            with (
                room(spool.parent, _flushed(source).st_size, path),
                source.open("rb") as file,
                open(os.open(spool, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as copy,  # noqa: PTH123
            ):
                while piece := file.read(digest.CHUNK):
                    hasher.update(piece)
                    copy.write(piece)
            yield spool, f"{digest.DEFAULT}:{hasher.hexdigest()}"
        except FileNotFoundError:
            raise Changed(path) from None
        finally:
            spool.unlink(missing_ok=True)


class _Sure(Relay):
    """A transfer that makes sure of something once all bytes are sent, before the object is whole.

    A file that is mapped into memory can change under the time of its last change, and so unseen.

    Args:
        of: The transfer.
        still: Raises where what was sent isn't what was to be.
    """

    def __init__(self, of: Transfer, still: Callable[[], None]) -> None:
        super().__init__(of)
        self._still = still

    def begin(self, phase: Phase, total: int | None = None) -> None:
        """Enter a phase."""
        super().begin(phase, total)
        if phase is Phase.FINISHING:
            self._still()
        self._of.begin(phase, total)

    def advance(self, n_bytes: int) -> None:
        """Count `n_bytes` more."""
        super().advance(n_bytes)
        self._of.advance(n_bytes)

    def reach(self, done: int) -> None:
        """Say that `done` bytes are done."""
        super().reach(done)
        self._of.reach(done)


def _flushed(source: Path) -> os.stat_result:
    """Return the `os.stat` of a file whose bytes are on the disk.

    Not for the disk's sake: what of a file is mapped into memory and was changed there is write-protected once it is
    on the disk, so that the next change shows in the file's times. Without that one is seen only now and then.

    Raises:
        Changed: It is none any more.
        OSError: It can't be read.
    """
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Changed(str(source)) from None
    try:
        with suppress(OSError):
            os.fsync(fd)
        found = os.fstat(fd)
    finally:
        os.close(fd)
    if not stat.S_ISREG(found.st_mode):
        raise MountError(f"{source} is no file any more")
    return found


def _looks(source: Path) -> Looks | None:
    try:
        return looks_of(source.lstat())
    except OSError:
        return None
