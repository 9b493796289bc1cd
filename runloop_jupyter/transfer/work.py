"""Work on a thread of its own, so that Ctrl-C stops the waiting at once, whatever the work is stuck in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from runloop_jupyter.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.transfer.transfer import Transfer

T = TypeVar("T")

TICK_S: Final = 0.05
CLEAN_UP_S: Final = 0.6  # together with a tick, under a second from Ctrl-C to the prompt


def carry_out(transfer: Transfer, work: Callable[[], T], tick: Callable[[], None] = lambda: None) -> T:
    """Run `work` on a thread and wait for it here.

    On Ctrl-C the transfer is cancelled and given a moment to clean up; what is stuck longer (in a dead network, in a
    library) goes on cleaning up behind, on its own thread, for a thread can't be killed.

    Args:
        transfer: What `work` reports to; it is ended here, in the state that fits.
        work: Calls ``transfer.checkpoint()`` often.
        tick: Called about 20 times a second on the calling thread.

    Returns:
        What `work` returned.

    Raises:
        Interrupted: Ctrl-C; it is a KeyboardInterrupt.
        BaseException: Whatever `work` raised.
    """
    outcome: _Outcome[T] = _Outcome()
    thread = threading.Thread(target=outcome.of, args=(transfer, work), name=f"rl-{transfer.label[:20]}", daemon=True)
    try:
        # Within the `try`: an interrupt may come before start() returns.
        thread.start()
        while not outcome.ready.wait(TICK_S):
            tick()
    except KeyboardInterrupt:
        transfer.cancel()
        clean = outcome.ready.wait(CLEAN_UP_S)
        after = "nothing of it was left" if clean else "what is left of it is being cleared away"
        raise Interrupted(f"“{transfer.label}” was stopped; {after}") from None
    if outcome.error is not None:
        raise outcome.error
    return cast("T", outcome.value)


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.ready = threading.Event()
        self.value: T | None = None
        self.error: BaseException | None = None

    def of(self, transfer: Transfer, work: Callable[[], T]) -> None:
        try:
            self.value = work()
            transfer.finish()
        except BaseException as error:
            self.error = error
            transfer.fail(error)
        finally:
            self.ready.set()
