"""Parts of a stored object, straight into a buffer: what random reading is made of."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import exchange, presigned
from runloop_jupyter.transfer.receiving import Changed, Links

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.transfer.exchange import Answer
    from runloop_jupyter.wire.objects import ObjectView

_SKIPPED: Final = 64 << 10


class Parts:
    """Fetches parts of one object, of one state of it only. Thread-safe.

    Args:
        objects: The store.
        view: The object, READ_ONLY.
        checkpoint: Called before each request; may raise to stop.

    Attributes:
        bytes_fetched: Bytes that came over the wire so far.
        requests: Requests made for them.
        ignored: Whether the store was seen to send all where a part was asked for.
    """

    def __init__(self, objects: Objects, view: ObjectView, checkpoint: Callable[[], None]) -> None:
        self.bytes_fetched = 0
        self.requests = 0
        self.ignored = False
        self._view = view
        self._checkpoint = checkpoint
        self._links = Links(objects, view.id)
        self._etag: str | None = None
        self._lock = threading.Lock()

    def fetch(self, start: int, buffer: memoryview, halted: Callable[[], bool] = lambda: False) -> None:
        """Fill a buffer with the bytes from `start` on, on the calling thread.

        Args:
            start: Where they begin.
            buffer: Where they go.
            halted: Whether nobody wants them any more.

        Raises:
            TransferError: The bytes can't be had, or changed meanwhile.
        """
        tries = presigned.Tries(f"“{self._view.name}” couldn't be read", self._checkpoint)
        done = 0
        while done < len(buffer) and not halted():
            self._checkpoint()
            url, number = self._links.current()
            before = done
            try:
                stop = start + len(buffer) - 1
                headers = {"Accept-Encoding": "identity", "Range": f"bytes={start + done}-{stop}"}
                with exchange.get(url, headers) as answer:
                    self._look_at(answer, start + done)
                    self._skip(answer, start + done)
                    while done < len(buffer) and not halted():
                        count = answer.fill(buffer[done:])
                        if not count:
                            raise presigned.Retryable("the connection ended early")
                        done += count
                        self._count(count)
            except (presigned.Retryable, errors.LinkExpired) as error:
                self._links.failed(error, number)
                tries.failed(error, got_on=done - before >= presigned.GOT_ON)
            except Changed:
                raise errors.TransferError(
                    f"“{self._view.name}” changed in the store while it was read. Open it again"
                ) from None
            except (errors.TransferCancelled, errors.ConnectionLost):
                raise
            except errors.TransferError as error:
                raise errors.TransferError(f"“{self._view.name}” couldn't be read: {error}") from None

    def _look_at(self, answer: Answer, start: int) -> None:
        etag = answer.headers.get("etag")
        with self._lock:
            self.requests += 1
            # Compared here rather than with If-Match: a condition is for the server to ignore.
            if self._etag and etag and etag != self._etag:
                raise Changed
            self._etag = etag or self._etag
        if answer.status == 206 and presigned.first_byte(answer.headers) != start:
            raise presigned.Retryable("the store sent another part than was asked for")

    def _skip(self, answer: Answer, start: int) -> None:
        """Pass over what a store without ranges sends first."""
        if answer.status == 206 or not start:
            return
        self.ignored = True
        nowhere = memoryview(bytearray(min(_SKIPPED, start)))
        while start:
            self._checkpoint()
            count = answer.fill(nowhere[: min(len(nowhere), start)])
            if not count:
                raise presigned.Retryable("the connection ended early")
            start -= count
            self._count(count)

    def _count(self, n_bytes: int) -> None:
        with self._lock:
            self.bytes_fetched += n_bytes
