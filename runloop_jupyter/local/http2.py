"""HTTP/2 in the clear, for clients that begin in it: each stream becomes one HTTP/1.1 request to this same store.

The published client for Node does so unless it is told otherwise. What is asked passes every guard as if it had come by
HTTP/1.1, for it has. Bytes are handed on as they come: neither a body nor an answer is ever whole in memory.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

if TYPE_CHECKING:
    from h2.events import Event

_CHUNK: Final = 1 << 16
_WINDOW: Final = 1 << 18  # bytes of a body that may wait here, for a stream
_STREAMS: Final = 100
_IDLE_SECONDS: Final = 300.0
_LINGER_SECONDS: Final = 2.0
# What would be a line of its own in HTTP/1.1 is nothing that a name or value may hold.
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET: Final = re.compile(rb"[\x21-\x7e\x80-\xff]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
# Of one connection alone, in either version; a body is asked for by windows, not by 100 Continue.
_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade", b"expect", b"host"}
)

log = logging.getLogger(__name__)


@dataclass
class _Stream:
    """One request: its head, and what has come of its body (None ends it)."""

    number: int
    headers: list[tuple[bytes, bytes]]
    has_body: bool
    body: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None

    def head(self) -> bytes:
        """Return the request's head in HTTP/1.1. Raises ValueError for one that can't be written in it."""
        pseudo = {name: value for name, value in self.headers if name.startswith(b":")}
        method, target = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
        if not _TOKEN.fullmatch(method) or not _TARGET.fullmatch(target):
            raise ValueError("a method or a path that is none")
        lines = [
            (b"host", pseudo.get(b":authority") or dict(self.headers).get(b"host", b"")),
            (b"connection", b"close"),
        ]
        lines += [each for each in self.headers if each[0] not in pseudo and each[0] not in _HOP_BY_HOP]
        if not all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in lines):
            raise ValueError("a header that is none")
        if not any(name == b"content-length" for name, _ in lines):
            if self.has_body:
                lines.append((b"transfer-encoding", b"chunked"))
            elif method not in (b"GET", b"HEAD"):
                lines.append((b"content-length", b"0"))
        written = b"".join(b"%s: %s\r\n" % line for line in lines)
        return b"%s %s HTTP/1.1\r\n%s\r\n" % (method, target, written)

    @property
    def is_head(self) -> bool:
        """Whether an answer has no body, whatever length it says."""
        return (b":method", b"HEAD") in self.headers

    @property
    def is_chunked(self) -> bool:
        """Whether the body goes on in chunks: nobody said its length."""
        return self.has_body and not any(name == b"content-length" for name, _ in self.headers)


class Http2(asyncio.Protocol):
    """One client's connection in HTTP/2.

    Args:
        transport: What the client is at the other end of.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._address: tuple[str, int] = transport.get_extra_info("sockname")[:2]
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(
            client=False,
            initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: _STREAMS, SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW},
        )
        self._streams: dict[int, _Stream] = {}
        self._room = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._idle: asyncio.TimerHandle | None = None
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_STREAMS * _WINDOW)
        self._flush()
        self._rest()

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        try:
            for event in self._h2.receive_data(data):
                self._take(event)
        except H2Error as error:
            log.warning("what came can't be read as HTTP/2 (%s)", type(error).__name__)
            self._flush()
            self._transport.close()
            return
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """End everything that was going on for this client."""
        if self._idle is not None:
            self._idle.cancel()
        for stream in self._streams.values():
            if stream.task is not None:
                stream.task.cancel()

    def pause_writing(self) -> None:
        """Stop sending: the client is slower than the store."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on sending."""
        self._writable.set()

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            headers = [(bytes(name), bytes(value)) for name, value in event.headers or []]
            stream = _Stream(event.stream_id or 0, headers, has_body=event.stream_ended is None)
            self._streams[stream.number] = stream
            stream.task = asyncio.get_running_loop().create_task(self._serve(stream))
        elif isinstance(event, DataReceived):
            number, length = event.stream_id or 0, event.flow_controlled_length or 0
            data = event.data or b""
            known = self._streams.get(number)
            if known is not None and data:
                known.body.put_nowait(data)
                length -= len(data)  # padding; the rest is acknowledged once it went on
            self._acknowledge(number, length)
        elif isinstance(event, StreamEnded):
            if ended := self._streams.get(event.stream_id or 0):
                ended.body.put_nowait(None)
        elif isinstance(event, StreamReset):
            reset = self._streams.get(event.stream_id or 0)
            if reset and reset.task:
                reset.task.cancel()
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            self._room.set()

    async def _serve(self, stream: _Stream) -> None:
        """Put the request to the store, and hand on its answer."""
        try:
            head = stream.head()
            reader, writer = await asyncio.open_connection(*self._address)
            sending = asyncio.create_task(self._send_body(stream, writer, head))
            try:
                await self._answer(stream, reader)
            finally:
                sending.cancel()
                writer.close()
            await self._linger(stream)
        except ValueError:
            self._reset(stream, ErrorCodes.PROTOCOL_ERROR)
        except (OSError, EOFError, asyncio.LimitOverrunError, H2Error):
            self._reset(stream, ErrorCodes.INTERNAL_ERROR)
        finally:
            self._streams.pop(stream.number, None)
            while not stream.body.empty():  # what came for nothing holds no window any more
                self._acknowledge(stream.number, len(stream.body.get_nowait() or b""))
            self._flush()
            self._rest()

    async def _send_body(self, stream: _Stream, writer: asyncio.StreamWriter, head: bytes) -> None:
        with suppress(OSError):  # the store may answer without waiting for the rest
            writer.write(head)
            while stream.has_body and (data := await stream.body.get()) is not None:
                writer.write(b"%x\r\n%s\r\n" % (len(data), data) if stream.is_chunked else data)
                try:
                    await writer.drain()
                finally:  # cut off here, or the window of all streams would shrink for good
                    self._acknowledge(stream.number, len(data))
                    self._flush()
            if stream.is_chunked:
                writer.write(b"0\r\n\r\n")
            await writer.drain()

    async def _answer(self, stream: _Stream, reader: asyncio.StreamReader) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
        headers = [(b":status", first.split(b" ")[1])]
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() not in _HOP_BY_HOP:
                headers.append((name.lower(), value.strip()))
        self._h2.send_headers(stream.number, headers)
        self._flush()
        left = int(dict(headers).get(b"content-length", b"0"))
        while data := await reader.read(_CHUNK):
            await self._send(stream.number, data)
            left -= len(data)
        if left > 0 and not stream.is_head:
            raise EOFError("the answer ended too early")
        self._h2.end_stream(stream.number)
        self._flush()

    async def _linger(self, stream: _Stream) -> None:
        """Let a client end a body that nobody waits for any more: some can't stop halfway. But not for long."""
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while self._is_open(stream) and (data := await stream.body.get()) is not None:
                    self._acknowledge(stream.number, len(data))
                    self._flush()
        except TimeoutError:
            self._reset(stream, ErrorCodes.NO_ERROR)

    def _is_open(self, stream: _Stream) -> bool:
        known = self._h2.streams.get(stream.number)
        return known is not None and not known.closed

    async def _send(self, number: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            await self._writable.wait()
            room = min(self._h2.local_flow_control_window(number), self._h2.max_outbound_frame_size, len(left))
            if room <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            self._h2.send_data(number, bytes(left[:room]))
            self._flush()
            left = left[room:]

    def _acknowledge(self, number: int, length: int) -> None:
        if length:
            with suppress(H2Error):
                self._h2.acknowledge_received_data(length, number)

    def _reset(self, stream: _Stream, code: ErrorCodes) -> None:
        with suppress(H2Error):
            self._h2.reset_stream(stream.number, code)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _rest(self) -> None:
        """Begin to count the time without any stream, after which the connection is closed."""
        if self._idle is not None:
            self._idle.cancel()
        if self._transport.is_closing():
            return
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._leave)

    def _leave(self) -> None:
        if self._streams:
            self._rest()
            return
        with suppress(H2Error):
            self._h2.close_connection()
        self._flush()
        self._transport.close()
