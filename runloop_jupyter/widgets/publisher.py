"""The one place that sends a widget's messages: replies at once, progress and events as often as anybody can look.

All of it goes out on one thread, in the context of the front end's latest request. ipykernel takes the front end's
next message to where a comm was last published from: sent from a cell, or from a plain thread, it would have that
message wait for the cell that runs.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec

from runloop_jupyter.widgets import protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from contextvars import Context

PER_SECOND: Final = 50
"""Messages, in the mean; a server drops those of a kernel that sends twenty times as many."""
AT_ONCE: Final = 12
"""Messages that may go out one after the other after a while without any."""
LEAST_S: Final = 0.1
"""Between two of the same: progress of one request, an event of one name."""
IDLE_S: Final = 5.0
"""After which the thread ends, until there is something to say: of a widget that nobody looks at nothing goes on."""
REFUSALS_KEPT: Final = 10_000
LARGEST: Final = 8 << 20
"""Bytes of a message; one of 10 MiB closes a kernel's connection, and nobody says so."""


class Send(Protocol):
    """Sends one message, as ``widget.send`` does."""

    def __call__(self, content: Any, buffers: Any = None) -> object:
        """Send `content`, with its buffers."""


class _Letter(NamedTuple):
    """A message that waits."""

    message: Any
    buffers: Sequence[bytes | memoryview]


class _Latest:
    """The newest of what replaces what came before it, and when it may go out."""

    __slots__ = ("due", "make")

    def __init__(self, make: Callable[[], Any], due: float) -> None:
        self.make = make
        self.due = due


class Publisher:
    """Sends a widget's messages, from whichever thread they come.

    Args:
        send: The widget's own ``send``; called on one thread only.
        clock: Seconds that only go up.
    """

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._context: Context | None = None
        self._replies: deque[_Letter] = deque()
        self._chunks: deque[_Letter] = deque()
        self._refusals: deque[_Letter] = deque()
        self._latest: dict[Hashable, _Latest] = {}
        self._chunks_of: Counter[str] = Counter()
        self._told: dict[Hashable, float] = {}
        self._credit: float = AT_ONCE
        self._counted = clock()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def hear(self, context: Context) -> None:
        """Send from `context` from now on: a copy of the one in which the front end's latest request came."""
        with self._wake:
            self._context = context

    def reply(self, message: protocol.Ok | protocol.Err, buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send the one reply to a request: before all else, and after the request's own chunks.

        Progress of it that nobody has seen yet is dropped; so are the chunks of one that failed.
        """
        rid = message["rid"]
        with self._wake:
            self._latest.pop(rid, None)
            self._told.pop(rid, None)
            if message["kind"] == "err" and self._chunks_of[rid]:
                self._chunks = deque(each for each in self._chunks if each.message["rid"] != rid)
                del self._chunks_of[rid]
            (self._chunks if self._chunks_of[rid] else self._replies).append(_Letter(message, buffers))
            self._go()

    def refuse(self, message: protocol.Err) -> None:
        """Send the reply to a request that was never begun: after all else, for there may be many."""
        with self._wake:
            if len(self._refusals) < REFUSALS_KEPT:
                self._refusals.append(_Letter(message, ()))
                self._go()

    def chunk(self, rid: str, value: object, data: bytes | memoryview) -> None:
        """Send a piece of what a request gives; pieces come in their order."""
        with self._wake:
            self._chunks_of[rid] += 1
            self._chunks.append(_Letter(protocol.progress(rid, value), (data,)))
            self._go()

    def progress(self, rid: str, value: object, least_s: float = LEAST_S) -> None:
        """Say how far a request is; of what comes within `least_s` seconds only the newest is sent."""
        self._newest(rid, lambda: protocol.progress(rid, value), least_s)

    def event(self, name: str, value: Callable[[], object], least_s: float = LEAST_S) -> None:
        """Say something unasked; nothing is sent while no front end has asked for anything.

        Args:
            name: Of the event.
            value: Makes its value, when it is sent. It must not take long.
            least_s: Between two of this name, of which the newest is sent.
        """
        self._newest(("event", name), lambda: protocol.event(name, value()), least_s)

    def close(self) -> None:
        """Send what waits already, and nothing after that."""
        with self._wake:
            self._closed = True
            self._latest.clear()
            self._wake.notify_all()

    def _newest(self, key: Hashable, make: Callable[[], Any], least_s: float) -> None:
        with self._wake:
            if self._context is None or self._closed:
                return
            waiting = self._latest.get(key)
            if waiting is None:
                self._latest[key] = _Latest(make, max(self._clock(), self._told.get(key, 0) + least_s))
            else:
                waiting.make = make
            self._go()

    def _go(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="rl-publisher", daemon=True)
            self._thread.start()
        self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                letter = self._next()
                context = self._context
                if letter is None:
                    self._thread = None
                    return
            if context is None:
                self._post(letter)
            else:
                context.run(self._post, letter)
            letter = None  # its buffers are not held until the next comes

    def _next(self) -> _Letter | _Latest | None:
        """Return what is to be sent next, once it may be; None at the end, or when there was nothing for long."""
        while True:
            now = self._clock()
            self._credit = min(AT_ONCE, self._credit + (now - self._counted) * PER_SECOND)
            self._counted = now
            due = min((each.due for each in self._latest.values()), default=None)
            ready = self._replies or self._chunks or self._refusals or (due is not None and due <= now)
            if ready and self._credit >= 1:
                self._credit -= 1
                return self._first(now)
            if self._closed and not ready:
                return None
            if ready:
                self._wake.wait((1 - self._credit) / PER_SECOND)
            elif not self._wake.wait(IDLE_S if due is None else due - now) and not self._waiting():
                return None

    def _waiting(self) -> bool:
        return bool(self._replies or self._chunks or self._refusals or self._latest)

    def _first(self, now: float) -> _Letter | _Latest:
        if self._replies:
            return self._replies.popleft()
        if self._chunks:
            letter = self._chunks.popleft()
            rid = letter.message["rid"]
            self._chunks_of[rid] -= letter.message["kind"] == "progress"
            if self._chunks_of[rid] <= 0:
                del self._chunks_of[rid]
            return letter
        for key, latest in self._latest.items():
            if latest.due <= now:
                del self._latest[key]
                self._told[key] = now
                return latest
        return self._refusals.popleft()

    def _post(self, what: _Letter | _Latest) -> None:
        """Send one message. Of a front end that is gone, and of what may hold a secret, nothing is logged."""
        with suppress(Exception):
            letter = what if isinstance(what, _Letter) else _Letter(what.make(), ())
            if _size_of(letter) > LARGEST:
                rid = letter.message.get("rid")
                if letter.message["kind"] != "ok":
                    return
                letter = _Letter(protocol.err(rid, "TooLarge", "that is more than a page can take in"), ())
            try:
                self._send(letter.message, buffers=list(letter.buffers) or None)
            except UnicodeError:  # somebody stored half a character
                self._send(_whole_characters(letter.message), buffers=list(letter.buffers) or None)


def _size_of(letter: _Letter) -> int:
    """Return about how many bytes a message takes."""
    try:
        body = len(msgspec.json.encode(letter.message))
    except (UnicodeError, TypeError, ValueError):
        body = len(repr(letter.message))
    return body + sum(len(each) for each in letter.buffers)


def _whole_characters(value: Any) -> Any:
    """Return plain data with a mark in place of each half of a character, which can't be sent."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_characters(each) for each in value]
    return value
