"""One HTTP/1.1 exchange with a presigned URL, its body read straight into a buffer.

Bulk bytes go over ``http.client`` rather than httpx, which alone is two to three times slower than the machine:
``recv_into`` gives up the GIL and copies once. Connections are kept alive and used again, a bounded number for each
host. Where a proxy stands before the URL httpx does it, with the environment's rules.

The URL is a key. What goes wrong inside ``http.client``, whose frames hold it, is raised anew from here, where none
does.
"""

from __future__ import annotations

import atexit
import http.client
import io
import re
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast
from urllib.parse import quote, urlsplit

from runloop_jupyter import errors
from runloop_jupyter.api import keepalive, proxies
from runloop_jupyter.api.keepalive import Connections, HTTPConnection, Key, connect, socket_of
from runloop_jupyter.transfer import presigned
from runloop_jupyter.transfer.presigned import Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from runloop_jupyter.secret import Secret

_CHUNK: Final = 64 << 10
# What a URL may hold as it is; anything else is escaped, as every client does that is handed one.
_AS_IT_IS: Final = "!#$%&'()*+,/:;=?@[]~"
_ERRNO: Final = re.compile(r"^\[Errno -?[0-9]+\] ")


class Answer(Protocol):
    """What came back: its head, and its body a buffer at a time."""

    @property
    def status(self) -> int:
        """HTTP status code."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in lower case."""

    def fill(self, buffer: memoryview) -> int:
        """Take what has come of the body, at least a byte, into `buffer`; 0 at the end. Waits no longer than it must.

        Raises:
            Retryable: The connection was lost.
        """

    def abort(self) -> None:
        """End the connection, from any thread: a `fill` that waits comes back at once."""


@contextmanager
def get(url: Secret, headers: Mapping[str, str]) -> Iterator[Answer]:
    """Ask for a URL; the body is read inside the block.

    Raises:
        Retryable: Lost connection, 408, 429 or 5xx.
        LinkExpired: 403.
        StoreFull: 507.
        TransferError: Any other refusal, or a link that can't be used.
    """
    key = key_of(url)
    if key is None or proxies.applies(key[0], key[1]):
        with presigned.request("GET", url, headers=headers) as response:
            yield _ThroughHttpx(response)
        return
    connection = connections.take(key)
    whole = False
    try:
        ask(connection, "GET", url, headers)
        answer = answer_on(connection, socket_of(connection))
        try:
            if not 200 <= answer.status < 300:
                raise presigned.refusal(answer.status, answer.headers, answer.chunks(), url)
            yield answer
        finally:
            answer.close()
        whole = answer.whole
    finally:
        connections.give_back(key, connection, usable=whole)


def retryable(error: Exception) -> Retryable:
    """Return why a connection was lost, as an error to try again after."""
    if isinstance(error, TimeoutError):
        return Retryable("timed out")
    said = getattr(error, "strerror", None) or _ERRNO.sub("", str(error))
    return Retryable(errors.redact(errors.one_line(said, 200)).rstrip(".") or type(error).__name__)


def ask(connection: HTTPConnection, method: str, url: Secret, headers: Mapping[str, str]) -> None:
    """Send the head of a request, connecting first where that is due.

    Raises:
        Retryable: Lost connection.
        TransferError: The link can't be used.
    """
    try:
        connect(connection, presigned.TIMEOUT)
        connection.putrequest(method, target(url), skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
    except (OSError, http.client.HTTPException) as error:
        raise broken(error) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None
    except Exception as error:
        # Its message may hold the URL.
        raise errors.TransferError(f"the store's link can't be used ({type(error).__name__})") from None


def answer_on(connection: HTTPConnection, stream: socket.socket) -> DirectAnswer:
    """Read the head of the answer.

    Args:
        connection: Where it was asked.
        stream: Its socket, which the connection lets go of where the store is going to close.

    Raises:
        Retryable: Lost connection, or something else than HTTP.
    """
    try:
        return DirectAnswer(stream, connection.getresponse())
    except (OSError, http.client.HTTPException) as error:
        raise broken(error) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None


def broken(error: OSError | http.client.HTTPException) -> Exception:
    """Return what to raise for an exchange that broke off."""
    if isinstance(error, http.client.InvalidURL):
        return errors.TransferError("the store's link can't be used (InvalidURL)")
    return retryable(error)


def target(url: Secret) -> str:
    """Return what stands in the first line of the request."""
    parts = urlsplit(url.reveal())
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_AS_IT_IS)


def key_of(url: Secret) -> Key | None:
    """Return scheme, host and port; None where the URL is of a kind that is better left to httpx."""
    return keepalive.key_of(url.reveal())


class DirectAnswer:
    """An answer on a connection of ours."""

    def __init__(self, stream: socket.socket, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}
        self._socket = stream
        self._response = response
        self._left = None if response.chunked else response.length
        self._ended = False
        self._drained = False

    @property
    def whole(self) -> bool:
        """Whether the connection is good for another exchange."""
        ended = self._ended if self._left is None else self._left == 0
        return not self._response.will_close and ended

    def fill(self, buffer: memoryview) -> int:
        """Take what has come of the body, as `Answer.fill` says."""
        response = self._response
        try:
            if self._left is None and not response.chunked:
                return self._read(buffer)
            if self._left is not None:
                count = self._read(buffer[: self._left]) if self._left else 0
                self._left -= count
                if not count and self._left:
                    raise Retryable(f"the connection ended {self._left:,} bytes early")
                return count
            piece = response.read1(len(buffer))
            self._ended = not piece
            buffer[: len(piece)] = piece
            return len(piece)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise retryable(error) from None

    def _read(self, buffer: memoryview) -> int:
        # Not `response.readinto`: that waits until the buffer is full, and loses what came of it when the line breaks.
        if self._drained:
            if isinstance(self._socket, ssl.SSLSocket):
                return cast("int", self._socket.read(len(buffer), cast("bytearray", buffer))) if buffer else 0
            return self._socket.recv_into(buffer)
        stream = cast("BinaryIO | None", self._response.fp)
        if stream is None or stream.closed:
            return 0
        # What came with the head; a buffer that holds more takes all of that, and the rest can come without detours.
        self._drained = len(buffer) > 2 * io.DEFAULT_BUFFER_SIZE
        return self._response.fp.readinto1(buffer)

    def close(self) -> None:
        """Let go of the connection, which may outlive this."""
        self._response.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the body of an error; what breaks off is the end of it."""
        buffer = memoryview(bytearray(_CHUNK))
        with suppress(Retryable):
            while count := self.fill(buffer):
                yield bytes(buffer[:count])

    def abort(self) -> None:
        """End the connection, as `Answer.abort` says."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class _ThroughHttpx:
    """An answer that came through a proxy."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._chunks = response.iter_raw()
        self._rest = memoryview(b"")

    def fill(self, buffer: memoryview) -> int:
        while not self._rest:
            piece = next(self._chunks, None)  # transport errors are told by `presigned.request`
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def abort(self) -> None:
        stream = self._response.extensions.get("network_stream")
        found = stream.get_extra_info("socket") if stream is not None else None
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)


connections: Final = Connections()
atexit.register(connections.close)
