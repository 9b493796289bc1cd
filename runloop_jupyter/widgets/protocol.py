"""The messages between a front end and a widget, as custom messages: nothing of them is state.

A front end asks with a `Request`. Each that is understood ends with exactly one reply, `Ok` or `Err` (one that was
cancelled: ``Cancelled``); `Progress` may come before it, also with bytes. While a request runs the front end may add
to it: ``chunk`` with a buffer, ``end`` after the last of them, ``grant`` of so many chunks that it can take,
``cancel``. What nobody asked for comes as an `Event`.

`rid` is the front end's own, and not called ``id``: ipykernel keeps a note of each ``id`` that it sees in a message.
The other end is ``js/shared/requests.ts``.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, TypedDict, cast

VERSION: Final = 1

CHUNK_BYTES: Final = 1 << 20
"""Of one message at most: far below what closes a kernel's connection."""

IN_FLIGHT: Final = 4
"""Chunks on their way at a time: as many as it takes to keep the way busy."""

LONGEST_RID: Final = 64

FURTHER: Final = frozenset(["chunk", "end", "grant", "cancel"])
"""What a message may add to a request that runs."""


class Request(TypedDict):
    """What a front end asks, or adds to what it asked."""

    v: int
    rid: str
    op: str
    args: dict[str, Any]


class Ok(TypedDict):
    """The reply to a request that was carried out."""

    v: int
    rid: str
    kind: Literal["ok"]
    value: object


class Err(TypedDict):
    """The reply to one that was not: the error's type, and what it says to people (nothing, if it is a bug)."""

    v: int
    rid: str
    kind: Literal["err"]
    error: str
    message: str


class Progress(TypedDict):
    """How far a request is, or, with a buffer, a piece of what it gives."""

    v: int
    rid: str
    kind: Literal["progress"]
    value: object


class Event(TypedDict):
    """What the kernel says unasked."""

    v: int
    kind: Literal["event"]
    event: str
    value: object


Message: TypeAlias = Ok | Err | Progress | Event
"""What the kernel sends."""


class BadMessage(ValueError):
    """A message that can't be understood, though it says what request it is of.

    Attributes:
        rid: Of that request.
    """

    def __init__(self, rid: str, message: str) -> None:
        super().__init__(message)
        self.rid = rid


def read(content: object) -> Request | None:
    """Return a message as a request; None where nothing tells whose it is.

    Raises:
        BadMessage: It is of another version, or not what a request looks like.
    """
    if not isinstance(content, dict):
        return None
    rid = content.get("rid")
    if not isinstance(rid, str) or not 0 < len(rid) <= LONGEST_RID:
        return None
    if content.get("v") != VERSION:
        raise BadMessage(rid, "this page and its kernel are of different versions. Reload the page, run the cell again")
    op, args = content.get("op"), content.get("args", {})
    if not isinstance(op, str) or not isinstance(args, dict):
        raise BadMessage(rid, "a request has the name of an operation, and args that are an object")
    if op == "grant" and "n" in content:
        args = {"n": content["n"]}
    return Request(v=VERSION, rid=rid, op=op, args=cast("dict[str, Any]", args))


def ok(rid: str, value: object) -> Ok:
    """Return the reply that a request was carried out."""
    return Ok(v=VERSION, rid=rid, kind="ok", value=value)


def err(rid: str, error: str, message: str) -> Err:
    """Return the reply that it was not."""
    return Err(v=VERSION, rid=rid, kind="err", error=error, message=message)


def progress(rid: str, value: object) -> Progress:
    """Return what says how far a request is."""
    return Progress(v=VERSION, rid=rid, kind="progress", value=value)


def event(name: str, value: object) -> Event:
    """Return what is said unasked."""
    return Event(v=VERSION, kind="event", event=name, value=value)
