"""Asked, one request of a front end while it runs: what it was asked, what is added to it, how far it says it is."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import InputError, TransferCancelled, TransferError
from runloop_jupyter.widgets.protocol import CHUNK_BYTES, IN_FLIGHT
from runloop_jupyter.widgets.publisher import LEAST_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runloop_jupyter.widgets.publisher import Publisher

SILENCE_S: Final = 120.0
"""How long a front end that has something to send, or to take, may say nothing: by then its page is gone."""
CREDIT_S: Final = 0.02
"""Between two grants: a front end that waits for one does nothing else."""


class Cancelled(TransferCancelled):
    """The front end wants no answer any more."""


class FrontEndGone(TransferError):
    """Nothing was heard of the page that asked."""


class Asked:
    """A request that runs. Its operation is on a thread of its own and may take its time.

    Args:
        rid: The front end's word for it.
        args: What it was asked with, plain data from anybody.
        publisher: Sends what it says.
        group: The group of its operation.
        number: How many came before it.

    Attributes:
        rid: As given.
        args: As given.
        group: As given.
        number: As given.
    """

    def __init__(
        self, rid: str, args: Mapping[str, Any], publisher: Publisher, *, group: int = 0, number: int = 0
    ) -> None:
        self.rid = rid
        self.args = args
        self.group = group
        self.number = number
        self._publisher = publisher
        self._turn = threading.Condition()
        self._begun = False
        self._cancelled = False
        self._ended = False
        self._cancels: list[Callable[[], object]] = []
        self._chunks: deque[bytes | memoryview] = deque()
        self._taken = 0
        self._granted = 0
        self._whole = False
        self._broken: str | None = None
        self._room = 0

    @property
    def cancelled(self) -> bool:
        """Whether the front end wants no answer any more."""
        return self._cancelled

    def checkpoint(self) -> None:
        """Return if the work is to go on.

        Raises:
            Cancelled: The front end wants no answer any more.
        """
        if self._cancelled:
            raise Cancelled("it was cancelled")

    def on_cancel(self, call: Callable[[], object]) -> None:
        """Call `call` when the front end cancels; at once, if it has."""
        with self._turn:
            if not self._cancelled:
                self._cancels.append(call)
                return
        call()

    def progress(self, value: object, least_s: float = LEAST_S) -> None:
        """Say how far it is; of what comes close together only the newest is sent."""
        with self._turn:
            if not self._ended:
                self._publisher.progress(self.rid, value, least_s)

    def receive(self) -> Iterator[bytes | memoryview]:
        """Yield the chunks that the front end sends, granting new ones as they are asked for.

        Memory holds those that were granted and no more. When the next is asked for, the last is taken to be written.
        Progress says so: ``{credit, written}``, how many chunks may be sent in all and how many bytes are written.

        Raises:
            Cancelled: The front end cancelled.
            FrontEndGone: Nothing came for long.
            InputError: It sent what it may not.
        """
        written = 0
        self._grant(written)
        while (chunk := self._wait_for_chunk()) is not None:
            yield chunk
            written += len(chunk)
            del chunk
            self._grant(written)

    def give(self, value: object, data: bytes | memoryview) -> None:
        """Send a chunk once the front end has room for one.

        Raises:
            Cancelled: The front end cancelled.
            FrontEndGone: It said nothing for long.
        """
        deadline = time.monotonic() + SILENCE_S
        with self._turn:
            while not self._room and not self._cancelled:
                if not self._turn.wait(deadline - time.monotonic()):
                    raise FrontEndGone("nobody took what was sent. Is the page still open?")
            self.checkpoint()
            self._room -= 1
            self._publisher.chunk(self.rid, value, data)

    # What follows is called by whoever hears the front end.

    @property
    def waits(self) -> bool:
        """Whether its turn hasn't come."""
        return not self._begun

    def begin(self) -> bool:
        """Its turn has come; return whether anybody still waits for it."""
        with self._turn:
            self._begun = True
            return not self._ended

    def cancel(self) -> None:
        """The front end wants no answer any more."""
        with self._turn:
            if self._cancelled or self._ended:
                return
            self._cancelled = True
            cancels, self._cancels = self._cancels, []
            self._chunks.clear()
            self._turn.notify_all()
        for call in cancels:
            call()

    def add(self, chunk: bytes | memoryview) -> None:
        """A chunk came."""
        with self._turn:
            if self._ended or self._cancelled or self._broken:
                return
            self._taken += 1
            if len(chunk) > CHUNK_BYTES:
                self._broken = f"a chunk of {len(chunk):,} bytes came; {CHUNK_BYTES:,} is the most"
            elif self._taken > self._granted:
                self._broken = "a chunk came that nobody had asked for"
            elif self._whole:
                self._broken = "a chunk came after the last one"
            else:
                self._chunks.append(chunk)
            if self._broken:
                self._chunks.clear()
            self._turn.notify_all()

    def finish(self) -> None:
        """All chunks have come."""
        with self._turn:
            self._whole = True
            self._turn.notify_all()

    def allow(self, n: int) -> None:
        """The front end has room for `n` more chunks."""
        with self._turn:
            self._room = min(self._room + n, IN_FLIGHT)
            self._turn.notify_all()

    def end(self) -> bool:
        """Nothing more is to be said of it; return whether that is new."""
        with self._turn:
            was, self._ended = self._ended, True
            self._cancels.clear()
            self._chunks.clear()
            return not was

    def _grant(self, written: int) -> None:
        with self._turn:
            self._granted = self._taken - len(self._chunks) + IN_FLIGHT
            credit = self._granted
        self.progress({"credit": credit, "written": written}, CREDIT_S)

    def _wait_for_chunk(self) -> bytes | memoryview | None:
        deadline = time.monotonic() + SILENCE_S
        with self._turn:
            while True:
                self.checkpoint()
                if self._broken:
                    raise InputError(self._broken)
                if self._chunks:
                    return self._chunks.popleft()
                if self._whole:
                    return None
                if not self._turn.wait(deadline - time.monotonic()):
                    raise FrontEndGone("nothing more came. Is the page still open?")
