"""One client's connection, as aiohttp serves it; but what isn't HTTP is neither quoted nor logged."""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from runloop_jupyter.local.guard import error_response

if TYPE_CHECKING:
    from collections.abc import Callable

# A client on this machine sends a header in a millisecond, one at the far end of a tunnel in a second.
_HEADER_SECONDS: Final = 10.0
# Between two requests, and for all of the second one's header.
_KEEP_ALIVE_SECONDS: Final = 75.0
_READ_BUFFER: Final = 1 << 18
# A filter may name many values in its query.
_MAX_LINE: Final = 1 << 16

_HTTP_2: Final = b"PRI * HTTP/2.0\r\n"
_HTTP_1_ONLY: Final = b"this store speaks HTTP/1.1: tell the client so (http2: false)"
# In HTTP/2's own words: empty SETTINGS, then GOAWAY with the error HTTP_1_1_REQUIRED (RFC 9113, 6.5, 6.8, 7).
_GO_AWAY: Final = (
    struct.pack(">xHBBI", 0, 4, 0, 0) + struct.pack(">xHBBIII", 8 + len(_HTTP_1_ONLY), 7, 0, 0, 0, 13) + _HTTP_1_ONLY
)

log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """Answers what no handler answers: bytes that the parser refuses, a header that never ends, and HTTP/2.

    The published client for Node begins in HTTP/2 unless it is told otherwise. The parser's messages have the offending
    line in them, which may be a presigned URL or a header with the key: only their type is told.
    """

    __slots__ = ("_greeted", "_header_seconds", "_timer")

    def __init__(self, *arguments: Any, header_seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._header_seconds = header_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and give the first request's header its time."""
        super().connection_made(transport)
        self._timer = self._loop.call_later(self._header_seconds, self._cut_off)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End, and forget the time that was given."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _cut_off(self) -> None:
        if self._request_count == 0:
            log.warning("cut off a connection on which no request came within %g s", self._header_seconds)
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Take in what came; send away who begins in HTTP/2."""
        if not self._greeted and data.startswith(_HTTP_2):
            log.warning("a client speaks HTTP/2; %s", _HTTP_1_ONLY.decode())
            if isinstance(self.transport, asyncio.WriteTransport):
                self.transport.write(_GO_AWAY)
                self.transport.close()
            return
        self._greeted = True
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return an error as the API gives them, and close the connection after it."""
        if isinstance(exc, LineTooLong) or "Too many headers" in (message or ""):
            status = 431
            log.warning("what came has a header that is too long (%s)", type(exc).__name__)
            said = "the request line, a header, or all of them are too long"
        elif status < 500:
            log.warning("what came can't be read as HTTP (%s)", type(exc).__name__)
            said = "this can't be read as an HTTP request"
        else:
            log.error("a request failed outside its handler", exc_info=exc)
            said = "the embedded store failed at this request; its log says more"
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        response = error_response(status, said)
        response.force_close()
        return response


def connections(
    server: web.Server, loop: asyncio.AbstractEventLoop, header_seconds: float = _HEADER_SECONDS
) -> Callable[[], Connection]:
    """Return what makes the protocol of each connection to `server`.

    Args:
        server: Handles the requests.
        loop: Runs it.
        header_seconds: How long a new connection may take until its first request's header is whole.
    """

    def connection() -> Connection:
        return Connection(
            server,
            loop=loop,
            access_log=None,  # it would have the query strings of presigned URLs
            read_bufsize=_READ_BUFFER,
            # What is put is kept as it comes, whatever its Content-Encoding says: as S3 does, and no bomb goes off.
            auto_decompress=False,
            header_seconds=header_seconds,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            max_line_size=_MAX_LINE,
        )

    return connection
