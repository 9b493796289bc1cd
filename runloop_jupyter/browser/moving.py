"""The transfers that a browser shows: all of this kernel's, whoever began them, and the puts that were cut off."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter import session as sessions
from runloop_jupyter.browser import protocol
from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer import journal
from runloop_jupyter.transfer.transfer import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runloop_jupyter.actions.transfers import TransferInfo
    from runloop_jupyter.browser.place import Place
    from runloop_jupyter.widgets.asked import Asked
    from runloop_jupyter.widgets.publisher import Publisher

log = logging.getLogger(__name__)
EACH_S: Final = 0.1
SHOWN: Final = 30


class Moving:
    """Tells of transfers while any of them runs, ten times a second at most.

    Args:
        place: Whose session's transfers.
        publisher: Sends what changed.
    """

    def __init__(self, place: Place, publisher: Publisher) -> None:
        self._place = place
        self._publisher = publisher
        self._told: list[protocol.Transfer] = []
        self._lock = threading.Lock()
        self._watches = False
        self._again = False
        self._closed = threading.Event()
        self._since = time.time()
        self._stop = place.session.transfers.added.listen(lambda transfer: self.watch())

    def shown(self) -> list[protocol.Transfer]:
        """Return what is worth showing: what runs, is unfinished, failed, or ended since this opened."""
        infos = [each for each in self._infos() if self._is_worth_it(each)]
        return [_told(each) for each in infos[:SHOWN]]

    def watch(self) -> None:
        """Tell how far they are until nothing runs any more."""
        with self._lock:
            self._again = True
            if self._watches or self._closed.is_set():
                return
            self._watches = True
        # Not by listening to each: a download would make a note of itself for every buffer.
        threading.Thread(target=self._run, name="rl-moving", daemon=True).start()

    def close(self) -> None:
        """Tell nothing any more."""
        self._stop()
        self._closed.set()

    def cancel(self, asked: Asked) -> None:
        """Answer ``cancelTransfer``."""
        self._with(asked, lambda info: info.cancel())

    def retry(self, asked: Asked) -> None:
        """Answer ``retryTransfer``."""
        self._with(asked, lambda info: info.retry())

    def resume(self, asked: Asked) -> None:
        """Answer ``resumeTransfer``."""
        self._with(asked, lambda info: info.resume())

    def _infos(self) -> Sequence[TransferInfo]:
        if not list(self._place.session.transfers) and not journal.everything():
            return []  # and what would look further needn't be loaded
        from runloop_jupyter.actions.transfers import transfers_without_hearing

        with sessions.within(self._place.session):
            return transfers_without_hearing()

    def _is_worth_it(self, info: TransferInfo) -> bool:
        """Whether it is of any interest: what went well before there was this browser isn't."""
        ended = info.now.ended if info.now else None
        return ended is None or ended >= self._since or info.state == State.FAILED

    def _with(self, asked: Asked, do: Callable[[TransferInfo], object]) -> None:
        said = protocol.read(asked.args, protocol.IdArgs)
        with self._place.at_work(asked):
            found = next((each for each in self._infos() if each.id == said.id), None)
            if found is None:
                raise InputError("that transfer is none of this kernel's any more")
            do(found)
        self.watch()

    def _run(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                self._again = False
            try:
                now = self.shown()
            except Exception:  # it can be told when the next one moves
                log.debug("transfers can't be shown", exc_info=True)
                now = self._told
            if now != self._told:
                self._told = now
                self._publisher.event("transfers", lambda: {"transfers": protocol.plain(self._told)})
            if any(each.state == State.RUNNING for each in now):
                self._closed.wait(EACH_S)
                continue
            with self._lock:
                if not self._again:
                    self._watches = False
                    return


def _told(info: TransferInfo) -> protocol.Transfer:
    now = info.now
    return protocol.Transfer(
        id=info.id,
        label=info.label,
        direction="put" if info.direction == "put" else "get",
        place=info.place,
        state=info.state,
        phase=info.phase,
        done=info.done,
        total=now.total if now else info.size,
        rate=info.rate,
        left_s=info.left_s,
        files=now.files if now else 0,
        of_files=now.of_files if now else None,
        error=info.error,
        can=_can(info),
    )


def _can(info: TransferInfo) -> list[Any]:
    if info.state == State.RUNNING:
        return ["cancel"]
    if info.now is None:  # cut off
        return ["resume", "cancel"] if info.can_be_resumed else ["cancel"]
    return ["retry"] if info.can_be_retried else []
