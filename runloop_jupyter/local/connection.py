"""One client's connection, as aiohttp serves it; but what isn't HTTP is neither quoted nor logged."""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from runloop_jupyter.local.guard import error_response

if TYPE_CHECKING:
    from collections.abc import Callable

_READ_BUFFER: Final = 1 << 18
# A filter may name many values in its query.
_MAX_LINE: Final = 1 << 16

_HTTP_2: Final = b"PRI * HTTP/2.0\r\n"
_HTTP_1_ONLY: Final = (
    b"this store speaks HTTP/1.1 without the package h2: install that, or tell the client http2: false"
)
# In HTTP/2's own words: empty SETTINGS, then GOAWAY with the error HTTP_1_1_REQUIRED (RFC 9113, 6.5, 6.8, 7).
_GO_AWAY: Final = (
    struct.pack(">xHBBI", 0, 4, 0, 0) + struct.pack(">xHBBIII", 8 + len(_HTTP_1_ONLY), 7, 0, 0, 0, 13) + _HTTP_1_ONLY
)

log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """Answers what no handler answers: bytes that the parser refuses, and HTTP/2.

    The published client for Node begins in HTTP/2 unless it is told otherwise. The parser's messages have the offending
    line in them, which may be a presigned URL or a header with the key: only their type is told.
    """

    __slots__ = ("_greeted",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._greeted = False
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Take in what came; who begins in HTTP/2 goes on in it."""
        if self._greeted or not data.startswith(_HTTP_2):
            self._greeted = True
            super().data_received(data)
            return
        transport = self.transport
        if not isinstance(transport, asyncio.Transport):
            return
        try:
            from runloop_jupyter.local.http2 import Http2  # h2 is imported only when somebody speaks HTTP/2
        except ImportError:
            log.warning("a client speaks HTTP/2; %s", _HTTP_1_ONLY.decode())
            transport.write(_GO_AWAY)
            transport.close()
            return
        self.transport = None  # or it would be closed
        super().connection_lost(None)
        protocol = Http2(transport)
        transport.set_protocol(protocol)
        protocol.data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return an error as the API gives them, and close the connection after it."""
        if status < 500:
            log.warning("what came can't be read as HTTP (%s)", type(exc).__name__)
            said = "this can't be read as an HTTP request"
            if isinstance(exc, LineTooLong):
                status, said = 431, f"the URL or a header has more than {_MAX_LINE >> 10} KiB"
        else:
            log.error("a request failed outside its handler", exc_info=exc)
            said = "the embedded store failed at this request; its log says more"
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        response = error_response(status, said)
        response.force_close()
        return response


def connections(server: web.Server, loop: asyncio.AbstractEventLoop) -> Callable[[], Connection]:
    """Return what makes the protocol of each connection to `server`."""

    def connection() -> Connection:
        return Connection(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # it would have the query strings of presigned URLs
            read_bufsize=_READ_BUFFER,
            max_line_size=_MAX_LINE,
            auto_decompress=False,  # what is put is kept as it comes, whatever its Content-Encoding says: S3 does so
        )

    return connection
