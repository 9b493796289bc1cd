"""One connection to a store, byte for byte; opened again where the store closed it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from typing import BinaryIO


@dataclass(frozen=True)
class Answer:
    """What came back; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes


class Wire:
    """Sends requests as they are and reads whole answers, on one connection for as long as it lasts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None
        self._answers: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for each in (self._answers, self._connection):
            if each is not None:
                each.close()
        self._answers = self._connection = None

    def get(self, target: bytes) -> Answer:
        return self.ask(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def ask(self, request: bytes, *, last: bool = False) -> Answer:
        """Send `request` and return the answer. `last`: nothing comes after it, not even the rest of its body."""
        if self._connection is None or self._answers is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=20)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._answers = self._connection.makefile("rb")
        self._connection.sendall(request)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._answers.readline()
            if not line:
                raise AssertionError(f"the store hung up after {head!r}")
            head += line
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        length = 0 if request.startswith(b"HEAD ") else int(headers.get("content-length", "0"))
        body = self._answers.read(length)
        if last or first.startswith("HTTP/1.0") or headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, body, head + body)
