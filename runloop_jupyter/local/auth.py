"""Who may do what: the bearer key, presigned URLs, and the handshake between a daemon and its launcher.

Nothing here knows of HTTP libraries; both ends use it. Comparisons take the same time whatever differs.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

if TYPE_CHECKING:
    from runloop_jupyter.secret import Secret

CONTENT_PATH: Final = "/content/"
CONTROL_PATH: Final = "/control/"
CONTROL_SCHEME: Final = "Runloop-Control"


def bearer_matches(header: str | None, key: Secret) -> bool:
    """Return whether an ``Authorization`` header carries `key` as a bearer token."""
    scheme, _, token = (header or "").partition(" ")
    given = token.strip(" ").encode("utf-8", "surrogateescape")
    return hmac.compare_digest(given, key.reveal().encode()) and scheme.lower() == "bearer"


@dataclass(frozen=True)
class Signer:
    """Presigns URLs for one method on one object until one moment.

    Attributes:
        key: The store's signing key; another than the bearer key, so that links outlive a change of key.
        store_id: Part of what is signed, so that a link of one store means nothing to another.
    """

    key: Secret
    store_id: str

    def url(self, base_url: str, method: str, object_id: str, expires: int) -> str:
        """Return the URL for `method` on the bytes of `object_id`, good until `expires` (seconds, Unix time)."""
        query = urlencode({"expires": expires, "signature": self._signature(method, object_id, str(expires))})
        return f"{base_url}{CONTENT_PATH}{object_id}?{query}"

    def refusal(self, method: str, object_id: str, expires: str, signature: str, now: float) -> str | None:
        """Return why the URL doesn't allow `method` on `object_id` at the time `now`; None when it does."""
        right = self._signature(method, object_id, expires)
        if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "surrogateescape")):
            return f"this URL wasn't signed for {method} on this object: ask the store for a new one"
        if now >= int(expires):
            return "this URL has expired: ask the store for a new one"
        return None

    def _signature(self, method: str, object_id: str, expires: str) -> str:
        return _mac(self.key, "presign", method, self.store_id, object_id, expires)


def handshake(nonce: Secret, method: str, path: str, challenge: str) -> str:
    """Return what a client sends to show that it has read the state file.

    The nonce itself never travels: the port may by now belong to another program.
    """
    return _mac(nonce, "client", method, path, challenge)


def proof(nonce: Secret, path: str, challenge: str) -> str:
    """Return what only the daemon that published `nonce` can answer to `challenge`."""
    return _mac(nonce, "daemon", path, challenge)


def control_matches(header: str | None, nonce: Secret, method: str, path: str) -> bool:
    """Return whether an ``Authorization`` header is a client's `handshake` for this method and path."""
    scheme, _, rest = (header or "").partition(" ")
    challenge, _, mac = rest.partition(":")
    right = handshake(nonce, method, path, challenge)
    return hmac.compare_digest(right.encode(), mac.encode("utf-8", "surrogateescape")) and scheme == CONTROL_SCHEME


def _mac(key: Secret, *parts: str) -> str:
    text = "\n".join(parts).encode("utf-8", "surrogateescape")
    return hmac.new(key.reveal().encode(), text, hashlib.sha256).hexdigest()
