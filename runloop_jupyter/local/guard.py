"""What every request passes before anything else looks at it: host, origin, and a key or a signature."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from runloop_jupyter.local import auth
from runloop_jupyter.local.ballast import no_room
from runloop_jupyter.local.refusal import Refusal, store_full
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp.typedefs import Handler, Middleware

    from runloop_jupyter.secret import Secret


log = logging.getLogger(__name__)

# Unused for so long, a daemon makes way for a newer one.
_QUIET_SECONDS: Final = 10.0
# Names that can only mean this machine. A page that rebinds its own name to 127.0.0.1 still sends its own name. The
# port is left open: a tunnel may have another.
_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

# Each of these decides who gets in: of two, somebody else on the way may have read the other one.
_ONCE: Final = (hdrs.HOST, hdrs.AUTHORIZATION, hdrs.ORIGIN, "Sec-Fetch-Site", "Sec-Fetch-Mode", hdrs.CONTENT_LENGTH)

# Bytes of objects are somebody else's: never sniffed, rendered, embedded in a page, or kept by a cache.
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}


@dataclass
class Activity:
    """Whether anybody uses the store. What a launcher asks is no use of it.

    Attributes:
        in_flight: Requests and downloads that are going on.
        last: Monotonic seconds of the latest beginning or end of one.
        pinned: The store's address was given to a client that can't start it: no idle stop.
        promised: Monotonic seconds until which a link was made to work: no idle stop before.
    """

    in_flight: int = 0
    last: float = field(default_factory=time.monotonic)
    pinned: bool = False
    promised: float = 0.0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Count the block as one use."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self.last = time.monotonic()

    def idle_seconds(self) -> float:
        """Return for how long nothing has been going on."""
        return 0.0 if self.in_flight else time.monotonic() - self.last

    def promise(self, seconds: float) -> None:
        """Stay for so long: whoever has a link for that time can't start the store."""
        self.promised = max(self.promised, time.monotonic() + seconds)

    def may_stop(self, idle_stop: float) -> bool:
        """Return whether nothing was going on for `idle_stop` seconds, and nobody counts on the store all the same."""
        return not self._is_counted_on and self.idle_seconds() >= idle_stop

    def may_be_replaced(self, idle_stop: float | None) -> bool:
        """Return whether a newer daemon may take over: nobody would miss this one, and no person started it.

        Args:
            idle_stop: Seconds without use after which it would stop by itself; None for never.
        """
        if idle_stop is None or self._is_counted_on:
            return False
        return self.idle_seconds() >= min(_QUIET_SECONDS, idle_stop / 4)

    @property
    def _is_counted_on(self) -> bool:
        return self.pinned or time.monotonic() < self.promised


def error_response(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error as the API gives them: a JSON object with a message."""
    return web.Response(
        status=status,
        body=json.encode({"message": message}),
        content_type="application/json",
        headers={**HEADERS, **(headers or {})},
    )


def errors(activity: Activity) -> Middleware:
    """Return the middleware that turns whatever is raised into a JSON answer."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        with nullcontext() if request.path.startswith(auth.CONTROL_PATH) else activity.busy():
            try:
                return await handler(request)
            except Refusal as refusal:
                retry = {} if refusal.retry is None else {"x-should-retry": str(refusal.retry).lower()}
                return error_response(refusal.status, refusal.message, retry)
            except web.HTTPException as error:
                allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
                return error_response(error.status, f"{error.reason}: {request.method} {request.path[:200]}", allow)
            except (ConnectionError, web.RequestPayloadError):
                return error_response(400, "the connection was lost before the request had come in")
            except Exception as error:
                if no_room(error):
                    full = store_full()
                    return error_response(full.status, full.message, {"x-should-retry": "false"})
                log.exception("%s %s failed", request.method, request.path)
                return error_response(500, "the embedded store failed at this request; its log says more")

    return middleware


def guard(key: Secret, signer: auth.Signer, nonce: Secret) -> Middleware:
    """Return the middleware that lets through only what comes to this machine, from no other site, with leave.

    Leave is a presigned URL for an object's bytes, the launcher's handshake for control calls, and the bearer key for
    everything else, paths that don't exist included.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        _check_form(request)
        _check_host(request)
        _check_origin(request)
        authorization = request.headers.get("Authorization")
        if request.path.startswith(auth.CONTENT_PATH):
            _check_signature(request, signer)
        elif request.path.startswith(auth.CONTROL_PATH):
            if not auth.control_matches(authorization, nonce, request.method, request.path):
                raise Refusal(401, "not the handshake of this store's launcher")
        elif not auth.bearer_matches(authorization, key):
            raise Refusal(401, "the key is missing or not this store's: `runloop-local env` prints URL and key")
        return await handler(request)

    return middleware


def _check_form(request: web.Request) -> None:
    """Refuse what two readers could read in two ways: a target that names another host, a header given twice."""
    target = request.raw_path
    if not target.startswith("/") and not target.startswith(f"http://{request.headers.get(hdrs.HOST, '')}/"):
        raise Refusal(400, "this store is no proxy: ask for a path")
    for name in _ONCE:
        if len(request.headers.getall(name, ())) > 1:
            raise Refusal(400, f"the header {name} is there more than once")


def _check_host(request: web.Request) -> None:
    host = request.headers.get("Host", "")
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, "80"
    if name.lower() not in _HOSTS or not (port.isascii() and port.isdigit()):
        raise Refusal(403, "this store answers to 127.0.0.1 and localhost only")


def _check_origin(request: web.Request) -> None:
    """Refuse what another site's page sends; but a presigned GET may be navigated to: that is a click on a link."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise Refusal(403, "this store doesn't answer to other sites' pages")
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return
    clicked = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if not (clicked and request.path.startswith(auth.CONTENT_PATH)):
        raise Refusal(403, "this store doesn't answer to other sites' pages")


def _check_signature(request: web.Request, signer: auth.Signer) -> None:
    object_id = request.path.removeprefix(auth.CONTENT_PATH)
    expires, signature = request.query.get("expires", ""), request.query.get("signature", "")
    refused = signer.refusal(request.method, object_id, expires, signature, time.time())
    if refused:
        raise Refusal(403, refused)
