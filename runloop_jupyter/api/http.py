"""JSON calls to one service: auth, retries, request ids, errors by name, nothing secret in any message."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
import uuid
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar
from urllib.parse import quote, urlencode

import httpx

from runloop_jupyter import errors
from runloop_jupyter.api import roundtrip
from runloop_jupyter.api.keepalive import Connections, tls_context
from runloop_jupyter.backoff import full_jitter
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runloop_jupyter.api.roundtrip import Response
    from runloop_jupyter.secret import Secret

T = TypeVar("T")

RETRIES: Final = 5
RETRY_STATUSES: Final = frozenset({408, 429})  # and every 5xx but 501 and 507, which waiting doesn't mend
LONGEST_WAIT_S: Final = 30.0
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
USER_AGENT: Final = "runloop-jupyter"

_ERRNO: Final = re.compile(r"^\[Errno -?[0-9]+\] ")  # says nothing to whoever reads it
_BY_STATUS: Final[dict[int, type[errors.StoreError]]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    411: errors.BadRequest,
    413: errors.BadRequest,
    422: errors.BadRequest,
    429: errors.RateLimited,
    431: errors.BadRequest,
    507: errors.StoreFull,
}


def new_client(timeout: httpx.Timeout, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return a client for calls or for bytes. Proxies of the environment hold, but never for this computer itself."""
    here = {f"all://{host}": httpx.HTTPTransport(verify=tls_context()) for host in ("127.0.0.1", "localhost", "[::1]")}
    return httpx.Client(timeout=timeout, transport=transport, mounts=here, verify=tls_context(), follow_redirects=False)


class _WithoutQueries(logging.Filter):
    """Takes query strings out of httpx's own log lines: a presigned URL is a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = errors.redact(record.getMessage()), ()
        return True


logging.getLogger("httpx").addFilter(_WithoutQueries())
log = logging.getLogger(__name__)


class Service:
    """One service under one key.

    Thread-safe. Its connections belong to the process that made them: after a fork the child makes its own.

    Args:
        base_url: Without a trailing slash.
        key: Sent as a bearer token, and shown to nobody.
        label: How errors name the service.
        reach: Asked before every request where the service is now, and under which key: the embedded store may have
            gone idle, and whoever took its port since must never be handed the key.
        transport: What carries requests; by default connections that are kept, and httpx where a proxy stands before
            the service.
        sleep: Waits a number of seconds.
    """

    def __init__(
        self,
        base_url: str,
        key: Secret,
        *,
        label: str,
        reach: Callable[[], tuple[str, Secret]] | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.label = label
        self._reach = reach or (lambda: (base_url, key))
        self._transport = transport
        self._sleep = sleep
        self._lock = threading.Lock()
        self._connections = Connections()
        self._client: httpx.Client | None = None
        self._pid = 0

    @property
    def base_url(self) -> str:
        """Where the service is now."""
        return self._reach()[0]

    def call(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        params: Mapping[str, str | Sequence[str]] | None = None,
        body: object = None,
        retries: int = RETRIES,
    ) -> T:
        """Make one call and return its answer as an `answer`.

        Args:
            method: HTTP method.
            path: From the root, percent-encoded.
            answer: The struct that a 200 carries.
            params: Query parameters; one with several values is sent once for each.
            body: A struct or plain data for the JSON body; None for none.
            retries: How many times to try again after 408, 429, 5xx or a lost connection.

        Raises:
            StoreError: The service answered with an error (its subclass says which).
            Unreachable: It didn't answer.
        """
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
        content = b""
        if method != "GET":
            # The same on each retry, so that a service which has done the work answers instead of doing it twice.
            headers["x-request-id"] = str(uuid.uuid4())
            headers["Content-Type"] = "application/json"
            content = b"" if body is None else json.encode(body)
        query = f"?{urlencode(params, doseq=True, quote_via=quote)}" if params else ""
        attempt = 0
        while True:
            response = self._send(method, path + query, headers, content, final=attempt >= retries)
            if response is not None:
                if response.is_success:
                    return self._decoded(response, answer)
                if attempt >= retries or not _worth_retrying(response):
                    self._raise(response, method, path, headers.get("x-request-id"))
            self._sleep(_wait(response, attempt))
            attempt += 1

    def close(self) -> None:
        """Close the connections of this process."""
        self._connections.close()
        with self._lock:
            if self._client is not None and self._pid == os.getpid():
                self._client.close()
            self._client = None

    def _send(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes, *, final: bool
    ) -> Response | None:
        base_url, key = self._reach()
        # `from None` everywhere: frames of what sends hold the key in local variables, and a verbose traceback would
        # print them.
        try:
            return self._exchange(
                method, base_url + target, {**headers, "Authorization": f"Bearer {key.reveal()}"}, content
            )
        except (httpx.TransportError, HTTPException, OSError) as error:
            reason = reason_of(error)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None
        except Exception as error:
            raise errors.Unreachable(f"{self.label}: {type(error).__name__}: {error}") from None
        if final:
            raise errors.Unreachable(f"{self.label} gives no answer: {reason}. Check the network, then try again")
        return None

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Response:
        answer = None
        if self._transport is None:
            answer = roundtrip.direct(self._connections, method, url, headers, content, TIMEOUT)
        answer = answer or roundtrip.through_httpx(self._http(), method, url, headers, content)
        log.debug("%s %s: HTTP %d", method, url.partition("?")[0], answer.status)
        return answer

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None or self._pid != os.getpid():
                self._client = new_client(TIMEOUT, self._transport)
                self._pid = os.getpid()
            return self._client

    def _decoded(self, response: Response, answer: type[T]) -> T:
        try:
            return json.decode(response.content, answer)
        except ValueError as error:
            raise errors.ServerError(
                f"{self.label} answered with something that is not a {answer.__name__}: {error}",
                status=response.status,
            ) from None

    def _raise(self, response: Response, method: str, path: str, request_id: str | None) -> NoReturn:
        status = response.status
        kind = _BY_STATUS.get(status, errors.ServerError if status >= 500 else errors.StoreError)
        said = message_in(response.content)
        if status == 401:
            said = f"{self.label} refuses the key{f' ({said})' if said else ''}. Check where it comes from: %rl_status"
        else:
            said = f"{self.label}: {said or response.reason or 'error'} (HTTP {status})"
        request_id = response.headers.get("x-request-id") or request_id
        error = kind(
            said,
            status=status,
            request_id=request_id,
            details=f"{method} {path} → {status}, request id {request_id or 'unknown'}",
        )
        error.wait_s = asked_wait(response.headers)
        raise error from None


def _worth_retrying(response: Response) -> bool:
    said = response.headers.get("x-should-retry")
    if said is not None:
        return bool(said == "true")
    status = response.status
    return status in RETRY_STATUSES or (status >= 500 and status not in {501, 507})


def _wait(response: Response | None, attempt: int) -> float:
    """Return how long to wait, in seconds: what the service asks for, else full jitter under 0.5·2ⁿ."""
    asked = None if response is None else asked_wait(response.headers)
    if asked is not None:
        return asked
    return full_jitter(attempt, 0.5, LONGEST_WAIT_S)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return how long a service asks to wait, in seconds; None where it doesn't, or for longer than anyone would."""
    for header, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            asked = float(headers[header]) * unit
        except (KeyError, ValueError):  # absent, or an HTTP date
            continue
        if 0 <= asked <= LONGEST_WAIT_S:
            return asked
    return None


def message_in(body: bytes) -> str:
    """Return what the JSON body of an error says, in whichever of the usual fields; empty where it says nothing."""
    try:
        data: dict[str, Any] = json.decode(body, dict)
    except ValueError:
        return ""
    for field in ("message", "error", "detail"):
        said = data.get(field)
        if isinstance(said, dict):
            said = said.get("message")
        if isinstance(said, str) and said:
            return errors.redact(errors.one_line(said, 300))
    return ""


def reason_of(error: httpx.TransportError | HTTPException | OSError) -> str:
    """Return why there was no answer, as part of a sentence."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "timed out"
    said = getattr(error, "strerror", None) or _ERRNO.sub("", str(error))
    return errors.redact(errors.one_line(said, 200)).rstrip(".") or type(error).__name__
