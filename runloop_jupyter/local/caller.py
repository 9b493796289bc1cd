"""Long conversations of ``runloop-local`` with the daemon: over one connection, as its launcher."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

from runloop_jupyter.errors import EmbeddedStoreError
from runloop_jupyter.local import auth
from runloop_jupyter.local.identity import load_key
from runloop_jupyter.wire import json as wire
from runloop_jupyter.wire.objects import ObjectListView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runloop_jupyter.local.launch import Endpoint
    from runloop_jupyter.local.layout import Layout
    from runloop_jupyter.wire.objects import ObjectView

_PAGE: Final = 1000
_URL_SECONDS: Final = 3600
_WAIT_SECONDS: Final = 600.0


class Caller:
    """What a running store is asked by its owner's command line.

    Everything goes through the daemon: it alone opens the database, so that the store can be in use meanwhile, and
    there is one way in, whether it was running before or not.
    """

    def __init__(self, layout: Layout, endpoint: Endpoint) -> None:
        if endpoint.published is None:
            raise EmbeddedStoreError("the store didn't prove that it is this one: try again")
        self._layout = layout
        self._endpoint = endpoint
        self._nonce = endpoint.published.nonce
        self._signer = auth.Signer(load_key(layout.signing_key), endpoint.store_id)
        self._connection = http.client.HTTPConnection("127.0.0.1", endpoint.published.port, timeout=_WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def control(
        self,
        method: str,
        action: str,
        body: bytes | Iterable[bytes] = b"",
        length: int = 0,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return what the daemon answers to a control call.

        Args:
            method: HTTP method.
            action: What comes after ``/control/``.
            body: Sent with it.
            length: Of `body`, where that is no bytes.
            headers: Sent with it.
            query: Sent with it.

        Raises:
            EmbeddedStoreError: It refuses, or went away.
        """
        path = auth.CONTROL_PATH + action
        challenge = secrets.token_hex(16)
        mac = auth.handshake(self._nonce, method, path, challenge)
        response = self._ask(
            method,
            f"{path}?{urlencode(query)}" if query else path,
            body,
            {
                **(headers or {}),
                "Authorization": f"{auth.CONTROL_SCHEME} {challenge}:{mac}",
                "Content-Length": str(len(body) if isinstance(body, bytes) else length),
            },
        )
        if response.status == http.client.NOT_FOUND:
            raise EmbeddedStoreError(
                f"the running store is of another version ({self._endpoint.version}) that can't do this:"
                " `runloop-local stop`, then again"
            )
        facts = self._facts(response)
        if not secrets.compare_digest(str(facts.pop("proof", "")), auth.proof(self._nonce, path, challenge)):
            raise EmbeddedStoreError("what answered isn't this store: try again")
        return facts

    def objects(self) -> Iterator[ObjectView]:
        """Yield every whole object, newest first, as it is when its page is read. Raises EmbeddedStoreError."""
        after = ""
        while True:
            query = f"?state=READ_ONLY&include_total_count=false&limit={_PAGE}" + (after and f"&starting_after={after}")
            headers = {"Authorization": f"Bearer {self._endpoint.key.reveal()}"}
            response = self._ask("GET", "/v1/objects" + query, b"", headers)
            body = response.read()
            if response.status != http.client.OK:
                raise EmbeddedStoreError(_message(body))
            page = wire.decode(body, ObjectListView)
            yield from page.objects
            if not page.has_more or not page.objects:
                return
            after = page.objects[-1].id

    @contextmanager
    def content(self, object_id: str) -> Iterator[http.client.HTTPResponse | None]:
        """Open an object's bytes; None where they are gone by now. Raises EmbeddedStoreError."""
        url = self._signer.url("", "GET", object_id, int(time.time()) + _URL_SECONDS)
        response = self._ask("GET", url, b"", {})
        if response.status == http.client.OK:
            try:
                yield response
            finally:
                if not response.isclosed():  # left before its end
                    self._connection.close()
            return
        body = response.read()
        if response.status != http.client.NOT_FOUND:
            raise EmbeddedStoreError(_message(body))
        yield None

    def _facts(self, response: http.client.HTTPResponse) -> dict[str, Any]:
        try:
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._gone(error) from None
        if response.status != http.client.OK:
            raise EmbeddedStoreError(_message(body))
        return dict(json.loads(body))

    def _ask(
        self, method: str, target: str, body: bytes | Iterable[bytes], headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        try:
            try:
                self._connection.request(method, target, body or None, dict(headers))
            except (BrokenPipeError, ConnectionResetError):
                return self._connection.getresponse()  # refused before all of it was sent: it says why
            return self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> EmbeddedStoreError:
        return EmbeddedStoreError(f"the store went away meanwhile ({type(error).__name__}); run this again")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return "the store answered what can't be read"
