"""Work on a thread of its own, so that Ctrl-C stops the waiting at once, whatever the work is stuck in."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from runloop_jupyter.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.lanes import Lanes
    from runloop_jupyter.transfer.transfer import Transfer

T = TypeVar("T")

TICK_S: Final = 0.05
CLEAN_UP_S: Final = 0.6  # together with a tick, under a second from Ctrl-C to the prompt


def carry_out(
    transfer: Transfer, work: Callable[[], T], tick: Callable[[], None] = lambda: None, *, ends: bool = True
) -> T:
    """Run `work` on a thread and wait for it here.

    On Ctrl-C the transfer is cancelled and given a moment to clean up; what is stuck longer (in a dead network, in a
    library) goes on cleaning up behind, on its own thread, for a thread can't be killed.

    Args:
        transfer: What `work` reports to; it is ended here, in the state that fits.
        work: Calls ``transfer.checkpoint()`` often.
        tick: Called about 20 times a second on the calling thread.
        ends: Whether the transfer is done when `work` is; otherwise it goes on behind.

    Returns:
        What `work` returned.

    Raises:
        Interrupted: Ctrl-C; it is a KeyboardInterrupt.
        BaseException: Whatever `work` raised.
    """
    outcome: Outcome[T] = Outcome()
    name = f"rl-{transfer.label[:20]}"
    thread = threading.Thread(target=outcome.of, args=(transfer, work, ends), name=name, daemon=True)
    try:
        # Within the `try`: an interrupt may come before start() returns.
        thread.start()
        while not outcome.ready.wait(TICK_S):
            tick()
    except KeyboardInterrupt:
        transfer.cancel()
        with suppress(KeyboardInterrupt):  # a second one: not even that moment
            outcome.ready.wait(CLEAN_UP_S)
        raise Interrupted(f"“{transfer.label}” {outcome.after_cancel(transfer)}") from None
    if outcome.error is not None:
        raise outcome.error
    return cast("T", outcome.value)


def set_off(lanes: Lanes, transfer: Transfer, work: Callable[[], T]) -> Outcome[T]:
    """Have `work` done behind, when its turn comes, and return at once.

    Args:
        lanes: Where it is done.
        transfer: What `work` reports to; it is ended there, in the state that fits.
        work: Calls ``transfer.checkpoint()`` first and often, and cleans up when that raises. One that is cancelled
            while it waits has its turn at once.
    """
    outcome: Outcome[T] = Outcome()

    def turn() -> None:
        outcome.of(transfer, work)

    lanes.submit(turn)
    transfer.hurry = lambda: lanes.hurry(turn)
    return outcome


class Outcome(Generic[T]):
    """What became of work: there once `ready` is set, by then a value or an error."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.value: T | None = None
        self.error: BaseException | None = None

    def after_cancel(self, transfer: Transfer) -> str:
        """Return what became of it, for the one who stopped it."""
        if not self.ready.is_set():
            return "was stopped; what is left of it is being cleared away"
        if transfer.leaves:
            return "was stopped; the store couldn't be told, and the next %load_ext clears what is left"
        if self.error is None:
            return "was done before it could be stopped"
        if transfer.keeps:
            return "was stopped; what came is kept for up to a week, and the next get goes on with it"
        now = transfer.snapshot()
        if now.of_files is not None:
            return (
                f"was stopped; {now.files:,} of {now.of_files:,} are through and stay, nothing of the others was left"
            )
        return "was stopped; nothing of it was left"

    def of(self, transfer: Transfer, work: Callable[[], T], ends: bool = True) -> None:
        """Do `work` here and now, and end `transfer` in the state that fits."""
        try:
            self.value = work()
            if ends:
                transfer.finish()
        except BaseException as error:
            self.error = error
            transfer.fail(error)
        finally:
            self.ready.set()
