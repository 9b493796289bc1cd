"""Runs the work of an action, shows how far it is when it takes long, and cleans up after Ctrl-C."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from runloop_jupyter import session as sessions
from runloop_jupyter.display.humane import plural
from runloop_jupyter.display.progress import LiveProgress, ProgressSnapshot
from runloop_jupyter.errors import Interrupted, TransferError
from runloop_jupyter.transfer.transfer import Phase, Transfer
from runloop_jupyter.transfer.work import carry_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.session import Session

T = TypeVar("T")


def run(session: Session, transfer: Transfer, work: Callable[[], T], *, ends: bool = True) -> T:
    """Run `work` on a thread, with progress after half a second where somebody looks.

    Args:
        session: Whose settings say whether progress is shown.
        transfer: What `work` reports to.
        work: What is done.
        ends: Whether the transfer is done when `work` is; otherwise it goes on behind.

    Raises:
        Interrupted: Ctrl-C, after cleaning up.
        BaseException: What `work` raises.
    """
    transfer.heard = True  # whatever goes wrong in here is said here
    with system_errors_in_one_line(transfer):
        done = _shown(session, transfer, work, ends=ends)
    transfer.heard = ends
    return done


def ask(what: str, question: Callable[[Transfer], T]) -> T:
    """Ask a store something on a thread, so that Ctrl-C is heard at once; no transfer that others see.

    Progress is shown of what walks through many objects: whoever enters a phase is shown in it.

    Args:
        what: What is asked about, for the one who stops it.
        question: Calls ``checkpoint()`` of what it is given between requests.

    Raises:
        Interrupted: Ctrl-C.
        BaseException: What `question` raises.
    """
    asking = Transfer(what, "down", "")
    with system_errors_in_one_line(asking):
        return _shown(sessions.current(), asking, lambda: question(asking))


def look(session: Session, label: str, walk: Callable[[Transfer], T]) -> T:
    """Ask as `ask` does, and show how many objects were looked at where that takes over half a second.

    Args:
        session: Whose settings say whether progress is shown.
        label: What is looked for, as the progress names it.
        walk: Reports the objects so far with ``reach()`` of what it is given.

    Raises:
        Interrupted: Ctrl-C; the message says how far the look got.
        BaseException: What `walk` raises.
    """
    looking = Transfer(label, "down", "")
    looking.begin(Phase.LOOKING)
    with system_errors_in_one_line(looking):
        try:
            return _shown(session, looking, lambda: walk(looking))
        except Interrupted:
            looked = plural(looking.snapshot().done, "object")
            raise Interrupted(f"“{label}” was stopped; looked at {looked}. Narrow with --since or a name") from None


def _shown(session: Session, transfer: Transfer, work: Callable[[], T], *, ends: bool = True) -> T:
    with waiting_is_shown(session, transfer) as tick:
        return carry_out(transfer, work, tick, ends=ends)


@contextmanager
def system_errors_in_one_line(transfer: Transfer) -> Iterator[None]:
    """Turn what the system says, of a file that vanished or a disk that fails, into one line."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise TransferError(f"“{transfer.label}”: {error.strerror or error}{where}. Nothing was kept") from error


@contextmanager
def waiting_is_shown(session: Session, transfer: Transfer) -> Iterator[Callable[[], None]]:
    """Show in the block how far `transfer` is, where somebody looks; give what is to be called often meanwhile."""
    # A thread's output would land in whatever cell runs next, so only the main thread shows any.
    if not session.shows_progress or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    with _progress_of(transfer) as live:
        yield live.tick


def _progress_of(transfer: Transfer) -> LiveProgress:
    started = time.monotonic()

    def look() -> ProgressSnapshot | None:
        now = transfer.snapshot()
        if now.phase is Phase.WAITING:
            return None
        return ProgressSnapshot(
            now.label,
            now.phase.value,
            now.done,
            now.total,
            started,
            now.state.value,
            unit="objects" if now.phase is Phase.LOOKING else "",
            rate=now.rate,
            files=now.files,
            of_files=now.of_files,
        )

    return LiveProgress(look)
