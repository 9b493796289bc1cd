"""A server that keeps to HTTP until a test tells it not to: in front of a real store, or alone with a few bytes.

A fault is a function of one `Exchange`; `Server.will` lines faults up for one kind of request. What isn't lined up is
answered as it should be.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True)
class Answer:
    """What is sent back; its Content-Length is the body's unless a header says otherwise."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Exchange:
    """One request, and the ways to end it."""

    def __init__(self, server: Server, handler: BaseHTTPRequestHandler) -> None:
        self._server = server
        self._handler = handler
        self.method = handler.command
        self.path = handler.path
        self.kind = kind_of(handler.command, urlsplit(handler.path).path)
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self._left = int(self.headers.get("content-length", "0"))
        self._body = b""

    def read(self, n_bytes: int | None = None) -> bytes:
        """Read up to `n_bytes` more of the request's body, by default the rest; return all that came so far."""
        wanted = self._left if n_bytes is None else min(n_bytes, self._left)
        if not wanted:
            return self._body
        came = self._handler.rfile.read(wanted)
        if len(came) < wanted:
            raise ConnectionAbortedError("the client went away in the middle of its request")
        self._left -= len(came)
        self._body += came
        return self._body

    def honest(self, **headers: str | None) -> Answer:
        """Return the right answer, to this request or to one with other headers (None takes one out)."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {**self.headers, **changed}
        self.read()
        return self._server.backend(
            self.method, self.path, {name: value for name, value in kept.items() if value is not None}, self._body
        )

    def send(self, answer: Answer, upto: int | None = None) -> None:
        """Send an answer, or no more than its first `upto` bytes of body and then nothing more, ever."""
        self.read()
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.raw(f"HTTP/1.1 {answer.status} Said\r\n{head}\r\n".encode() + answer.body[:upto])
        if upto is not None:
            self.close()

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._handler.wfile.write(data)

    def close(self) -> None:
        """End the connection after this."""
        self._handler.close_connection = True

    def reset(self) -> None:
        """End the connection as a router that lost its state does."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def stall(self) -> None:
        """Say nothing more until the test is over."""
        self._server.over.wait()
        self.close()


Fault = Callable[[Exchange], None]
Backend = Callable[[str, str, dict[str, str], bytes], Answer]


class Server(ThreadingHTTPServer):
    """Answers from `backend`, but for what `will` lines up."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, backend: Backend) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.backend = backend
        self.over = threading.Event()
        self.failures: list[BaseException] = []
        self.seen: list[Exchange] = []
        self._lined_up: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._for_ever: dict[str, Fault] = {}
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def will(self, kind: str, *faults: Fault, for_ever: bool = False) -> None:
        """Answer the next requests of a kind with these faults, one each; the last one for ever if so told."""
        self._lined_up[kind].extend(faults)
        if for_ever:
            self._for_ever[kind] = faults[-1]

    def behave(self) -> None:
        """Forget every fault and every request seen."""
        self._lined_up.clear()
        self._for_ever.clear()
        self.seen.clear()

    def asked(self, kind: str) -> list[Exchange]:
        """Return the requests of a kind so far."""
        return [each for each in self.seen if each.kind == kind]

    def answer(self, exchange: Exchange) -> None:
        with self._lock:
            self.seen.append(exchange)
            lined_up = self._lined_up[exchange.kind]
            fault = lined_up.popleft() if lined_up else self._for_ever.get(exchange.kind)
        (fault or answers)(exchange)

    def shutdown_request(self, request: Any) -> None:
        # Without the courtesy of a shutdown first, which would turn each reset into a plain end.
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is what half of these tests are about; anything else fails the test."""
        import sys

        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _answer(self) -> None:
        self.server.answer(Exchange(self.server, self))

    do_GET = do_PUT = do_POST = _answer  # noqa: N815 - names that the library looks for

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(backend: Backend) -> Iterator[Server]:
    """Run a server for the length of a block."""
    server = Server(backend)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert not server.failures, server.failures


def kind_of(method: str, path: str) -> str:
    """Return what a request is for, in a word: ``create``, ``complete``, ``link``, ``PUT``, ``GET`` …"""
    parts = path.strip("/").split("/")
    if parts[:2] != ["v1", "objects"]:
        return method
    last = {3: "view", 2: "list"}.get(len(parts), parts[-1])
    return {"download": "link", "list": "create" if method == "POST" else "list"}.get(last, last)


class Upstream:
    """A real store, for a server to stand in front of."""

    def __init__(self, base_url: str) -> None:
        self._netloc = urlsplit(base_url).netloc

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._netloc, timeout=30)
        try:
            # The Host stays the one that the client knows, so that links lead back through here.
            connection.request(method, path, body, {**headers, "connection": "close"})
            response = connection.getresponse()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            return Answer(response.status, kept, response.read())
        finally:
            connection.close()


class Content:
    """A few bytes behind a presigned URL, with ranges and an ETag, as S3 serves them."""

    def __init__(self, data: bytes, etag: str = '"one"') -> None:
        self.data = data
        self.etag = etag

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        same = headers.get("if-range", self.etag) == self.etag
        first, dash, last = headers.get("range", "").removeprefix("bytes=").partition("-")
        if not dash or not same:
            return Answer(200, {"ETag": self.etag}, self.data)
        start, stop = int(first), min(int(last) + 1 if last else len(self.data), len(self.data))
        if start >= len(self.data):
            return Answer(416, {"Content-Range": f"bytes */{len(self.data)}"})
        there = {"ETag": self.etag, "Content-Range": f"bytes {start}-{stop - 1}/{len(self.data)}"}
        return Answer(206, there, self.data[start:stop])


def says(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer with a status, having done nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.send(Answer(status, named, body))


def echoes(status: int) -> Fault:
    """Answer with a status and an XML body that repeats the whole request line, as some services do."""

    def fault(exchange: Exchange) -> None:
        signed = urlsplit(exchange.path).query.replace("&", "&amp;")
        body = f"<Error><Code>Denied</Code><Message>{signed}</Message><Resource>{exchange.path}</Resource></Error>"
        exchange.send(Answer(status, {"Content-Type": "application/xml"}, body.encode()))

    return fault


def reset(after: int = 0) -> Fault:
    """Send so many bytes of the right body, then reset the connection."""

    def fault(exchange: Exchange) -> None:
        exchange.send(exchange.honest(), upto=after)
        exchange.reset()

    return fault


def cut(after: int) -> Fault:
    """Send so many bytes of the right body, then end the connection as if that were all."""
    return lambda exchange: exchange.send(exchange.honest(), upto=after)


def stalls(after: int = 0) -> Fault:
    """Send so many bytes of the right body, then nothing, and keep the connection."""

    def fault(exchange: Exchange) -> None:
        exchange.send(exchange.honest(), upto=after)
        exchange.stall()

    return fault


def loses_reply(exchange: Exchange) -> None:
    """Do what was asked, then reset the connection without a word."""
    exchange.honest()
    exchange.reset()


def never_heard(after: int = 0) -> Fault:
    """Reset the connection when so many bytes of the request's body have come; nothing is done."""

    def fault(exchange: Exchange) -> None:
        exchange.read(after)
        exchange.reset()

    return fault


def forgets_the_request(exchange: Exchange) -> None:
    """Take a repeated request for a new one."""
    exchange.send(exchange.honest(x_request_id=None))


def with_headers(after: int | None = None, **headers: str) -> Fault:
    """Send the right answer (or its first `after` bytes) under other headers."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}

    def fault(exchange: Exchange) -> None:
        honest = exchange.honest()
        kept = {name.title(): value for name, value in honest.headers.items()}
        exchange.send(replace(honest, headers={**kept, **named}), upto=after)

    return fault


def older(after: int) -> Fault:
    """Begin to send other bytes under another ETag, as if the object had been another one then."""

    def fault(exchange: Exchange) -> None:
        honest = exchange.honest()
        exchange.send(Answer(200, {"ETag": '"older"'}, bytes(len(honest.body))), upto=after)

    return fault


def answers(exchange: Exchange) -> None:
    """Do what was asked and say so: for a place in a line of faults."""
    exchange.send(exchange.honest())


def with_body(change: Callable[[bytes], bytes]) -> Fault:
    """Send the right answer with another body."""

    def fault(exchange: Exchange) -> None:
        honest = exchange.honest()
        exchange.send(replace(honest, body=change(honest.body)))

    return fault


def ignores_ranges(exchange: Exchange) -> None:
    """Send everything, whatever part was asked for."""
    exchange.send(exchange.honest(range=None))


def ignores_conditions(exchange: Exchange) -> None:
    """Send the part that was asked for, whatever its ETag had to be."""
    exchange.send(exchange.honest(if_range=None, if_match=None))


def from_elsewhere(exchange: Exchange) -> None:
    """Send another part than was asked for, and say so."""
    exchange.send(exchange.honest(range="bytes=0-"))
