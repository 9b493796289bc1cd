"""One HTTP exchange whose answer fits into memory: straight over a connection that is kept, or by way of httpx.

What goes wrong inside ``http.client`` and httpx, whose frames hold the key, is raised anew by whoever calls this.
"""

from __future__ import annotations

import gzip
import http.client
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from runloop_jupyter.api import proxies
from runloop_jupyter.api.keepalive import connect, key_of, socket_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from runloop_jupyter.api.keepalive import Connections, HTTPConnection

_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TARGET: Final = re.compile(r"/[!#-~]*")


@dataclass(frozen=True)
class Response:
    """What came back.

    Attributes:
        status: HTTP status code.
        reason: What stands beside it; often nothing.
        headers: By name in lower case.
        content: The body, decoded.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300


def direct(
    connections: Connections, method: str, url: str, headers: Mapping[str, str], content: bytes, timeout: httpx.Timeout
) -> Response | None:
    """Make an exchange over a kept connection; None, with nothing sent, where it is httpx's to make.

    Raises:
        OSError: The connection can't be made, or was lost.
        http.client.HTTPException: Lost in the middle of the answer, or what came is no HTTP.
        ValueError: A header that can't be sent.
    """
    key = key_of(url)
    if key is None or proxies.applies(key[0], key[1]):
        return None
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _TARGET.fullmatch(target):
        return None
    request = _head(method, target, {"Host": parts.netloc, **headers, "Accept-Encoding": "gzip"}, content) + content
    connection = connections.take(key)
    usable = False
    try:
        connect(connection, timeout)
        socket_of(connection).sendall(request)
        response, usable = _answer(connection, method)
    finally:
        connections.give_back(key, connection, usable=usable)
    return response


def through_httpx(client: httpx.Client, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Response:
    """Make an exchange by way of httpx, whose errors it raises."""
    answer = client.request(method, url, headers=headers, content=content or None)
    return Response(answer.status_code, answer.reason_phrase, answer.headers, answer.content)


def _head(method: str, target: str, headers: Mapping[str, str], content: bytes) -> bytes:
    if any(_ILLEGAL.search(value) for value in headers.values()):
        raise ValueError("a header has a character that none can have")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if content or method != "GET":
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _answer(connection: HTTPConnection, method: str) -> tuple[Response, bool]:
    """Read an answer, all of it; return also whether the connection is good for another."""
    answer = connection.response_class(socket_of(connection), method=method)
    try:
        answer.begin()
        content = answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if headers.get("content-encoding", "").lower() == "gzip":
            content = gzip.decompress(content)
        return Response(answer.status, answer.reason, headers, content), not answer.will_close
    except (EOFError, zlib.error) as error:  # compressed, and cut off or damaged
        raise http.client.IncompleteRead(b"") from error
    finally:
        answer.close()
