"""Requests to presigned URLs: no bearer, no header beyond what the signature covers, errors without the URL."""

from __future__ import annotations

import atexit
import html
import os
import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import httpx

from runloop_jupyter import errors
from runloop_jupyter.api.http import asked_wait, message_in, new_client, reason_of
from runloop_jupyter.backoff import full_jitter
from runloop_jupyter.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runloop_jupyter.secret import Secret

TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
TRIES: Final = 5
GOT_ON: Final = 256 << 10  # bytes: a try that brought so many was not in vain
_LONGEST_BODY: Final = 4000  # of an error
_SHORTEST_SECRET: Final = 8
_XML_MESSAGE: Final = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:([0-9]{1,18})|\*)")

_lock = threading.Lock()
_client: httpx.Client | None = None
_pid = 0


class Retryable(Exception):
    """The same request may succeed if it is made again.

    Args:
        reason: What went wrong.
        wait_s: How long the store asks to wait, in seconds; None where it doesn't.
        busy: Whether the store says that it is asked too much of (503, 429).
    """

    def __init__(self, reason: str, wait_s: float | None = None, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.busy = busy


class Tries:
    """Counts how often one thing was tried in vain.

    Args:
        what: How the error begins that ends the trying: what couldn't be done.
        checkpoint: Called while waiting; may raise to stop.
    """

    def __init__(self, what: str, checkpoint: Callable[[], None]) -> None:
        self._what = what
        self._checkpoint = checkpoint
        self._in_vain = 0

    def failed(self, error: Retryable | errors.LinkExpired, *, got_on: bool = False) -> None:
        """Wait before the next try: what the store asks for, else full jitter under 0.25·2ⁿ seconds, at most 8.

        Args:
            error: What went wrong this time.
            got_on: Whether this try brought the work forward all the same: then it doesn't count with those before.

        Raises:
            ConnectionLost: It was tried often enough.
        """
        self._in_vain = 1 if got_on else self._in_vain + 1
        if self._in_vain >= TRIES:
            raise errors.ConnectionLost(f"{self._what}: {error}. Try again") from None
        asked = error.wait_s if isinstance(error, Retryable) else None
        until = time.monotonic() + (full_jitter(self._in_vain - 1, 0.25, 8.0) if asked is None else asked)
        while (left := until - time.monotonic()) > 0:
            self._checkpoint()
            time.sleep(min(left, 0.1))


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
                raise refusal(response.status_code, response.headers, response.iter_raw(), url)
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
    return Retryable(reason_of(error))


def first_byte(headers: Mapping[str, str]) -> int | None:
    """Return at which byte of the whole a 206 begins; None where it doesn't say."""
    found = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return int(found[1]) if found else None


def whole_size(headers: Mapping[str, str]) -> int | None:
    """Return how many bytes the whole has that a 206 is part of; None where it doesn't say."""
    found = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return int(found[2]) if found and found[2] else None


def _http() -> httpx.Client:
    global _client, _pid
    with _lock:
        if _client is None or _pid != os.getpid():
            _client, _pid = new_client(TIMEOUT), os.getpid()
            atexit.register(_client.close)
        return _client


def refusal(status: int, headers: Mapping[str, str], body: Iterator[bytes], url: Secret) -> Exception:
    """Return what to raise for an answer that is no success.

    Args:
        status: HTTP status code.
        headers: By name in lower case.
        body: What it says, read no further than it must be.
        url: What was asked for; no part of its query gets into the message.
    """
    said = _said(body, url)
    if status == 403:
        return errors.LinkExpired(f"the store refuses the presigned link (403{said}); it may be past its time")
    if status == 507:
        return errors.StoreFull(f"the store has no room{said}; nothing was changed", status=status)
    if status in {408, 429} or (status >= 500 and status != 501):
        return Retryable(f"HTTP {status}{said}", asked_wait(headers), busy=status in {429, 503})
    return errors.TransferError(f"the store refuses the bytes (HTTP {status}{said})")


def _said(chunks: Iterator[bytes], url: Secret) -> str:
    """Return what the body of an error says for people, without what the URL was signed with: some repeat it."""
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > _LONGEST_BODY:
            break
    text = message_in(body) or _plain(body[:_LONGEST_BODY].decode("utf-8", "replace"))
    text = errors.one_line(_without_signature(text, url), 200)
    return f": {text}" if text else ""


def _without_signature(text: str, url: Secret) -> str:
    for pair in urlsplit(url.reveal()).query.split("&"):
        value = pair.partition("=")[2]
        for form in {value, unquote(value)}:
            if len(form) >= _SHORTEST_SECRET:
                text = text.replace(form, MASK)
    return text


def _plain(text: str) -> str:
    if found := _XML_MESSAGE.search(text):
        return html.unescape(found[1])
    # Other markup, and JSON that says nothing, is for machines.
    return "" if text.lstrip()[:1] in {"<", "{", "["} else text
