"""Connections that outlive one exchange: HTTP/1.1 by ``http.client``, a bounded number of idle ones for each host.

httpx takes over a millisecond of one core for a call whose JSON a store answers in less, and holds the GIL for it;
this takes a quarter of that. What needs more than a host, a port and TLS is still httpx's: proxies, and whatever stands
in a URL that shouldn't.
"""

from __future__ import annotations

import http.client
import os
import re
import select
import socket
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    import ssl

IDLE_KEPT: Final = 16  # for each host
IDLE_HOSTS: Final = 8
IDLE_S: Final = 15.0  # stores close theirs after five seconds to some minutes; one that is closed is told before use

# A head as nearly all are; whoever sends another is left to `http.client`, which takes seven times as long for one.
_HEAD: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: ([ -~]*))?\r\n((?:[!#-'*+.^-~0-9A-Z-]+:[ -~\t]*\r\n)+)\r\n")
_BODILESS: Final = (http.client.NO_CONTENT, http.client.NOT_MODIFIED)

Key = tuple[str, str, int]
HTTPConnection = http.client.HTTPConnection


@cache
def tls_context() -> ssl.SSLContext:
    """Return what is trusted: the authorities that httpx knows, or those that ``SSL_CERT_FILE`` names."""
    # Reading the certificates of the authorities takes 25 ms each time.
    return httpx.create_ssl_context()


def key_of(url: str) -> Key | None:
    """Return scheme, host and port; None where the URL is of a kind that is better left to httpx.

    It raises nothing, for a URL may be as good as a key.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            return None
        return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


def connect(connection: HTTPConnection, timeout: httpx.Timeout) -> None:
    """Open a connection if it isn't, in the time there is for that; from then on it may be silent as long as a read."""
    if connection.sock is None:
        connection.timeout = timeout.connect
        connection.connect()
        socket_of(connection).settimeout(timeout.read)


def socket_of(connection: HTTPConnection) -> socket.socket:
    """Return the socket of a connection that is open."""
    return cast("socket.socket", connection.sock)


class _Response(http.client.HTTPResponse):
    """An answer whose head is read at once where it came in one piece and its length is said once."""

    def begin(self) -> None:
        """Read the head."""
        if not self._begun():
            super().begin()

    def _begun(self) -> bool:
        found = _HEAD.match(self.fp.peek(1))
        if found is None or int(found[1]) in _BODILESS:
            return False
        headers = http.client.HTTPMessage()
        for line in found[3].decode("ascii").split("\r\n")[:-1]:
            name, _, value = line.partition(":")
            headers[name] = value.strip(" \t")
        length = headers.get_all("content-length", [])
        if len(length) != 1 or not length[0].isdigit() or "transfer-encoding" in headers:
            return False
        self.fp.read(found.end())
        self.code = self.status = int(found[1])
        self.reason = (found[2] or b"").decode("ascii").strip()
        self.version = 11
        self.headers = self.msg = headers
        self.chunked, self.length = False, int(length[0])
        self.will_close = "close" in headers.get("connection", "").lower()
        return True


class _Plain(HTTPConnection):
    response_class = _Response


class _Encrypted(http.client.HTTPSConnection):
    response_class = _Response


class Connections:
    """Connections that may be used again, a bounded number for each host. Thread-safe.

    They belong to the process that made them: after a fork the child makes its own.
    """

    def __init__(self) -> None:
        self._idle: OrderedDict[Key, list[tuple[HTTPConnection, float]]] = OrderedDict()
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def take(self, key: Key) -> HTTPConnection:
        """Return a connection to a host, open or not yet."""
        while (idle := self._pop(key)) is not None:
            connection, since = idle
            if time.monotonic() - since < IDLE_S and not _has_ended(connection):
                return connection
            connection.close()
        scheme, host, port = key
        if scheme == "https":
            return _Encrypted(host, port, context=tls_context())
        return _Plain(host, port)

    def give_back(self, key: Key, connection: HTTPConnection, *, usable: bool) -> None:
        """Keep a connection for the next exchange, or close it."""
        if not usable or connection.sock is None:
            connection.close()
            return
        with self._lock:
            kept = self._of_this_process().setdefault(key, [])
            self._idle.move_to_end(key)
            kept.append((connection, time.monotonic()))
            dropped = [kept.pop(0)] if len(kept) > IDLE_KEPT else []
            if len(self._idle) > IDLE_HOSTS:
                dropped += self._idle.popitem(last=False)[1]
        for each, _ in dropped:
            each.close()

    def close(self) -> None:
        """Close those that are idle."""
        with self._lock:
            idle = [each for kept in self._of_this_process().values() for each, _ in kept]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        # Forgotten with its service: a thread that was still at work may have given one back after `close`.
        with suppress(Exception):
            self.close()

    def _pop(self, key: Key) -> tuple[HTTPConnection, float] | None:
        with self._lock:
            kept = self._of_this_process().get(key)
            return kept.pop() if kept else None

    def _of_this_process(self) -> OrderedDict[Key, list[tuple[HTTPConnection, float]]]:
        if self._pid != os.getpid():
            # Closed for this process only; for the other one TLS must not be told so.
            for kept in self._idle.values():
                for connection, _ in kept:
                    with suppress(OSError):
                        socket.close(connection.sock.detach())
            self._idle.clear()
            self._pid = os.getpid()
        return self._idle


def _has_ended(connection: HTTPConnection) -> bool:
    """Whether an idle connection was closed by the other side: whatever there is to read on it is no answer."""
    try:
        waiting = select.poll()
        waiting.register(connection.sock, select.POLLIN)
        return bool(waiting.poll(0))
    except (OSError, ValueError):
        return True
