"""Runs the work of an action, shows how far it is when it takes long, and cleans up after Ctrl-C."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from runloop_jupyter.display.progress import LiveProgress, ProgressSnapshot
from runloop_jupyter.transfer.work import carry_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.session import Session
    from runloop_jupyter.transfer.transfer import Transfer

T = TypeVar("T")


def run(session: Session, transfer: Transfer, work: Callable[[], T]) -> T:
    """Run `work` on a thread, with progress after half a second where somebody looks.

    Raises:
        Interrupted: Ctrl-C, after cleaning up.
        BaseException: What `work` raises.
    """
    # A thread's output would land in whatever cell runs next, so only the main thread shows any.
    if not session.shows_progress or threading.current_thread() is not threading.main_thread():
        return carry_out(transfer, work)
    with _progress_of(transfer) as live:
        return carry_out(transfer, work, live.tick)


def _progress_of(transfer: Transfer) -> LiveProgress:
    started = time.monotonic()

    def look() -> ProgressSnapshot:
        now = transfer.snapshot()
        return ProgressSnapshot(now.label, now.phase.value, now.done, now.total, started, now.state.value)

    return LiveProgress(look)
