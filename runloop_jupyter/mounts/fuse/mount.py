"""A mount by FUSE as the kernel has it: the process that serves it, and what is said to that."""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, cast

import msgspec

from runloop_jupyter import process
from runloop_jupyter.archive.names import shown as written
from runloop_jupyter.errors import MountError, one_line, redact
from runloop_jupyter.mounts import sweeping, table
from runloop_jupyter.mounts.fuse import messages
from runloop_jupyter.mounts.fuse.availability import available
from runloop_jupyter.mounts.fuse.unmounting import is_mounted, let_go
from runloop_jupyter.mounts.mounted import Counts
from runloop_jupyter.transfer.journal import me
from runloop_jupyter.wire import json as wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.mounts.layout import Layout
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer

READY_S: Final = 20.0
"""Seconds until it must be there: a process that starts on a slow disk, and an embedded store that it starts."""
_ANSWER_S: Final = 5.0
"""Seconds until a process that is at work answers; one that takes longer is asked again by whoever wants to know."""
_SHOW_S: Final = 60.0
"""As above, for a layout: of a million objects it is some hundred megabytes."""
_END_S: Final = 3.0
_TICK_S: Final = 0.05
_TAIL: Final = 2000


class FuseMount:
    """Objects under a directory, fetched as they are read, by a process that ends with this one.

    Args:
        store: Where they are.
        layout: What is shown.
        where: The directory: made where it is missing, and empty where it isn't.
        transfer: Its `cancel` stops the mounting.
        what: What is mounted, as it was typed.

    Attributes:
        mode: ``fuse``.
        where: As given, absolute.

    Raises:
        MountError: It can't be mounted.
        InputError: It can't be written down.
    """

    mode: Literal["fuse"] = "fuse"

    def __init__(self, store: Store, layout: Layout, where: Path, transfer: Transfer, *, what: str = "") -> None:
        self.where = where = Path(os.path.abspath(where))  # noqa: PTH100 - ".." taken away, links kept
        self._layout = layout
        self._counts = Counts(read=0)
        self._last_failure: str | None = None
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._was_busy = False
        self._heard = bytearray()
        self._owed = 0  # answers that are yet to come
        sweeping.clear_at(where)
        self._target = os.path.realpath(where)
        made = _made_ready(where, self._target)
        try:
            self._log = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - as long as the mount
            self._process = _started(self._log)
        except BaseException:
            _unmade(self._target, made=made)
            raise
        _living.add(self)
        server = table.Server(self._process.pid, process.start_ticks(self._process.pid))
        self._record: table.Record | None = None
        try:
            # Before it is there: should this process be killed now, the next load finds it.
            self._record = table.enter(
                "fuse", what or str(where), where, store.identity.label, server=server, made=made, size=layout.size
            )
            self._begin(store, layout, transfer)
        except BaseException:
            self._end()
            if self._record is None:
                _unmade(self._target, made=made)
            raise

    @property
    def size(self) -> int:
        """Bytes of what it shows."""
        return self._layout.size

    @property
    def notes(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def trouble(self) -> str | None:
        """What is wrong with it: the process that served it is gone, or something couldn't be read."""
        if not self.alive:
            return "its process ended. Unmount it, and mount it again"
        return self._last_failure

    @property
    def _there(self) -> str:
        """The directory, as a message names it."""
        return written(str(self.where))

    @property
    def alive(self) -> bool:
        """Whether it is served; once it isn't, reading there fails, and `unmount` clears it away."""
        return self._pid == os.getpid() and self._process.poll() is None

    @property
    def last_failure(self) -> str | None:
        """Path and reason of what couldn't be read last, on one line, as of the last `counts`."""
        return self._last_failure

    def status(self) -> str:
        """Return nothing: what is shown is there."""
        return ""

    def counts(self) -> Counts:
        """Return what it moved so far; of one that is served no more, what it had by the last time."""
        try:
            told = self._ask(messages.Ask()) if self.alive else None
        except MountError:
            told = None
        if isinstance(told, messages.Told):
            self._counts = Counts(told.read, told.fetched, told.requests)
            self._last_failure = told.last_failure
        return self._counts

    def show(self, layout: Layout, transfer: Transfer) -> None:
        """Show something else. What is open stays what it was; the rest is seen within a second.

        Args:
            layout: What is shown from now on.
            transfer: Its `cancel` stops the waiting.

        Raises:
            MountError: It is served no more.
        """
        answer = self._ask(messages.Show(layout), transfer.checkpoint, _SHOW_S)
        if not isinstance(answer, messages.Done):
            raise MountError(f"{self._there} can't show something else: {_why(answer)}")
        self._layout = layout
        if self._record is not None:
            self._record = replace(self._record, size=layout.size)
            with suppress(OSError):  # a full disk: it is only shown
                self._record.save()

    @property
    def is_mounted(self) -> bool:
        """Whether it is; `unmount` ends it."""
        return self._record is not None

    def unmount(self, transfer: Transfer | None = None) -> None:
        """Let go of the directory; done already, it does nothing.

        Where something in it is open this raises; once more, and it is let go of all the same: what is open can be
        read on until it is closed, or this process ends.

        Args:
            transfer: Its `cancel` stops this as long as nothing is let go of.

        Raises:
            MountError: Something in it is open.
        """
        if transfer is not None:
            transfer.checkpoint()
        if self._record is None:
            return
        if self._pid != os.getpid():
            raise MountError(f"{self._there} was mounted by another process. Unmount it there")
        if self.alive and is_mounted(self._target):
            answer = self._ask_or_none(messages.Unmount(lazily=self._was_busy))
            if isinstance(answer, messages.Busy):
                self._was_busy = True
                raise MountError(
                    f"{self._there} is in use: a file in it is open, or a terminal is there. Close it, or unmount once"
                    " more to let go of it all the same"
                )
            if isinstance(answer, messages.Done) and self._was_busy:
                self._strike_out()  # it is served until what is open is closed
                return
        self._end()

    def _begin(self, store: Store, layout: Layout, transfer: Transfer) -> None:
        profile = store.profile
        begin = messages.Begin(
            target=self._target,
            layout=layout,
            store_id=store.identity.id,
            profile=profile.name,
            source=profile.source,
            base_url=profile.base_url,
            key=profile.key,
        )
        try:
            answer = self._ask(begin, transfer.checkpoint, READY_S)
        except MountError:
            answer = None
        if isinstance(answer, messages.Ready):
            return
        why = available() or ": ".join(filter(None, [_why(answer) if answer is not None else "", self._said()]))
        raise MountError(f"{self._there} can't be mounted by FUSE: {why or 'its process ended, or took too long'}")

    def _ask_or_none(self, message: messages.Asked) -> messages.Answer | None:
        try:
            return self._ask(message)
        except MountError:
            return None

    def _ask(
        self, message: messages.Asked, checkpoint: Callable[[], None] = lambda: None, seconds: float = _ANSWER_S
    ) -> messages.Answer:
        """Return the answer to a message.

        Raises:
            MountError: There is none: the process ended, or hangs.
        """
        with self._lock:
            until = time.monotonic() + seconds
            checkpoint()
            try:
                self._send(wire.encode(message) + b"\n", until)
                self._owed += 1
                while True:
                    line = self._hear(checkpoint, until)
                    # One that nobody waited for any more comes first.
                    self._owed -= 1
                    if not self._owed:
                        return wire.decode(line, messages.Answer)  # type: ignore[arg-type]
            except (OSError, ValueError, msgspec.MsgspecError):
                raise self._gone() from None

    def _send(self, data: bytes, until: float) -> None:
        to, left = cast("BinaryIO", self._process.stdin), memoryview(data)
        while left:
            if select.select([], [to], [], _TICK_S)[1]:
                left = left[os.write(to.fileno(), left) :]
            elif time.monotonic() > until:
                self._process.kill()  # it hangs, and has half a message
                raise self._gone()

    def _hear(self, checkpoint: Callable[[], None], until: float) -> bytes:
        of = cast("BinaryIO", self._process.stdout)
        while b"\n" not in self._heard:
            if select.select([of], [], [], _TICK_S)[0]:
                came = os.read(of.fileno(), 1 << 16)
                if not came:
                    raise self._gone()
                self._heard += came
            checkpoint()
            if time.monotonic() > until:
                raise MountError(f"the process that serves {self._there} doesn't answer")
        line, _, rest = bytes(self._heard).partition(b"\n")
        self._heard = bytearray(rest)
        return line

    def _gone(self) -> MountError:
        return MountError(f"{self._there} is served no more: {self._said() or 'its process ended'}")

    def _said(self) -> str:
        """Return what the process said last on standard error, on one line."""
        with suppress(OSError, ValueError):
            self._log.seek(max(0, os.fstat(self._log.fileno()).st_size - _TAIL))
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
            return one_line(redact(lines[-1]), 200) if lines else ""
        return ""

    def _end(self) -> None:
        """End the process, and clear away what is left of the mount."""
        with suppress(OSError):
            cast("BinaryIO", self._process.stdin).close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError):
            cast("BinaryIO", self._process.stdout).close()
            self._log.close()
        if is_mounted(self._target):
            let_go(self._target, lazily=True)
        self._strike_out()
        _living.discard(self)

    def _strike_out(self) -> None:
        if self._record is not None:
            record, self._record = self._record, None
            _unmade(self._target, made=record.made)
            record.remove()

    def _after_fork(self) -> None:
        """Let go, in a child of this process, of what keeps the mount: it is to end with the parent."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                cast("BinaryIO", pipe).close()


def _made_ready(where: Path, target: str) -> bool:
    """Make the directory, or make sure that it is one to mount on; return whether it was made.

    Args:
        where: As it was given.
        target: Where that leads.

    Raises:
        MountError: It can't be.
    """
    there = written(str(where))
    if record := table.at(where):
        by = "" if record.owner == me() else f", by a kernel on {record.owner.host} (process {record.owner.pid})"
        raise MountError(f"{there} is mounted already ({record.mode}: {record.what}{by}). Let it go first: %rl_umount")
    if is_mounted(target) and not _answers(target):
        let_go(target, lazily=True)  # its server is gone, and nobody wrote it down
    root = Path(target)
    try:
        if not os.path.lexists(root):
            root.mkdir()
            return True
        if any(root.iterdir()):
            raise MountError(f"{there} has things in it. Give an empty directory, or a name that is free")
    except OSError as error:
        raise MountError(f"{there} can't be mounted on: {error.strerror}") from None
    return False


def _answers(target: str) -> bool:
    try:
        os.stat(target)  # noqa: PTH116 - Path.exists takes the error for a no
    except OSError:
        return False
    return True


def _unmade(target: str, *, made: bool) -> None:
    if made:
        with suppress(OSError):  # something was put there meanwhile
            os.rmdir(target)  # noqa: PTH106


def _started(log: BinaryIO) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    started = process.start("runloop_jupyter.mounts.fuse.server", stdin=pipe, stdout=pipe, stderr=log, bufsize=0)
    os.set_blocking(cast("BinaryIO", started.stdin).fileno(), False)
    return started


def _why(answer: messages.Answer) -> str:
    return answer.why if isinstance(answer, messages.Failed) else "its process answers something else"


def _fork_child() -> None:
    for mount in _living:
        mount._after_fork()
    _living.clear()


def _exit() -> None:
    for mount in list(_living):
        if mount._pid == os.getpid():
            mount._end()


_living: set[FuseMount] = set()
os.register_at_fork(after_in_child=_fork_child)
atexit.register(_exit)
