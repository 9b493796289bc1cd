"""Requests of a front end to a widget, and the kernel's replies, as custom messages: nothing of them is state.

A request is ``{v, rid, op, args}``. Each ends with exactly one reply ``{v, rid, kind: "ok", value}`` or
``{v, rid, kind: "err", error, message}``. `rid` is the front end's own, and not called ``id``: ipykernel keeps a
note of each ``id`` that it sees in a message. The other end is ``js/shared/requests.ts``.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict

from runloop_jupyter.errors import RunloopError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION: Final = 1

Operation: TypeAlias = "Callable[[Mapping[str, Any]], object]"
"""Takes a request's args and returns the reply's value, plain data."""


class Request(TypedDict):
    """What a front end asks."""

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


def read(content: object) -> Request | None:
    """Return a message as a request; None where it isn't one of this version."""
    if not isinstance(content, dict) or content.get("v") != VERSION:
        return None
    rid, op, args = content.get("rid"), content.get("op"), content.get("args", {})
    if not isinstance(rid, str) or not isinstance(op, str) or not isinstance(args, dict):
        return None
    return Request(v=VERSION, rid=rid, op=op, args=args)


def reply(request: Request, operations: Mapping[str, Operation]) -> Ok | Err:
    """Carry a request out and return its reply, whatever goes wrong.

    A reply may carry a secret. So nothing is raised or logged from here: a verbose traceback would print it.
    """
    rid = request["rid"]
    try:
        value = operations[request["op"]](request["args"])
    except RunloopError as error:
        return Err(v=VERSION, rid=rid, kind="err", error=type(error).__name__, message=one_line(str(error)))
    except Exception as error:
        return Err(v=VERSION, rid=rid, kind="err", error=type(error).__name__, message="")
    return Ok(v=VERSION, rid=rid, kind="ok", value=value)


def serve(widget: Any, operations: Mapping[str, Operation]) -> None:
    """Answer what front ends ask of `widget`, also while a cell runs.

    Args:
        widget: An ipywidget.
        operations: What can be asked, by name.
    """

    def take(_: object, content: object, buffers: object) -> None:
        if request := read(content):
            # On a thread: while a handler works, every widget of the page waits. In this context: an answer goes out
            # from where its request came in, and with it the front end's next one comes there too.
            run = copy_context().run
            threading.Thread(target=run, args=(answer, request), name="rl-answer", daemon=True).start()

    def answer(request: Request) -> None:
        with suppress(Exception):  # of a front end that is gone; and of what holds a secret nothing is printed
            widget.send(reply(request, operations))

    widget.on_msg(take)
    _answer_while_a_cell_runs(widget.comm)


def _answer_while_a_cell_runs(comm: Any) -> None:
    # ipykernel 7.4 takes a request to where the comm was last published from. A widget is opened by a cell, so its
    # requests would wait for that cell and all after it; left alone, they go where the front end sends them.
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
