"""What a presigned URL says of itself. Nothing here raises, for a traceback of it would print the URL."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from runloop_jupyter.secret import MASK

if TYPE_CHECKING:
    from runloop_jupyter.secret import Secret

_BASIC_FORMAT: Final = "%Y%m%dT%H%M%SZ"
# A signature of version 4, S3's and Google's, holds for so many seconds from its date on.
_DATED: Final = (("x-amz-date", "x-amz-expires"), ("x-goog-date", "x-goog-expires"))


def expiry(url: Secret) -> datetime | None:
    """Return until when a presigned URL says it works (UTC); None where it doesn't say.

    Read are S3's and Google's ``X-Amz-Date`` with ``X-Amz-Expires``, ``expires`` in seconds since 1970 (the embedded
    store, S3's older signatures, CloudFront) and Azure's ``se``.
    """
    try:
        said = {key.lower(): value for key, value in parse_qsl(urlsplit(url.reveal()).query)}
        for date, seconds in _DATED:
            if date in said and seconds in said:
                begun = datetime.strptime(said[date], _BASIC_FORMAT).replace(tzinfo=UTC)
                return begun + timedelta(seconds=int(said[seconds]))
        if "expires" in said:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(said["expires"]))
        if "se" in said:
            until = datetime.fromisoformat(said["se"])
            return until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return None


def masked(url: Secret) -> str:
    """Return ``https://host:port/•••``: a path can be as good as a key, and a user and password are one."""
    try:
        parts = urlsplit(url.reveal())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"
    except ValueError:
        return MASK


def is_for_this_computer(url: Secret) -> bool:
    """Whether the URL's host is this computer by whatever name: nobody else can use it."""
    try:
        host = urlsplit(url.reveal()).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
