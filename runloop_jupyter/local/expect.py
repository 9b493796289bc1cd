"""``Expect: 100-continue``: a body is asked for only once the store has looked at what comes before it.

curl asks so before each larger upload. Who comes with an expired link, or for an object that takes no more bytes, is
told so at once, not after gigabytes. An expectation of another kind is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import HttpVersion11, hdrs, web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_ASKED: Final = "runloop_jupyter.asked"


async def not_yet(request: web.Request) -> None:
    """Say nothing, where aiohttp asks for the body before anybody has looked at the request."""


async def go_on(request: web.Request) -> None:
    """Ask for the body, if the client waits for that."""
    if waits(request) and not request.get(_ASKED, False):
        request[_ASKED] = True
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


@web.middleware
async def expectations(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Close the connection after an answer without the body: what comes next could be that body or another request."""
    response = await handler(request)
    if waits(request) and not request.get(_ASKED, False):
        response.force_close()
    return response


def waits(request: web.Request) -> bool:
    """Whether the client sends its body only once it is asked to."""
    return request.version >= HttpVersion11 and request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
