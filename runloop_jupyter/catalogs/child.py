"""The process that keeps a catalog, as the kernel has it: started, asked, and told that its kernel is gone."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from runloop_jupyter import errors, process
from runloop_jupyter.catalogs import messages
from runloop_jupyter.catalogs.frames import Gone, Line, Sort
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_S: Final = 60.0
"""Seconds until a process that is at work answers anything."""
_END_S: Final = 3.0
_TAIL: Final = 2000
Answer = tuple[Sort, bytes]


class Child:
    """One process, and questions to it under numbers, from any thread.

    Args:
        begin: What it is told first.
        event: Called with the bytes of each event, in the thread that listens.

    Attributes:
        end: Called once when it has ended by itself.

    Raises:
        CatalogError: It can't be started.
        RunloopError: It can't do what it is told.
    """

    def __init__(self, begin: messages.Begin, event: Callable[[bytes], None], ended: Callable[[Child], None]) -> None:
        if sys.platform == "win32":
            raise errors.CatalogError("a catalog of a hosted service needs Linux, macOS or WSL. rl.ls works here too")
        self._event = event
        self._ended = ended
        self._waiting: dict[int, SimpleQueue[Answer | None]] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._closing = False
        ours, theirs = socket.socketpair()
        self._log = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - as long as the process
        try:
            self._process = process.start(
                "runloop_jupyter.catalogs.server", stdin=theirs, stdout=subprocess.DEVNULL, stderr=self._log
            )
        except OSError as error:
            ours.close()
            self._log.close()
            raise errors.CatalogError(f"the catalog's process can't be started: {error.strerror}") from None
        finally:
            theirs.close()
        self._line = Line(ours)
        _living.add(self)
        threading.Thread(target=self._listen, name="rl-catalog", daemon=True).start()
        try:
            self.ask(json.encode(begin))
        except Gone:
            raise errors.CatalogError(f"the catalog's process ended as it began: {self.said()}") from None
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, question: bytes, seconds: float = ANSWER_S) -> bytes:
        """Return the answer to a question.

        Raises:
            Gone: The process ended before it answered.
            CatalogError: It takes longer than `seconds`.
            RunloopError: What it says went wrong.
        """
        number, answer = self._numbered()
        try:
            self._line.say(number, question)
            said = answer.get(timeout=seconds)
        except Empty:
            raise errors.CatalogError(f"the catalog's process hasn't answered for {seconds:g} s") from None
        finally:
            self._waiting.pop(number, None)
        if said is None:
            raise Gone
        sort, data = said
        if sort is Sort.FAILED:
            raise _error(json.decode(data, messages.Failed))
        return data

    def tell(self, message: bytes) -> None:
        """Say something whose answer nobody waits for; harmless where it is gone."""
        with suppress(Gone):
            self._line.say(self._next(), message)

    def said(self) -> str:
        """Return what it said last on standard error, on one line, or how it ended."""
        with suppress(OSError, ValueError):
            self._log.seek(max(0, os.fstat(self._log.fileno()).st_size - _TAIL))
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
            if lines:
                return errors.one_line(errors.redact(lines[-1]), 200)
        status = self._process.poll()
        return f"killed by signal {-status}" if status is not None and status < 0 else f"exit status {status}"

    def close(self) -> None:
        """End it, harmless twice."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        _living.discard(self)
        self._line.close()
        self._reap()
        self._log.close()

    def _reap(self) -> None:
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _numbered(self) -> tuple[int, SimpleQueue[Answer | None]]:
        answer: SimpleQueue[Answer | None] = SimpleQueue()
        number = self._next()
        self._waiting[number] = answer
        if self._process.returncode is not None:  # the listener has told everybody already
            answer.put(None)
        return number, answer

    def _next(self) -> int:
        with self._lock:
            self._number = self._number % 0xFFFF_FFFF + 1  # 0 is for events
            return self._number

    def _listen(self) -> None:
        try:
            while True:
                number, sort, data = self._line.hear()
                if number == 0:
                    self._event(data)
                elif waits := self._waiting.get(number):
                    waits.put((sort, data))
        except Gone:
            pass
        if not self._closing:
            self._reap()
        for waits in list(self._waiting.values()):
            waits.put(None)
        if not self._closing:
            self._ended(self)

    def _after_fork(self) -> None:
        """Let go, in a child of this process, of what keeps it: it is to end with the parent."""
        self._line.let_go()


def _error(failed: messages.Failed) -> errors.RunloopError:
    kind = getattr(errors, failed.kind, errors.CatalogError)
    if isinstance(kind, type) and issubclass(kind, errors.StoreError):
        return kind(failed.why, status=failed.status, request_id=failed.request_id)
    if isinstance(kind, type) and issubclass(kind, errors.RunloopError):
        return kind(failed.why)
    return errors.CatalogError(failed.why)


def _fork_child() -> None:
    for child in _living:
        child._after_fork()
    _living.clear()


def _exit() -> None:
    for child in list(_living):
        child.close()


_living: set[Child] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork_child)
atexit.register(_exit)
