"""Everything that can go wrong, by the names a user may catch.

RunloopError                    anything this package raises on purpose
├── InputError                  what was typed or passed can't be meant; nothing was done
│   ├── AddressError            a name, version or URL that can't be read
│   ├── MetadataError           a metadata key or value that can't be stored
│   └── ProfileError            key and URL don't come from one source, or a profile can't be read
├── CodecError                  a Python value and its stored form
│   ├── UnsupportedValue        no stored form without losing something
│   ├── MissingLibrary          a library that the value needs isn't installed
│   ├── DecodeError             stored bytes are not what their format says
│   ├── UnsafeValue             reading it could run code; needs an explicit flag
│   └── NotEnoughMemory         the decoded value would not fit; part of it, or its path, may
├── ArchiveError                an archive that can't be packed, or must not be unpacked
├── ObjectNotFound              no such object, as far as the store was looked at
│   ├── NewestGone              the newest version is deleted or expired; names the survivor
│   └── VersionNotFound         the name exists, that version of it doesn't
├── SeveralMatch                a version prefix or a delete that means more than one object
├── StoreError                  the store answered with an error (``status``, ``request_id``)
│   ├── BadRequest              400, 411, 413, 422, 431
│   ├── Unauthorized            401: the key is refused
│   ├── Forbidden               403: the key may not do this
│   ├── NotFound                404
│   ├── Conflict                409: the object isn't in the state this needs
│   ├── RateLimited             429, after retries
│   ├── StoreFull               507: nothing was changed
│   └── ServerError             any other 5xx, after retries
├── Unreachable                 no answer: refused, timed out, name not found, TLS
│   └── Offline                 RUNLOOP_OFFLINE is set, so nothing was asked
├── SomeFailed                  of many things put or got together some are here, some aren't (``done``, ``failed``)
├── TransferError               bytes on their way
│   ├── DigestMismatch          what arrived isn't what was put
│   ├── LinkExpired             a presigned URL past its time
│   ├── ConnectionLost          the connection broke, or the store was busy, time and again
│   ├── SetBusy                 somebody else is putting the same folder at this moment
│   └── TransferCancelled       stopped by its user, and cleaned up
├── CatalogError                what is known of a store's listing can't be kept or asked on this machine
├── MountError                  a directory can't be made to show stored things, or can't be let go of
└── EmbeddedStoreError          the embedded store can't be started or reached

Interrupted                     Ctrl-C, after cleaning up (a KeyboardInterrupt, so ``except Exception`` lets it by)

Each renders as one line: its name, what happened, what to do. The rest is in ``details`` and, in a notebook,
under ``runloop_jupyter.last_error``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_URL_QUERY: Final = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")
_BEARER: Final = re.compile(r"(?i)(bearer\s+)[^\s\"',;]+")

last: BaseException | None = None
"""The error that IPython showed last, of those below: ``runloop_jupyter.last_error``."""


def redact(text: str) -> str:
    """Return `text` without query strings of URLs (presigned URLs carry their signature there) and bearer tokens."""
    return _BEARER.sub(r"\1•••", _URL_QUERY.sub(r"\1?•••", text))


def one_line(text: str, limit: int = 600) -> str:
    """Return `text` on one line: whitespace folded, control characters dropped, at most `limit` characters."""
    folded = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


class _OneLine(BaseException):
    """Shown by IPython as one line instead of a traceback.

    IPython calls ``_render_traceback_`` on exceptions that have it; an ``UsageError`` would be printed to stderr
    only, and the cell would count as passed.
    """

    details: str | None = None

    def _render_traceback_(self) -> list[str]:
        global last
        last = self
        name = type(self).__name__
        return [f"\x1b[1m{name}\x1b[0m {one_line(str(self))}"]


class RunloopError(_OneLine, Exception):
    """Base of the errors that this package raises on purpose.

    Args:
        message: What happened and what to do, one line. Secrets are taken out.
        details: More, for ``runloop_jupyter.last_error.details``.
    """

    def __init__(self, message: str, *, details: str | None = None) -> None:
        super().__init__(redact(message))
        self.details = None if details is None else redact(details)


class Interrupted(_OneLine, KeyboardInterrupt):
    """Ctrl-C reached a magic; what it had begun was cleaned up."""


class InputError(RunloopError):
    """What was typed or passed can't be meant; nothing was done."""


class AddressError(InputError):
    """A name, version or URL that can't be read."""


class MetadataError(InputError):
    """A metadata key or value that can't be stored."""


class ProfileError(InputError):
    """Key and URL don't come from one source, or a profile can't be read."""


class CodecError(RunloopError):
    """A Python value and its stored form don't go together."""


class UnsupportedValue(CodecError):
    """The value has no stored form that would give it back equal."""


class MissingLibrary(CodecError):
    """A library that the value or the stored format needs isn't installed."""


class DecodeError(CodecError):
    """Stored bytes are not what their format says."""


class UnsafeValue(CodecError):
    """Reading the value could run code; it needs an explicit flag for that call."""


class NotEnoughMemory(CodecError):
    """The decoded value would not fit into the memory there is; nothing was decoded."""


class ArchiveError(RunloopError):
    """An archive that can't be packed, or must not be unpacked."""


class ObjectNotFound(RunloopError):
    """No such object, as far as the store was looked at."""


class NewestGone(ObjectNotFound):
    """The newest version under a name is deleted or expired; the message names the survivor."""


class VersionNotFound(ObjectNotFound):
    """The name exists, that version of it doesn't."""


class SeveralMatch(RunloopError):
    """A version prefix, or a delete, that means more than one object."""


class StoreError(RunloopError):
    """The store answered with an error.

    Attributes:
        status: HTTP status code.
        request_id: The ``x-request-id`` of the call, to quote to support.
        wait_s: How long the store asks to wait before another try, in seconds; None where it doesn't say.
    """

    wait_s: float | None = None

    def __init__(
        self, message: str, *, status: int = 0, request_id: str | None = None, details: str | None = None
    ) -> None:
        super().__init__(message, details=details)
        self.status = status
        self.request_id = request_id


class BadRequest(StoreError):
    """400, 411, 413, 422 or 431: the store can't take the request as it is."""


class Unauthorized(StoreError):
    """401: the key is refused. Never a reason to fall back to another store."""


class Forbidden(StoreError):
    """403: the key may not do this."""


class NotFound(StoreError):
    """404: the store knows no such id."""


class Conflict(StoreError):
    """409: the object isn't in the state that the call needs."""


class RateLimited(StoreError):
    """429, after every retry."""


class StoreFull(StoreError):
    """507: no room; nothing was changed."""


class ServerError(StoreError):
    """Another 5xx, after every retry."""


class Unreachable(RunloopError):
    """The store gave no answer: refused, timed out, name not found, TLS."""


class Offline(Unreachable):
    """``RUNLOOP_OFFLINE`` is set, so no service was asked."""


class SomeFailed(RunloopError):
    """Of many things put or got together some are here and some aren't.

    Attributes:
        done: What is here, by name.
        failed: What isn't, by name, and why.
    """

    def __init__(
        self,
        message: str,
        *,
        done: Mapping[str, object] | None = None,
        failed: Mapping[str, BaseException] | None = None,
        details: str | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.done = dict(done or {})
        self.failed = dict(failed or {})


class TransferError(RunloopError):
    """Bytes didn't arrive."""


class DigestMismatch(TransferError):
    """What arrived isn't what was put."""


class LinkExpired(TransferError):
    """A presigned URL was used past its time."""


class ConnectionLost(TransferError):
    """The connection broke, or the store was busy, time and again."""


class SetBusy(TransferError):
    """Somebody else is putting the same folder at this moment."""


class TransferCancelled(TransferError):
    """The transfer was stopped by its user, and cleaned up."""


class CatalogError(RunloopError):
    """What is known of a store's listing can't be kept or asked on this machine."""


class MountError(RunloopError):
    """A directory can't be made to show stored things, or can't be let go of: somebody is at work in it."""


class EmbeddedStoreError(RunloopError):
    """The embedded store can't be started or reached."""
