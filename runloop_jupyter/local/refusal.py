"""What the store answers when it doesn't do what was asked."""

from __future__ import annotations


class Refusal(Exception):
    """Ends a request with an error status and one clear line. Messages never carry secrets.

    Attributes:
        status: HTTP status code.
        message: What is wrong and what to do.
        retry: Whether sending the same again can help; None leaves it to the client's own rules.
    """

    def __init__(self, status: int, message: str, *, retry: bool | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry = retry


def bad_request(message: str) -> Refusal:
    """Return a 400."""
    return Refusal(400, message)


def not_found(object_id: str) -> Refusal:
    """Return a 404 for an object id."""
    return Refusal(404, f"no object has the id {object_id[:60]!r}")


def conflict(message: str) -> Refusal:
    """Return a 409 that no retry can mend (the published clients would try for half a minute)."""
    return Refusal(409, message, retry=False)


def store_full() -> Refusal:
    """Return a 507."""
    return Refusal(
        507, "the disk of the embedded store is full; nothing was changed: make room, then try again", retry=False
    )
