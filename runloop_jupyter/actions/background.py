"""What goes on behind: a put or a get whose cell has returned already."""

from __future__ import annotations

import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runloop_jupyter.actions.movement import facts_of, phase_of
from runloop_jupyter.actions.running import run, system_errors_in_one_line, waiting_is_shown
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.host import running_cell
from runloop_jupyter.display.result import Result
from runloop_jupyter.errors import InputError, Interrupted, TransferCancelled
from runloop_jupyter.transfer.transfer import Phase, State
from runloop_jupyter.transfer.work import TICK_S, set_off

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.transfer import Snapshot, Transfer
    from runloop_jupyter.transfer.work import Outcome

T = TypeVar("T")

_GONE: Final = "what was put isn't there any more; put it again"


class BackgroundTransfer(Result):
    """A put or a get that goes on while the notebook does something else; ``background=True`` returns it.

    It moves on a thread; nothing of it is ever printed. A failure that nobody asked about is said by the next magic.

    Args:
        session: Whose settings say whether progress is shown while somebody waits.
        transfer: The transfer.
        outcome: What becomes of it.

    Example:
        >>> going = rl.put(Path("big.bin"), background=True)  # doctest: +SKIP
        >>> going.result()  # waits, and is the Object  # doctest: +SKIP
    """

    def __init__(self, session: Session, transfer: Transfer, outcome: Outcome[Any]) -> None:
        self.id = transfer.id
        self.label = transfer.label
        self._session = session
        self._transfer = transfer
        self._outcome = outcome
        self._cell = running_cell()

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._outcome.ready.is_set()

    def snapshot(self) -> Snapshot:
        """Return how far it is."""
        return self._transfer.snapshot()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` seconds for the end, with progress; return whether it has come.

        Raises:
            Interrupted: Ctrl-C ends the waiting; what is waited for goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            with waiting_is_shown(self._session, self._transfer) as tick:
                while not self._outcome.ready.wait(_until(deadline)):
                    if deadline is not None and time.monotonic() >= deadline:
                        return self.done
                    tick()
        except KeyboardInterrupt:
            raise Interrupted(
                f"the waiting was stopped; “{self.label}” goes on: %rl_transfers cancel {self.id} ends it"
            ) from None
        return True

    def result(self, timeout: float | None = None) -> Any:
        """Wait, and return what the call would have returned in the foreground: an `Object`, a value, a path.

        Raises:
            TimeoutError: It hasn't ended within `timeout` seconds; it goes on.
            Interrupted: Ctrl-C ends the waiting; what is waited for goes on.
            BaseException: What the call would have raised.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"“{self.label}” hasn't ended within {timeout:g} s; it goes on")
        if self._outcome.error is not None:
            self._transfer.heard = True
            raise self._outcome.error
        return self._outcome.value

    def cancel(self) -> None:
        """Ask it to stop; it cleans up and ends within a second. Harmless when it has ended."""
        self._transfer.cancel()

    def card(self) -> Card:
        """Return the card that shows it."""
        now = self.snapshot()
        # In the cell that set it off it may be over by the time it is shown, or not: that must not be told apart.
        is_new = self._cell is not None and self._cell == running_cell()
        up = now.direction == "up"
        if now.state is State.FAILED and not is_new:
            self._transfer.heard = True
        state = [Fact("goes on in the background")] if is_new else phase_of(now)
        return Card(
            title=self.label,
            facts=[*state, *([] if is_new else facts_of(now)), *[now.place] * up],
            code=["%rl_transfers", *([] if is_new else [Fact(self.id, "id")])],
            warnings=[now.error] if now.error and not is_new else [],
        )

    def __repr__(self) -> str:
        return f"<BackgroundTransfer {self.label!r}>"

    def _shown(self) -> Card:
        return self.card()


def begin(
    session: Session, transfer: Transfer, work: Callable[[], Any], *, size: int | None = None
) -> BackgroundTransfer:
    """Have `work` done behind and return at once.

    Args:
        session: Where it belongs.
        transfer: What `work` reports to.
        work: Checks first whether it was cancelled, and cleans up when it was.
        size: How many bytes it will move, where that is known.
    """
    with suppress(TransferCancelled):  # `work` will hear of it, and cleans up
        transfer.begin(Phase.WAITING, size)

    def guarded() -> Any:
        with system_errors_in_one_line(transfer):
            return work()

    return BackgroundTransfer(session, transfer, set_off(session.transfers.lanes, transfer, guarded))


def begin_packed(
    session: Session,
    transfer: Transfer,
    pack: Callable[[], T],
    deliver: Callable[[T], Any],
    give_up: Callable[[T], object],
    size: Callable[[T], int | None],
) -> BackgroundTransfer:
    """Pack here and now, with progress, and have what was packed delivered behind.

    Args:
        session: Where it belongs.
        transfer: What both report to.
        pack: Returns what is ready to be delivered.
        deliver: Checks first whether it was cancelled, and cleans up when it was.
        give_up: Leaves nothing of what was packed; harmless a second time.
        size: How many bytes it will move, where that is known.

    Raises:
        Interrupted: Ctrl-C before it goes on behind; nothing of it is left.
        BaseException: What `pack` raises.
    """
    packed: list[T] = []
    begun: list[T] = []

    def pack_first() -> None:
        packed.append(pack())
        if transfer.cancelled:  # and nobody waits any more
            give_up(packed[0])
            transfer.checkpoint()

    def work() -> Any:
        begun.append(packed[0])
        return deliver(packed[0])

    try:
        run(session, transfer, pack_first, ends=False)
        return begin(session, transfer, work, size=size(packed[0]))
    except KeyboardInterrupt as error:
        # In the moment between the two: what was packed has nobody who would clear it away.
        transfer.cancel()
        if packed and not begun:
            give_up(packed[0])
            transfer.fail(error)
        raise


def call_again(what: object, call: Callable[[Any], object]) -> Callable[[], object]:
    """Return what makes a call again with `what`, if that is still there: a failure holds no frame for its own sake."""
    try:
        reference: Callable[[], object] = weakref.ref(what)
    except TypeError:  # text, numbers, lists: small, or nothing else is to be had
        return lambda: call(what)

    def again() -> object:
        still = reference()
        if still is None:
            raise InputError(_GONE)
        return call(still)

    return again


def _until(deadline: float | None) -> float:
    return TICK_S if deadline is None else max(0.0, min(TICK_S, deadline - time.monotonic()))
