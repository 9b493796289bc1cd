"""One answer with a part of an object, or all of it: looked at, and written where it belongs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter import errors
from runloop_jupyter.transfer import exchange, presigned
from runloop_jupyter.transfer.partial import is_strong
from runloop_jupyter.transfer.writing import AtOnce

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects
    from runloop_jupyter.secret import Secret
    from runloop_jupyter.transfer.checking import Check
    from runloop_jupyter.transfer.exchange import Answer
    from runloop_jupyter.transfer.partial import Partial
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.transfer.writing import Writing
    from runloop_jupyter.wire.objects import ObjectView

FLUSH_S: Final = 0.05  # on a slow line what has come is written, counted and may be cancelled this often


class Changed(Exception):
    """The object's bytes are others than those that came before."""


class RangesIgnored(Exception):
    """The store sends all where a part was asked for."""


@dataclass
class Lane:
    """A part that one connection brings.

    Attributes:
        start: Its next byte.
        stop: Past its last byte; None where nobody knows how many there are.
        link: Which link it is asked for by.
        answer: What brings it; None before there is one.
    """

    start: int
    stop: int | None
    link: int = 0
    answer: Answer | None = None


class Links:
    """The presigned link of the moment, shared by all who use it."""

    def __init__(self, objects: Objects, object_id: str) -> None:
        self._objects = objects
        self._id = object_id
        self._lock = threading.Lock()
        self._link: Secret | None = None
        self._number = 0

    def current(self) -> tuple[Secret, int]:
        """Return a link and its number; a new one where the last has failed.

        Raises:
            StoreError: The store refuses one.
        """
        with self._lock:
            if self._link is None:
                self._link = self._objects.download_url(self._id)
                self._number += 1
            return self._link, self._number

    def failed(self, error: Exception, number: int) -> None:
        """Ask for another next time: the link has expired, or its host is gone. A newer one is left as it is."""
        with self._lock:
            if number == self._number and (isinstance(error, errors.LinkExpired) or not _is_busy(error)):
                self._link = None


def _is_busy(error: Exception) -> bool:
    return isinstance(error, presigned.Retryable) and error.busy


class Incoming:
    """An object on its way into a partial file. `take` may be called from several threads.

    Args:
        objects: The store.
        view: The object.
        partial: Where it goes.
        transfer: Told how far it is.
        check: Taken along where bytes come in order.
        digested: Whether the whole is held against a digest at the end.

    Attributes:
        in_one_piece: Whether the store is known to send all or nothing.
        received: Bytes that came, those that had to come twice too.
    """

    def __init__(
        self, objects: Objects, view: ObjectView, partial: Partial, transfer: Transfer, check: Check, *, digested: bool
    ) -> None:
        self.view = view
        self.partial = partial
        self.transfer = transfer
        self.check = check
        self.links = Links(objects, view.id)
        self.in_one_piece = False
        self.received = 0
        self._ended = False
        self._digested = digested
        self._lock = threading.Lock()
        self._at_once: AtOnce | None = None

    @property
    def left(self) -> int:
        """How many bytes are missing; 0 where nobody knows."""
        return 0 if self.view.size_bytes is None else self.view.size_bytes - self.partial.there.total

    @property
    def is_whole(self) -> bool:
        """Whether all of it is there."""
        return self._ended if self.view.size_bytes is None or not self.view.size_bytes else self.left == 0

    def next_lane(self) -> Lane:
        """Return the first gap."""
        if self.view.size_bytes is None:
            if self.partial.there.total:
                self.partial.restart()
                self.check.restart()
            return Lane(0, None)
        return Lane(*next(self.partial.there.gaps(self.view.size_bytes), (0, self.view.size_bytes)))

    def take(self, lane: Lane) -> None:
        """Bring one lane on the calling thread, with the digest taken along."""
        if self._at_once is None:
            self._at_once = AtOnce(self.partial, self.check, self.view.size_bytes, self.count)
        self.bring(lane, self._at_once)

    def count(self, n_bytes: int) -> None:
        """Count bytes that were written. May raise TransferCancelled."""
        with self._lock:
            self.received += n_bytes
        self.transfer.advance(n_bytes)

    def bring(self, lane: Lane, writing: Writing) -> None:
        """Ask for a lane and have what comes of it written; ``lane.start`` says how far that got.

        Args:
            lane: What to bring.
            writing: Writes it; all of it is written by the time this returns or raises.

        Raises:
            Retryable: The rest may come at another try.
            LinkExpired: The rest may come by another link.
            Changed: It is another object now.
            RangesIgnored: A part can't be had.
            DigestMismatch: It is longer than the store says.
            TransferCancelled: Cancelled.
            TransferError: The store refuses it.
            OSError: There is no room for it.
        """
        self.transfer.checkpoint()
        url, lane.link = self.links.current()
        try:
            with exchange.get(url, self._headers(lane)) as answer:
                lane.answer = answer
                try:
                    self._look_at(answer, lane)
                    self._receive(answer, lane, writing)
                finally:
                    lane.answer = None
        finally:
            # What went wrong with the writing counts for more than what went wrong with the line.
            writing.flush()

    def _receive(self, answer: Answer, lane: Lane, writing: Writing) -> None:
        size, position, ended = self.view.size_bytes, lane.start, False
        while not ended and (lane.stop is None or position < lane.stop):
            buffer = writing.buffer()
            room = len(buffer) if lane.stop is None else min(len(buffer), lane.stop - position)
            filled, due = 0, time.monotonic() + FLUSH_S
            try:
                while filled < room and not ended and time.monotonic() < due:
                    count = answer.fill(buffer[filled:room])
                    filled, ended = filled + count, not count
            finally:  # what came before the line broke is there
                writing.hand_over(buffer, filled, lane)
                position += filled
        if lane.stop is not None and position < lane.stop:
            raise presigned.Retryable(f"the connection ended after {position:,} of {size:,} bytes")
        if lane.stop == size or lane.stop is None:
            self._at_the_end(answer)

    def _headers(self, lane: Lane) -> dict[str, str]:
        # Content codings would change the bytes that were hashed.
        headers = {"Accept-Encoding": "identity"}
        if not self._is_all(lane):
            headers["Range"] = f"bytes={lane.start}-{(lane.stop or 1) - 1}"
            if self.partial.etag and is_strong(self.partial.etag):
                headers["If-Range"] = self.partial.etag
        return headers

    def _is_all(self, lane: Lane) -> bool:
        return lane.start == 0 and lane.stop == self.view.size_bytes

    def _look_at(self, answer: Answer, lane: Lane) -> None:
        size = self.view.size_bytes
        etag = answer.headers.get("etag") or None
        with self._lock:
            before = self.partial.etag
            if before and etag and etag != before:
                raise Changed
            self.partial.etag = etag or before
        if answer.status != 206:
            length = answer.headers.get("content-length", "")
            if size is not None and length.isascii() and length.isdigit() and int(length) > size:
                raise self._too_long()
            if not self._is_all(lane):
                raise RangesIgnored
            return
        if presigned.first_byte(answer.headers) != lane.start:
            raise presigned.Retryable("the store sent another part than was asked for")
        whole = presigned.whole_size(answer.headers)
        if size is not None and whole is not None and whole > size:
            raise self._too_long()
        if not self._digested and not is_strong(self.partial.etag):
            # Nothing would tell whether this part and the next are of the same bytes.
            raise RangesIgnored

    def _at_the_end(self, answer: Answer) -> None:
        # An endless body must not fill the disk before anybody looks at its length.
        size = self.view.size_bytes
        if size is not None and answer.status != 206 and answer.fill(memoryview(bytearray(1))):
            raise self._too_long()
        self._ended = True

    def _too_long(self) -> errors.DigestMismatch:
        return errors.DigestMismatch(
            f"“{self.view.name}” came with more bytes than the {self.view.size_bytes:,} that the store says it has; "
            "nothing was kept"
        )
