"""Requests to presigned URLs: no bearer, no header beyond what the signature covers, errors without the URL."""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import httpx

from runloop_jupyter import errors
from runloop_jupyter.api.http import new_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runloop_jupyter.secret import Secret

TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
TRIES: Final = 5

_lock = threading.Lock()
_client: httpx.Client | None = None
_pid = 0


class Retryable(Exception):
    """The same request may succeed if it is made again; `reason` says what went wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def request(
    method: str, url: Secret, *, headers: Mapping[str, str] | None = None, content: Iterator[bytes] | None = None
) -> Iterator[httpx.Response]:
    """Open a streamed exchange; the answer's body is read inside the block.

    Raises:
        Retryable: Lost connection, 408, 429 or 5xx.
        LinkExpired: 403: S3 answers so to a presigned URL past its time.
        StoreFull: 507.
        TransferError: Any other refusal.
    """
    try:
        response = _open(method, url, headers, content)
        try:
            if not response.is_success:
                _raise(response)
            yield response
        finally:
            response.close()
    except httpx.TransportError as error:
        raise _retryable(error) from None


def _open(
    method: str, url: Secret, headers: Mapping[str, str] | None, content: Iterator[bytes] | None
) -> httpx.Response:
    # Not `httpx.stream`, and nothing under a name of its own: what goes wrong while the body is read, or in a
    # caller's own code, must not pass through a frame that holds the URL, for a verbose traceback prints those.
    client = _http()
    try:
        return client.send(client.build_request(method, url.reveal(), headers=headers, content=content), stream=True)
    except httpx.TransportError as error:
        raise _retryable(error) from None
    except (errors.RunloopError, OSError) as error:
        raise error.with_traceback(None) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt from None
    except Exception as error:
        raise errors.TransferError(f"{type(error).__name__}: {error}") from None


def _retryable(error: httpx.TransportError) -> Retryable:
    reason = "timed out" if isinstance(error, httpx.TimeoutException) else errors.one_line(str(error), 200)
    return Retryable(errors.redact(reason) or type(error).__name__)


def pause(attempt: int, checkpoint: Callable[[], None]) -> None:
    """Wait before try `attempt` + 1: full jitter under 0.25·2ⁿ seconds, at most 8. `checkpoint` may raise to stop."""
    until = time.monotonic() + random.uniform(0, min(8.0, 0.25 * 2**attempt))  # noqa: S311 - spread, not secrecy
    while (left := until - time.monotonic()) > 0:
        checkpoint()
        time.sleep(min(left, 0.1))


def _http() -> httpx.Client:
    global _client, _pid
    with _lock:
        if _client is None or _pid != os.getpid():
            _client, _pid = new_client(TIMEOUT), os.getpid()
            atexit.register(_client.close)
        return _client


def _raise(response: httpx.Response) -> None:
    status = response.status_code
    said = _said(response)
    if status == 403:
        raise errors.LinkExpired(f"the store refuses the presigned link (403{said}); it may be past its time")
    if status == 507:
        raise errors.StoreFull(f"the store has no room{said}; nothing was changed", status=status)
    if status in {408, 429} or (status >= 500 and status != 501):
        raise Retryable(f"HTTP {status}{said}")
    raise errors.TransferError(f"the store refuses the bytes (HTTP {status}{said})")


def _said(response: httpx.Response) -> str:
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > 2000:
            break
    text = errors.one_line(body[:2000].decode("utf-8", "replace"), 200)
    return f": {text}" if text else ""
