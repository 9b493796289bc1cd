"""A directory of this computer whose files are objects: see the package's docstring for what it promises."""

from __future__ import annotations

import atexit
import contextvars
import logging
import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.address import check_name
from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import AddressError, InputError, MountError, RunloopError, TransferCancelled, one_line
from runloop_jupyter.filesystems.paths import is_path
from runloop_jupyter.mounts import sweeping, table
from runloop_jupyter.mounts.mounted import Counts
from runloop_jupyter.mounts.writable import record as records
from runloop_jupyter.mounts.writable import saying
from runloop_jupyter.mounts.writable.bringing import Bringing
from runloop_jupyter.mounts.writable.placing import Placing
from runloop_jupyter.mounts.writable.rounds import Rounds
from runloop_jupyter.mounts.writable.scanning import Scanner
from runloop_jupyter.mounts.writable.sending import Sending
from runloop_jupyter.mounts.writable.state import State
from runloop_jupyter.paths import cache_dir, home_dir
from runloop_jupyter.transfer.journal import me
from runloop_jupyter.transfer.transfer import Phase, Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runloop_jupyter.mounts.writable.bringing import Brought
    from runloop_jupyter.mounts.writable.outcome import FolderState, Sent
    from runloop_jupyter.mounts.writable.scanning import Scan
    from runloop_jupyter.session import Store

QUIET_S: Final = 2.0
"""How long a file must look the same before it is sent."""
EVERY_S: Final = 1.0
"""How often the folder is looked at, at most."""
EXIT_S: Final = 5.0
"""How long a kernel that ends may take to send what is left."""
_POLL_S: Final = 0.05
_GONE: Final = "-"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Filing:
    """How the files of a folder are sent.

    Attributes:
        metadata: What each is given.
        ttl_ms: How long each lives; None for ever.
        quiet_s: How long one must look the same before.
    """

    metadata: Mapping[str, str]
    ttl_ms: int | None
    quiet_s: float


class WritableFolder:
    """A writable folder; mounted once this returns, until `unmount` or the end of the process.

    What is deleted or renamed here stays in the store under its old name, and the next mount brings it back.

    Args:
        store: The store; the folder keeps it.
        name: What it is called there: the file ``DIR/path`` is the object ``NAME/path``.
        where: The directory. Made if it is missing; empty, or this very folder's from before.
        transfer: Told how far the bringing is; its `cancel` stops it, and what came until then stays.
        adopt: Take a directory that has files already: they are sent.
        metadata: What each file is given that is sent: text to text, as `options.user_metadata` gives it.
        ttl_ms: How long each lives that is sent, in milliseconds; None for ever.
        quiet_s: How long a file must look the same before it is sent.
        every_s: How often the folder is looked at, at most.

    Attributes:
        mode: ``write``.
        name: What it is called in the store.
        where: The directory, absolute.
        record: The mount as it is written down (`table`).
        brought: What came in at the mount.
        sent: What `unmount` sent, once that is done.

    Raises:
        InputError: A name or a directory that can't be one, or one that has files and isn't known.
        MountError: Another kernel has it mounted, or a directory above or beneath it.
        TransferCancelled: Cancelled.
        StoreError, Unreachable: The store refused, or is gone.
        OSError: The directory or the state can't be written.
    """

    mode: Final = "write"

    def __init__(
        self,
        store: Store,
        name: str,
        where: Path,
        transfer: Transfer,
        *,
        adopt: bool = False,
        metadata: Mapping[str, str] | None = None,
        ttl_ms: int | None = None,
        quiet_s: float = QUIET_S,
        every_s: float = EVERY_S,
    ) -> None:
        self.name = _checked(name)
        self.where = _directory(where)
        self.sent: Sent | None = None
        self._store = store
        self._prefix = f"{self.name}/"
        self._every_s = every_s
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._pid = os.getpid()
        self._hold = records.Hold(str(self.where))
        self._record = records.Record(store.identity.id, store.identity.label, self.name, str(self.where), me())
        try:
            self._open(transfer, Filing(metadata or {}, ttl_ms, quiet_s), adopt=adopt)
        except BaseException:
            self._hold.release()
            raise
        self._thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self._run,), name=f"rl-{self.name[:20]}", daemon=True
        )
        self._thread.start()
        threading.Thread(target=self._live, name="rl-folder-lives", daemon=True).start()
        atexit.register(self._at_exit)

    def __repr__(self) -> str:
        return f"<WritableFolder {self.name} at {self.where}>"

    @property
    def size(self) -> int:
        """Bytes of its files, as they were when last looked at."""
        return self._rounds.scan.size

    @property
    def is_mounted(self) -> bool:
        """Whether it is; `unmount` ends it."""
        return not self._ended.is_set()

    def counts(self) -> Counts:
        """Return what came from the store; what is read here is read from the disk, and nobody counts it."""
        return Counts(None, self._placing.fetched, self._placing.asked)

    def state(self) -> FolderState:
        """Return how it stands; asks nobody and waits for nothing."""
        return self._rounds.state()

    def status(self) -> str:
        """Return how it stands in a line: ``12 files · 2 waiting (1.4 MiB): … · 10 sent``."""
        return saying.status(self.state())

    @property
    def trouble(self) -> str | None:
        """Why what waits could not be sent."""
        return self.state().error

    @property
    def notes(self) -> tuple[str, ...]:
        """What its user should know of what stays here or stayed in the store, a line each."""
        return saying.notes(self.name, self._rounds.scan, self.brought, self._rounds.conflicts())

    def sync(self, transfer: Transfer | None = None) -> Sent:
        """Send what is new now, quiet or not, and return what was sent.

        Args:
            transfer: Told how far it is; its `cancel` stops this.

        Raises:
            MountError: It isn't mounted any more.
            StoreError, Unreachable: The store refused, or is gone; what wasn't sent waits.
            TransferCancelled: Cancelled.
        """
        transfer = transfer or self._transfer("up")
        with self._at_work(transfer):
            return self._rounds.everything(transfer)

    def refresh(self, transfer: Transfer | None = None) -> Brought:
        """Bring in what is new in the store, and return what came; what was deleted here comes back at a mount only.

        Args:
            transfer: Told how far it is; its `cancel` stops this.

        Raises:
            MountError: It isn't mounted any more.
            StoreError, Unreachable: The store refused, or is gone.
            TransferCancelled: Cancelled.
        """
        transfer = transfer or self._transfer("down")
        with self._at_work(transfer):
            return self._bring(transfer, mounting=False)

    def unmount(self, transfer: Transfer | None = None) -> None:
        """Send what is left and let go of the directory, which stays with its files; done already, it does nothing.

        Args:
            transfer: Told how far it is; its `cancel` stops this, and the folder stays mounted.

        Raises:
            MountError: Some files couldn't be sent. They stay, the folder is let go of, and mounting it again sends
                them.
            TransferCancelled: Cancelled.
        """
        if not self.is_mounted or self._pid != os.getpid():
            return
        transfer = transfer or self._transfer("up")
        with self._at_work(transfer, ended=True):
            if self._ended.is_set():  # by somebody else, meanwhile
                return
            why = None
            try:
                self.sent = self._rounds.everything(transfer, as_they_are=True)
            except TransferCancelled:
                raise
            except (RunloopError, OSError) as error:
                self.sent = self._rounds.last
                if self.where.is_dir():  # else there is nothing to send, and nothing to keep
                    why = one_line(str(error))
            left = self._rounds.left() if self.where.is_dir() else {}
            self._let_go(finished=not left and why is None)
        if left or why is not None:
            raise MountError(saying.unsent(self.name, str(self.where), left, why))

    def _open(self, transfer: Transfer, filing: Filing, *, adopt: bool) -> None:
        _check_free(self.where)
        before = next((each for each in records.everything() if each.directory == self._record.directory), None)
        made = _made(self.where)
        state: State | None = None
        written = False
        try:
            self._scanner = Scanner(str(self.where), self._prefix)
            scan = self._scanner.look(transfer.checkpoint)
            if before is None and not adopt:
                self._refuse(scan)
            written = True
            self._record.save()
            state = self._state = State(self._record.directory / "known.jsonl")
            self._placing = Placing(self._store, str(self.where), state)
            sending = Sending(self._store, self._prefix, str(self.where), state, filing.metadata, filing.ttl_ms)
            rounds = self._prefix, self._store, state, self._scanner, sending, self._bringing, filing.quiet_s
            self._rounds = Rounds(*rounds)
            self.brought = self._bring(transfer, mounting=True)
            self.record = table.enter(self.mode, self.name, self.where, self._store.identity.label, size=self.size)
        except BaseException:
            if state is not None:
                state.close()
            if written:  # what it was, it is again; of what came, and what was here, nothing is lost
                again = before or replace(self._record, finished=True)
                with suppress(OSError):
                    again.save()
            for path in reversed(made):
                with suppress(OSError):  # not where something came
                    path.rmdir()
            raise

    def _refuse(self, scan: Scan) -> None:
        if scan.files:
            raise InputError(saying.refusal(self.name, str(self.where), self._store.identity.label, scan))

    def _bringing(self, *, mounting: bool = False) -> Bringing:
        return Bringing(
            self._store, self._prefix, str(self.where), self._state, self._scanner, self._placing, mounting=mounting
        )

    def _bring(self, transfer: Transfer, *, mounting: bool) -> Brought:
        transfer.begin(Phase.LOOKING)
        rescued = self._placing.rescue()
        brought = self._bringing(mounting=mounting).run(self._scanner.look(transfer.checkpoint), transfer)
        self._rounds.came(brought, rescued)
        return brought

    def _run(self) -> None:
        """Look and send, as long as it is mounted: the daemon thread's work."""
        while not self._ended.wait(self._every_s):
            if self._pid != os.getpid():
                return
            if self._turn.acquire(blocking=False):
                try:
                    self._rounds.now_and_then(self._transfer("up"), self._every_s)
                except Exception:
                    log.exception("the writable folder %s", self.name)
                finally:
                    self._turn.release()

    def _live(self) -> None:
        """Show to other machines that it is mounted here, however long something is on its way."""
        while not self._ended.wait(records.BEAT_S):
            self._hold.beat()

    @contextmanager
    def _at_work(self, transfer: Transfer, *, ended: bool = False) -> Iterator[None]:
        """Have the folder for oneself; who sends in the background stops after the files that are on their way."""
        if self._pid != os.getpid():
            raise MountError(f"the writable folder “{self.name}” is its parent process's. Mount one of your own")
        with self._rounds.asked_to_stop():
            while not self._turn.acquire(timeout=_POLL_S):
                transfer.checkpoint()
        try:
            if not (self.is_mounted or ended):
                raise MountError(f"the writable folder “{self.name}” at {self.where} isn't mounted any more")
            yield
        finally:
            self._turn.release()

    def _let_go(self, *, finished: bool) -> None:
        self._ended.set()
        atexit.unregister(self._at_exit)
        self._placing.tidy()
        self._state.close()
        self.record.remove()
        self._record.finished = finished
        # Nobody has it any more, though this process may live on: what is left is for whoever loads next.
        self._record.owner = replace(self._record.owner, born=_GONE)
        with suppress(OSError):
            self._record.save()
        self._hold.release()

    def _at_exit(self) -> None:
        """Send what is left when the interpreter ends, as far as that goes in some seconds; the next load tells."""
        if self._pid != os.getpid():
            return
        transfer = self._transfer("up")

        def last() -> None:
            with suppress(Exception):
                self.unmount(transfer)

        # A thread, for nothing may hold up the end of a kernel; where none can be started any more, it stays as it is.
        with suppress(RuntimeError):
            thread = threading.Thread(target=last, name="rl-folder-exit", daemon=True)
            thread.start()
            thread.join(EXIT_S)
            if thread.is_alive():
                transfer.cancel()
                thread.join(1.0)

    def _transfer(self, direction: str) -> Transfer:
        return Transfer(self.name, "up" if direction == "up" else "down", self._store.identity.label, behind=True)


def _checked(name: str) -> str:
    name = check_name(name).strip("/")
    if not is_path(name):
        raise AddressError(f"“{name}” can't be the name of a folder: parts that are something, with / between them")
    return name


def _directory(where: Path) -> Path:
    """Return where a folder is, without links on the way.

    Raises:
        InputError: It is a file, or what this package keeps itself is in it.
    """
    at = Path(os.path.realpath(where.expanduser()))
    if at.exists() and not at.is_dir():
        raise InputError(f"{at} is a file. Give a directory")
    try:
        str(at).encode()
    except UnicodeEncodeError:
        raise InputError(f"{shown(str(at))} isn't UTF-8. Give another directory") from None
    for own in (home_dir(), cache_dir()):
        real = Path(os.path.realpath(own))
        if real.is_relative_to(at) or at.is_relative_to(real):
            raise InputError(
                f"{at} can't be a writable folder: {real}, where this package keeps its own files, is there"
            )
    return at


def _check_free(where: Path) -> None:
    """Take away what a kernel that is gone had mounted at a directory.

    Raises:
        MountError: Somebody who lives has.
    """
    sweeping.clear_at(where)
    there = table.at(where)
    if there is not None and there.mode != WritableFolder.mode and there.is_there() and not there.abandoned:
        raise MountError(f"{there.what} is mounted at {where} ({there.mode}). Unmount it first: %rl_umount")


def _made(where: Path) -> list[Path]:
    """Make a directory and those above it; return those that weren't there, the uppermost first."""
    missing: list[Path] = []
    at = where
    while not at.exists():
        missing.insert(0, at)
        at = at.parent
    for path in missing:
        path.mkdir(exist_ok=True)
    return missing
