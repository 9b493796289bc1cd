"""Serving, the kernel's end of a widget: hears a front end's requests and has each carried out and answered once.

Whatever a front end sends, a handler only makes a note of it: while one works, every widget of the page waits.
Operations come in groups, each with a few threads of its own, so that a page of a list never waits for a download.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from runloop_jupyter.errors import RunloopError, TransferCancelled, one_line
from runloop_jupyter.lanes import Lanes
from runloop_jupyter.widgets import protocol
from runloop_jupyter.widgets.asked import Asked
from runloop_jupyter.widgets.publisher import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Operation: TypeAlias = "Callable[[Asked], object]"
"""Carries a request out and returns the reply's value, plain data, or `WithBuffers`."""

MOST_AT_ONCE: Final = 200
"""Requests of one group that run or wait for their turn."""
WIDTH: Final = 4
"""Requests of one group that run at a time."""
_ENDED_KEPT: Final = 1000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WithBuffers:
    """A reply's value that comes with bytes.

    Attributes:
        value: Plain data.
        buffers: The bytes.
    """

    value: object
    buffers: Sequence[bytes]


class Serving:
    """Answers what front ends ask of a widget, also while a cell runs.

    Args:
        widget: An ipywidget.
        groups: What can be asked, by name: those that take as long as each other together.

    Attributes:
        publisher: Sends all that the widget says.
    """

    def __init__(self, widget: Any, *groups: Mapping[str, Operation]) -> None:
        self.publisher = Publisher(widget.send)
        self._operations = {op: (number, each) for number, group in enumerate(groups) for op, each in group.items()}
        self._lanes = [Lanes(WIDTH, "rl-answer") for _ in groups]
        self._numbers = count()
        self._running: dict[str, Asked] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._closed = False
        self._ends: list[Callable[[], object]] = []
        widget.on_msg(self._hear)
        _answer_while_a_cell_runs(widget.comm)
        with suppress(AttributeError):
            widget.comm.on_close(lambda message: self.close())

    def at_end(self, call: Callable[[], object]) -> None:
        """Call `call` when this is closed, whoever closes it: the kernel, or a front end."""
        with self._lock:
            if not self._closed:
                self._ends.append(call)
                return
        call()

    def close(self) -> None:
        """Cancel what runs, and answer nothing from now on; harmless twice."""
        with self._lock:
            self._closed = True
            running = list(self._running.values())
            ends, self._ends = self._ends, []
        for asked in running:
            asked.cancel()
        self.publisher.close()
        for call in ends:
            call()

    def _hear(self, widget: object, content: object, buffers: Sequence[bytes | memoryview] | None) -> None:
        """Take note of a message. It comes on whichever thread the front end is heard on, and returns at once."""
        if self._closed:
            return
        # An answer goes out from where its request came in, and with it the front end's next one comes there too.
        self.publisher.hear(copy_context())
        try:
            request = protocol.read(content)
        except protocol.BadMessage as error:
            self._refuse(error.rid, "BadMessage", str(error))
            return
        if request is None:
            return
        if request["op"] in protocol.FURTHER:
            self._add(request, buffers or ())
        else:
            self._begin(request)

    def _begin(self, request: protocol.Request) -> None:
        rid, op = request["rid"], request["op"]
        group, operation = self._operations.get(op, (0, None))
        if operation is None:
            self._refuse(rid, "UnknownOperation", "this kernel can't do that. Is the page older than the kernel?")
            return
        asked = Asked(rid, request["args"], self.publisher, group=group, number=next(self._numbers))
        with self._lock:
            if rid in self._running or rid in self._ended:
                return  # said twice
            is_full = sum(each.group == group for each in self._running.values()) >= MOST_AT_ONCE
            if not is_full:
                self._running[rid] = asked
        if is_full:
            self._refuse(rid, "TooMany", f"{MOST_AT_ONCE} requests wait already. Wait for some of them")
            return
        run = copy_context().run  # a copy of its own: what a library prints belongs to no cell
        self._lanes[group].submit(lambda: run(self._carry_out, op, operation, asked))

    def _add(self, request: protocol.Request, buffers: Sequence[bytes | memoryview]) -> None:
        rid, op = request["rid"], request["op"]
        with self._lock:
            asked, has_ended = self._running.get(rid), rid in self._ended
        if asked is None:
            if not has_ended and op != "cancel":
                self._refuse(rid, "UnknownRequest", f"{op} is of no request that runs here")
            return
        n = request["args"].get("n", 1)
        if op == "cancel":
            asked.cancel()
            if asked.waits:
                self._end(asked, protocol.err(rid, "Cancelled", "it was cancelled"))
        elif op == "end":
            asked.finish()
        elif op == "grant" and isinstance(n, int) and not isinstance(n, bool) and n > 0:
            asked.allow(n)
        elif op == "chunk" and len(buffers) == 1:
            asked.add(buffers[0])
        else:
            asked.cancel()
            self._end(asked, protocol.err(rid, "BadMessage", f"{op} can't be meant so"))

    def _carry_out(self, op: str, operation: Operation, asked: Asked) -> None:
        """Carry a request out and reply, whatever goes wrong.

        A reply may carry a secret. So nothing is raised or logged with what it says: a verbose traceback would print
        it.
        """
        if not asked.begin():
            return
        rid = asked.rid
        buffers: Sequence[bytes] = ()
        try:
            asked.checkpoint()
            value = operation(asked)
            if isinstance(value, WithBuffers):
                buffers, value = value.buffers, value.value
            reply: protocol.Ok | protocol.Err = protocol.ok(rid, value)
        except TransferCancelled:
            reply = protocol.err(rid, "Cancelled", "it was cancelled")
        except RunloopError as error:
            reply = protocol.err(rid, type(error).__name__, one_line(str(error)))
        except BaseException as error:
            reply = protocol.err(rid, type(error).__name__, "")
            log.debug("%s failed: %s at %s", op, type(error).__name__, _place_of(error))
        self._end(asked, reply, buffers)

    def _end(self, asked: Asked, reply: protocol.Ok | protocol.Err, buffers: Sequence[bytes] = ()) -> None:
        if not asked.end():
            return
        with self._lock:
            self._running.pop(asked.rid, None)
            self._note_end(asked.rid)
        self.publisher.reply(reply, buffers)

    def _refuse(self, rid: str, error: str, message: str) -> None:
        with self._lock:
            if rid in self._running or rid in self._ended:
                return  # each ends once
            self._note_end(rid)
        self.publisher.refuse(protocol.err(rid, error, message))

    def _note_end(self, rid: str) -> None:
        self._ended[rid] = None
        if len(self._ended) > _ENDED_KEPT:
            self._ended.popitem(last=False)


def _place_of(error: BaseException) -> str:
    """Return where an error was raised, without anything of what it was about."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


def _answer_while_a_cell_runs(comm: Any) -> None:
    # ipykernel 7.4 takes a request to where the comm was last published from. A widget is opened by a cell, so its
    # requests would wait for that cell and all after it; left alone, they go where the front end sends them.
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
