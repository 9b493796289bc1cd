"""A line to a server far away: ``python link.py PORT DELAY_MS`` forwards to 127.0.0.1:PORT, each direction delayed.

It prints the port that it listens on, and serves until its standard input ends. What opens a connection pays the round
trip that a handshake takes, with its first bytes. Bandwidth isn't limited.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def far(port: int, delay_ms: float) -> Iterator[int]:
    """Run a line to a port of this computer in a process of its own; give the port of its near end."""
    command = [sys.executable, str(Path(__file__).absolute()), str(port), str(delay_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


class _End(asyncio.Protocol):
    """One end of a connection; what comes in goes out at the other after a while, in its order."""

    def __init__(self, delay_s: float) -> None:
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.extra_s = 0.0
        self._delay_s = delay_s
        self._due = 0.0
        self._on_the_way: deque[bytes | None] = deque()
        self._early: list[bytes | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        early, self._early = self._early, []
        for each in early:
            self._out(each)

    def data_received(self, data: bytes) -> None:
        self._send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._send(None)

    def _send(self, data: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() + self._delay_s + self.extra_s)
        self.extra_s = 0.0
        # In a queue: of two that are due at the same moment a loop may call the later one first.
        self._on_the_way.append(data)
        loop.call_at(self._due, self._arrive)

    def _arrive(self) -> None:
        data = self._on_the_way.popleft()
        if self.other is not None:
            self.other._out(data)

    def _out(self, data: bytes | None) -> None:
        if self.transport is None:
            self._early.append(data)
        elif data is None:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write(data)


class _Near(_End):
    def __init__(self, port: int, delay_s: float) -> None:
        super().__init__(delay_s)
        self._port = port
        self.extra_s = 2 * delay_s
        self._connecting: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        far_end = _End(self._delay_s)
        self.other, far_end.other = far_end, self
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: far_end, "127.0.0.1", self._port))


async def _serve(port: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(port, delay_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
