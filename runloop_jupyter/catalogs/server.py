"""The process that keeps the catalog of one store, for as long as its kernel lives.

It ends when the kernel says so or ends however it does: the socket between them, which is its standard input, ends
with it. The key comes by that and goes nowhere else.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from runloop_jupyter.catalogs import messages
from runloop_jupyter.catalogs.answers import Answers
from runloop_jupyter.catalogs.frames import Gone, Line, Sort
from runloop_jupyter.catalogs.notes import Notes
from runloop_jupyter.catalogs.place import Place
from runloop_jupyter.catalogs.reading import Reader
from runloop_jupyter.catalogs.walker import Walker
from runloop_jupyter.errors import RunloopError, one_line
from runloop_jupyter.wire import json

if TYPE_CHECKING:
    from runloop_jupyter.api.objects import Objects

TICK_S: Final = 0.5
_RENEW_S: Final = 8.0
log = logging.getLogger(__name__)


class Server:
    """One catalog.

    Args:
        line: To the kernel.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._walker: Walker | None = None
        self._answers: Answers | None = None
        self._notes: Notes | None = None
        self._listens = threading.Event()

    def serve(self) -> NoReturn:
        """Answer until the kernel is gone, and end this process."""
        with suppress(Gone):
            while True:
                number, _, data = self._line.hear()
                try:
                    self._take(number, json.decode(data, messages.Asked))  # type: ignore[arg-type]
                except (RunloopError, OSError) as error:
                    self._fail(number, type(error).__name__, str(error))
                except msgspec.MsgspecError as error:
                    why = f"another version of this package is installed than runs ({error}). Restart the kernel"
                    self._fail(number, "CatalogError", why)
        if self._walker is not None:
            self._walker.release()
        # Threads may wait for a service or a disk; what they have half done is taken back by whoever opens the file.
        os._exit(0)

    def _take(self, number: int, message: messages.Asked) -> None:
        if isinstance(message, messages.Begin):
            self._begin(message)
        elif self._walker is None or self._answers is None or self._notes is None:
            self._fail(number, "CatalogError", "a catalog has a beginning")
            return
        elif isinstance(message, messages.Refresh):
            self._walker.asked()
            self._walker.refresh(whole=message.whole)
        elif isinstance(message, messages.Changed):
            self._walker.checks.are_there([message.view])
            self._notes.take(message.view)
        elif isinstance(message, messages.Online):
            self._walker.online(message.why_not)
        elif isinstance(message, messages.Listen):
            if message.on:
                self._listens.set()
            else:
                self._listens.clear()
        else:
            self._answers.ask(number, message)
            return
        self._line.say(number, json.encode(messages.Done()))

    def _begin(self, begin: messages.Begin) -> None:
        place = Place(Path(begin.directory), begin.identity)
        place.current()

        @cache
        def objects() -> Objects:
            # httpx takes longer to load than all the rest, and what is known is answered without.
            from runloop_jupyter.api.http import Service
            from runloop_jupyter.api.objects import Objects

            return Objects(Service(begin.base_url, begin.key, label=begin.label))

        walker = self._walker = Walker(place, objects, begin.label)
        notes = self._notes = Notes(place)
        self._answers = Answers(self._line, Reader(place, walker.progress), walker, notes)
        walker.start()
        notes.start()
        self._answers.start()
        for work in (self._renew, self._tell):
            threading.Thread(target=work, args=(place,), daemon=True).start()

    def _renew(self, _: Place) -> None:
        while True:
            time.sleep(_RENEW_S)
            if self._walker is not None:
                self._walker.renew()

    def _tell(self, place: Place) -> None:
        """Tell the kernel what is new, where somebody listens there: twice a second at most."""
        assert self._walker is not None  # noqa: S101 - it was begun
        reader = Reader(place, self._walker.progress)
        last: object = None
        while True:
            self._listens.wait()
            try:
                now = reader.state()
                if now != last:
                    last = now
                    self._line.say(0, json.encode(now[0]))
            except Gone:
                return
            except Exception:
                log.debug("nothing can be told", exc_info=True)
            self._walker.asked()
            time.sleep(TICK_S)

    def _fail(self, number: int, kind: str, why: str) -> None:
        with suppress(Gone):
            self._line.say(number, json.encode(messages.Failed(kind, one_line(why))), Sort.FAILED)


def main() -> None:
    """Keep one catalog."""
    end = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # nothing that this process starts may hold it open
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the kernel's business
    Server(Line(end)).serve()


if __name__ == "__main__":
    main()
