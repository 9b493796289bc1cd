"""When the files of a writable folder are sent: once they are quiet, again when that failed, all of them at the end."""

from __future__ import annotations

import errno
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import (
    BadRequest,
    ConnectionLost,
    EmbeddedStoreError,
    MountError,
    ProfileError,
    RunloopError,
    StoreError,
    TransferCancelled,
    Unreachable,
    one_line,
)
from runloop_jupyter.mounts.writable.outcome import FolderState, Pause, Sent
from runloop_jupyter.mounts.writable.remote import Latest
from runloop_jupyter.mounts.writable.scanning import Scan
from runloop_jupyter.mounts.writable.sending import Changed, Fate
from runloop_jupyter.mounts.writable.state import TICK_S
from runloop_jupyter.mounts.writable.writers import being_written
from runloop_jupyter.transfer.folders.together import together
from runloop_jupyter.transfer.manifest import FOLDER
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.mounts.writable.bringing import Bringing, Brought
    from runloop_jupyter.mounts.writable.scanning import Scanner
    from runloop_jupyter.mounts.writable.sending import Sending
    from runloop_jupyter.mounts.writable.state import Looks, State
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

AT_ONCE: Final = 8
SHARE: Final = 120
"""A folder is looked at so seldom that looking takes a 120th of a core."""
SELDOM_S: Final = 60.0
WATCHED: Final = 200
"""Changed files up to which each is looked at by itself between two looks at all."""
TRIES: Final = 4
OPEN: Final = 10
"""How many times longer a file must be quiet that a program has open for writing: a pause isn't the end."""
PATIENT_TRIES: Final = 2
"""Tries after which a file that changes all the time is sent as it is."""
REMEMBERED: Final = 100
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_STORE: Final = (Unreachable, StoreError, ConnectionLost, EmbeddedStoreError, ProfileError)


class Rounds:
    """Looks and sends. One caller at a time; `state` and `asked_to_stop` from anywhere.

    Args:
        prefix: How the names of the folder's objects begin, with a slash behind it.
        store: The store.
        state: What is known of the files.
        scanner: Looks at them.
        sending: Sends one.
        bringing: Makes what brings one in, where both sides changed.
        quiet_s: How long a file must look the same before it is sent.

    Attributes:
        scan: The last look.
        last: What the last call of `everything` sent, also where that failed.
    """

    def __init__(
        self,
        prefix: str,
        store: Store,
        state: State,
        scanner: Scanner,
        sending: Sending,
        bringing: Callable[[], Bringing],
        quiet_s: float,
    ) -> None:
        self.scan = Scan()
        self.last = Sent()
        self._latest = Latest(store, prefix, state.known)
        self._known = state
        self._scanner = scanner
        self._sending = sending
        self._bringing = bringing
        self._quiet_s = quiet_s
        self._lock = threading.Lock()
        self._changed: dict[str, tuple[Looks, float]] = {}
        self._unsure: dict[str, Looks] = {}
        self._failed: dict[str, Pause] = {}
        self._pause: Pause | None = None
        self._look_at = 0.0
        self._stoppers = 0
        self._total = Sent()
        self._times = 0
        self._brought = 0

    def now_and_then(self, transfer: Transfer, every_s: float) -> None:
        """Look, if it is time to, and send what is quiet. An error waits in `state`, and is tried again.

        Args:
            transfer: Its `cancel` stops this.
            every_s: How often the folder is looked at, at most.
        """
        if self._pause is not None and time.monotonic() < self._pause.until:
            return
        try:
            if time.monotonic() >= self._look_at:
                self._look_again(transfer, every_s)
            elif len(self._changed) <= WATCHED:
                self._glance()
            self._send(self._quiet(), transfer, Sent())
            self._pause = None
        except TransferCancelled:
            pass
        except (RunloopError, OSError) as error:
            self._pause = Pause.after(self._pause, _line(error))

    def everything(self, transfer: Transfer, *, as_they_are: bool = False) -> Sent:
        """Send all that is changed, quiet or not, and return what was sent.

        Args:
            transfer: Told how far it is; its `cancel` stops this.
            as_they_are: Send a copy of what changes all the time; otherwise it waits.

        Raises:
            TransferCancelled: Cancelled.
            RunloopError: The store refused or is gone, the directory is, or a ``.runloopignore`` can't be read.
            OSError: The disk is full.
        """
        sent = self.last = Sent()
        done: dict[str, Looks] = {}
        for number in range(TRIES):
            self._look(transfer)
            todo = {
                path: each
                for path, each in self._changed.items()
                if path not in sent.failed and done.get(path) != each[0]
            }
            copied = as_they_are and number >= PATIENT_TRIES
            if not self._send(todo, transfer, sent, as_they_are=copied, hurried=False, done=done):
                break
        else:
            self._look(transfer)
        self._pause = None
        return sent

    def left(self) -> dict[str, str | None]:
        """Return what is changed and wasn't sent, and why, as far as the last look tells."""
        return {path: pause.why if (pause := self._failed.get(path)) else None for path in self._unsent()}

    def conflicts(self) -> dict[str, str]:
        """Return the last files that both sides had changed, and where the one from here is kept."""
        with self._lock:
            return dict(self._total.conflicts)

    def came(self, brought: Brought, rescued: list[str]) -> None:
        """Count what came in, and note conflicts; the next look comes at once."""
        self._latest.listed(brought.listed)
        with self._lock:
            self._brought += len(brought.files)
            for path, kept in brought.conflicts.items():
                self._note_conflict(path, kept)
            for path in rescued:
                self._note_conflict(path, path)
        self.scan = self._scanner.look()
        self._look_at = 0.0

    def state(self) -> FolderState:
        """Return how it stands."""
        scan, waiting = self.scan, self._unsent()
        pause = self._pause or next((each for path, each in list(self._failed.items()) if path in waiting), None)
        with self._lock:
            return FolderState(
                len(scan.files),
                scan.size,
                len(waiting),
                sum(looks[0] for looks in waiting.values()),
                self._times,
                self._total.bytes,
                self._brought,
                dict(self._total.conflicts),
                None if pause is None else pause.why,
                None if pause is None else max(0.0, pause.until - time.monotonic()),
            )

    @contextmanager
    def asked_to_stop(self) -> Iterator[None]:
        """Have whoever sends in the background stop after the files that are on their way."""
        with self._lock:
            self._stoppers += 1
        try:
            yield
        finally:
            with self._lock:
                self._stoppers -= 1

    def _unsent(self) -> dict[str, Looks]:
        """Return what is changed and not known to be in the store."""
        changed = dict(self._changed)
        return {path: looks for path, (looks, _) in changed.items() if not self._is_only_unsure(path, looks)}

    def _is_only_unsure(self, path: str, looks: Looks) -> bool:
        # Sent a moment after it was changed: it is hashed once more when it is quiet, and most often is what it was.
        return self._unsure.get(path) == looks

    def _look_again(self, transfer: Transfer, every_s: float) -> None:
        began, busy = time.monotonic(), time.thread_time()
        self._look(transfer)
        costs = SHARE * (time.thread_time() - busy), 2 * (time.monotonic() - began)
        self._look_at = began + max(every_s, min(SELDOM_S, max(costs)))

    def _look(self, transfer: Transfer) -> None:
        try:
            scan = self._scanner.look(transfer.checkpoint)
        except FileNotFoundError:
            raise MountError("the directory isn't there any more. Unmount it, and mount it again") from None
        now, known = time.monotonic(), self._known.known
        changed = {}
        for path, looks in scan.files.items():
            if (there := known.get(path)) is None or there.looks != looks:
                before = self._changed.get(path)
                changed[path] = before if before is not None and before[0] == looks else (looks, now)
        self.scan, self._changed = scan, changed
        self._failed = {path: pause for path, pause in self._failed.items() if path in changed}
        self._unsure = {path: looks for path, looks in self._unsure.items() if path in changed}

    def _glance(self) -> None:
        """Look again at what is changed, and at nothing else."""
        now = time.monotonic()
        for path, (looks, _) in list(self._changed.items()):
            found = self._scanner.glance(path)
            if found is None:
                del self._changed[path]
            elif found != looks:
                self._changed[path] = found, now

    def _quiet(self) -> dict[str, tuple[Looks, float]]:
        now = time.monotonic()
        return {path: each for path, each in self._changed.items() if self._is_quiet(path, *each, now)}

    def _is_quiet(self, path: str, looks: Looks, since: float, now: float) -> bool:
        pause = self._failed.get(path)
        if pause is not None and pause.looks == looks and now < pause.until:
            return False
        still = now - since
        if still < (max(self._quiet_s, TICK_S) if self._is_only_unsure(path, looks) else self._quiet_s):
            return False
        return still >= OPEN * self._quiet_s or not being_written(self._scanner.place(path))

    def _send(
        self,
        todo: dict[str, tuple[Looks, float]],
        transfer: Transfer,
        sent: Sent,
        *,
        as_they_are: bool = False,
        hurried: bool = True,
        done: dict[str, Looks] | None = None,
    ) -> bool:
        """Send files; return whether some of them, or a conflict's, are to be looked at again.

        Args:
            todo: How they look, and since when.
            transfer: Its `cancel` stops this.
            sent: What was sent is noted here.
            as_they_are: Whether what changes meanwhile is copied first.
            hurried: Whether somebody else who wants to work on the folder goes first.
            done: How those looked that need no other look, added to.
        """
        if not todo:
            return False
        latest = self._latest.of(todo)
        again = threading.Event()

        def one(path: str, share: Transfer) -> None:
            if hurried and self._stoppers:
                return
            looks, since = todo[path]
            try:
                if not self._send_one(path, looks, since, latest, share, sent, as_they_are=as_they_are):
                    again.set()
                elif done is not None:
                    done[path] = looks
            except Changed:
                again.set()
            except BadRequest as error:
                self._fail(path, looks, str(error), sent)
            except (TransferCancelled, *_OF_STORE):
                raise
            except RunloopError as error:
                self._fail(path, looks, str(error), sent)
            except OSError as error:
                if error.errno in _FULL:
                    raise MountError(f"the disk is full, so nothing can be sent ({_line(error)}). Free some") from None
                self._fail(path, looks, f"{shown(path)} can't be read ({error.strerror or error})", sent)

        try:
            together(transfer, Phase.SENDING, sum(looks[0] for looks, _ in todo.values()), todo, one, at_once=AT_ONCE)
        finally:
            self._known.save()
        return again.is_set()

    def _send_one(
        self,
        path: str,
        looks: Looks,
        since: float,
        latest: Callable[[str], ObjectView | None],
        transfer: Transfer,
        sent: Sent,
        *,
        as_they_are: bool,
    ) -> bool:
        """Send a file; return whether it is done with."""
        settled = time.monotonic() - since >= TICK_S
        fate, view = self._sending.send(path, looks, latest, transfer, settled=settled, as_it_is=as_they_are)
        if fate is Fate.NEWS and view is not None:
            return self._part(path, view, transfer, sent)
        with self._lock:
            self._failed.pop(path, None)
            if settled and not as_they_are:
                self._changed.pop(path, None)
                self._unsure.pop(path, None)
            else:
                self._unsure[path] = looks
            if fate is Fate.SENT:
                self._times += 1
                self._total.bytes += looks[0]
                sent.files.append(path)
                sent.bytes += looks[0]
        return True

    def _part(self, path: str, view: ObjectView, transfer: Transfer, sent: Sent) -> bool:
        """Keep both sides of a conflict: the store's version comes to `path`, the file from here gets another name."""
        if (view.metadata or {}).get("rl.kind") == FOLDER:
            raise MountError(f"{shown(path)} is a folder in the store. Give the file another name")
        bringing = self._bringing()
        bringing.replace(path, view, None, transfer)
        with self._lock:
            self._brought += 1
            for at, kept in bringing.brought.conflicts.items():
                sent.conflicts[at] = kept
                self._note_conflict(at, kept)
        self._look_at = 0.0
        return False

    def _note_conflict(self, path: str, kept: str) -> None:
        conflicts = self._total.conflicts
        conflicts[path] = kept
        while len(conflicts) > REMEMBERED:
            del conflicts[next(iter(conflicts))]

    def _fail(self, path: str, looks: Looks, why: str, sent: Sent) -> None:
        with self._lock:
            self._failed[path] = Pause.after(self._failed.get(path), one_line(why), looks)
            sent.failed[path] = one_line(why)


def _line(error: Exception) -> str:
    return one_line(str(error) if isinstance(error, RunloopError) else f"{getattr(error, 'strerror', None) or error}")
