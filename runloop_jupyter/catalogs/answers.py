"""The thread that answers questions to a catalog, in turns: pages before counts, each once."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import errors
from runloop_jupyter.catalogs import messages
from runloop_jupyter.catalogs.frames import PIECE, Gone, Sort
from runloop_jupyter.catalogs.place import Damaged
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runloop_jupyter.catalogs.frames import Line
    from runloop_jupyter.catalogs.notes import Notes
    from runloop_jupyter.catalogs.reading import Reader
    from runloop_jupyter.catalogs.walker import Walker

FIRST_S: Final = 5.0
"""For so long a question for rows to an empty catalog waits for the first objects, or for what stands in their way."""
AGAIN_S: Final = 1.0
"""How often such a question has a service asked that gave no answer."""
NOTES_S: Final = 0.5
"""For so long an answer waits for what the kernel did before to be written."""
log = logging.getLogger(__name__)


class Answers:
    """Questions on their way to an answer.

    Args:
        line: To whom.
        reader: Answers them.
        walker: Is told what is asked and shown.
        notes: What the kernel did before it asked, which an answer knows of.
    """

    def __init__(self, line: Line, reader: Reader, walker: Walker, notes: Notes) -> None:
        self._line = line
        self._reader = reader
        self._walker = walker
        self._notes = notes
        self._come: deque[tuple[int, messages.Asked]] = deque()
        self._wake = threading.Event()
        # Quick ones and slow ones; of each the oldest first.
        self._quick: deque[tuple[int, messages.Asked, Iterator[Any]]] = deque()
        self._slow: deque[tuple[int, messages.Asked, Iterator[Any]]] = deque()
        self._tried = 0.0

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="rl-answers", daemon=True).start()

    def ask(self, number: int, message: messages.Asked) -> None:
        """Have a question answered."""
        self._come.append((number, message))
        self._wake.set()

    def _run(self) -> None:
        self._wake.wait()
        if not self._knows_something():
            # It answers nothing useful, and the first page is on its way.
            self._walker.go()
            self._walker.first.wait(FIRST_S)
            self._tried = time.monotonic()
        while True:
            self._begin_new()
            turns = self._quick or self._slow
            if turns:
                self._step(turns)
            elif not self._behind():
                self._walker.go()
                self._wake.wait()
                self._wake.clear()

    def _knows_something(self) -> bool:
        try:
            return self._reader.fresh().indexed > 0
        except Exception:  # a question will tell
            return False

    def _try_again(self) -> None:
        """Have the service asked once more where nothing is known: who asks for rows may have mended what was wrong."""
        if self._walker.error is None or self._knows_something():
            return
        if time.monotonic() - self._tried > AGAIN_S:
            self._walker.try_again(FIRST_S)
            self._tried = time.monotonic()

    def _begin_new(self) -> None:
        if self._come:
            self._notes.wait(NOTES_S)
        while self._come:
            number, message = self._come.popleft()
            if isinstance(message, messages.Page):
                self._try_again()
            quick = not isinstance(message, messages.Facets)
            (self._quick if quick else self._slow).append((number, message, self._reader.steps(message)))
            self._walker.asked()

    def _step(self, turns: deque[tuple[int, messages.Asked, Iterator[Any]]]) -> None:
        number, message, steps = turns.popleft()
        try:
            answer = next(steps)
        except Damaged:
            turns.append((number, message, self._reader.steps(message)))  # of the one made in its place
        except errors.RunloopError as error:
            self._fail(number, error)
        except Exception as error:
            log.exception("a question to the catalog can't be answered")
            self._fail(number, errors.CatalogError(f"the catalog can't answer: {type(error).__name__}: {error}"))
        else:
            if answer is None:
                turns.append((number, message, steps))
            else:
                self._answer(number, message, answer)

    def _answer(self, number: int, message: messages.Asked, answer: Any) -> None:
        if isinstance(message, messages.Page):
            if answer.fresh.indexed == 0 and self._walker.error is not None:
                self._fail(number, self._walker.error)  # nothing is known, and that is why
                return
            if answer.fresh.indexed:
                self._walker.checks.show(row.object.id for row in answer.rows if row is not None)
        data = json.encode(answer)
        if len(data) <= PIECE:
            self._send(number, data)
        else:  # it takes as long as the kernel takes to hear it, and others have their turn meanwhile
            threading.Thread(target=self._send, args=(number, data), name="rl-answer", daemon=True).start()

    def _send(self, number: int, data: bytes) -> None:
        with suppress(Gone):
            self._line.say(number, data)

    def _fail(self, number: int, error: errors.RunloopError) -> None:
        failed = messages.Failed(
            type(error).__name__,
            errors.one_line(str(error)),
            getattr(error, "status", 0),
            getattr(error, "request_id", None),
        )
        with suppress(Gone):
            self._line.say(number, json.encode(failed), Sort.FAILED)

    def _behind(self) -> bool:
        """Go on with what was asked for last, until something is asked; return whether there was anything to do."""
        did = False
        try:
            for _ in self._reader.behind():
                did = True
                if self._come:
                    break
        except Exception:
            log.debug("a list can't be finished", exc_info=True)
            time.sleep(0.1)
        return did
