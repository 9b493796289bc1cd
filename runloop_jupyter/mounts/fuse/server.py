"""The process that serves one mount, for as long as its kernel lives.

It ends when the kernel says so, when the kernel ends however it does (the pipe between them ends with it), by SIGTERM
and the like, and when somebody unmounts the directory. The mount ends with it, also while somebody reads there.

What it is told comes in by standard input and what it says goes out by standard output, a line each (`messages`). Both
are taken out of the way at once: nothing that this process starts may hold them open.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from runloop_jupyter import session as sessions
from runloop_jupyter.errors import MountError, RunloopError, one_line, redact
from runloop_jupyter.mounts.fuse import messages
from runloop_jupyter.mounts.fuse.availability import library
from runloop_jupyter.mounts.fuse.unmounting import SUBTYPE, let_go
from runloop_jupyter.profile import Profile
from runloop_jupyter.transfer.cache import if_any
from runloop_jupyter.wire import json as wire

if TYPE_CHECKING:
    from runloop_jupyter.mounts.fuse.archives import Archives
    from runloop_jupyter.mounts.fuse.contents import Tally
    from runloop_jupyter.mounts.fuse.nodes import Directory
    from runloop_jupyter.mounts.fuse.operations import Answers
    from runloop_jupyter.mounts.layout import Layout
    from runloop_jupyter.session import Store

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LAST_WORD_S: Final = 5.0


class Line:
    """The two pipes to the kernel."""

    def __init__(self) -> None:
        self._coming: BinaryIO = os.fdopen(_taken(0, os.O_RDONLY), "rb")
        self._going = _taken(1, os.O_WRONLY)
        self._lock = threading.Lock()

    def hear(self) -> messages.Asked | None:
        """Return the next message; None once the kernel is gone."""
        line = self._coming.readline()
        return wire.decode(line, messages.Asked) if line.endswith(b"\n") else None  # type: ignore[arg-type]

    def say(self, answer: messages.Answer) -> None:
        """Tell the kernel."""
        left = memoryview(wire.encode(answer) + b"\n")
        with self._lock, suppress(OSError):  # it is gone: whoever listens hears of that
            while left:
                left = left[os.write(self._going, left) :]


class Ending:
    """The end of the mount, once, whoever brings it about."""

    def __init__(self) -> None:
        self.target: str | None = None
        self._lock = threading.Lock()
        self._said = threading.Event()
        self._said.set()

    def now(self, status: int = 0) -> None:
        """Let go of the directory, whoever is at work there, and end this process."""
        with self._lock:  # never let go of: another thread that comes here waits for the end
            if self.target is not None:
                let_go(self.target, lazily=True)
            cache = if_any()
            if cache is not None:
                with suppress(Exception):
                    cache.close()
            os._exit(status)  # readers may be waiting in other threads; they are told by the system

    def answering(self) -> None:
        """Hold back the end of the loop: the kernel is yet to hear that it was asked for."""
        self._said.clear()

    def answered(self) -> None:
        """Let the loop end."""
        self._said.set()

    def after_loop(self) -> None:
        """End this process: nothing is mounted any more."""
        self._said.wait(_LAST_WORD_S)
        self.now()


class Server:
    """One mount.

    Args:
        line: To the kernel.
        ending: Of it all.
    """

    def __init__(self, line: Line, ending: Ending) -> None:
        self._line = line
        self._ending = ending
        self._layout: Layout
        self._root: Directory
        self._tally: Tally
        self._archives: Archives
        self._answers: Answers

    def run(self, begin: messages.Begin) -> None:
        """Mount, and answer until it is unmounted.

        Raises:
            MountError: The system refuses.
            RunloopError: The store can't be had.
        """
        store = _store_of(begin)
        try:
            if sys.platform == "linux" and (found := library()):
                os.environ.setdefault("FUSE_LIBRARY_PATH", found)  # read when mfusepy is imported
            from runloop_jupyter.mounts.fuse import operations
        except (OSError, AttributeError) as error:
            raise MountError(f"libfuse can't be loaded ({error})") from None
        from runloop_jupyter.mounts.fuse.archives import Archives
        from runloop_jupyter.mounts.fuse.contents import Opener, Tally
        from runloop_jupyter.mounts.fuse.views import tree

        self._tally = Tally()
        self._archives = Archives(Opener(store, self._tally))
        self._layout = begin.layout
        self._root = tree(begin.layout, self._archives)
        self._answers = operations.Answers(self._root, self._tally, self._is_there)
        self._ending.target = begin.target
        options = {
            "fsname": SUBTYPE,
            "ro": True,
            "default_permissions": True,
            "use_ino": True,
            "attr_timeout": operations.SECONDS,
            "entry_timeout": operations.SECONDS,
            "negative_timeout": 0,
            **({"subtype": SUBTYPE} if sys.platform == "linux" else {}),
        }
        try:
            operations.Fuse(self._answers, begin.target, raw_fi=True, foreground=True, **options)
        except RuntimeError:
            # What libfuse has to say of it went to standard error; the kernel adds that.
            raise MountError("the system refuses to mount") from None

    def _is_there(self) -> None:
        self._line.say(messages.Ready())
        threading.Thread(target=self._listen, name="rl-kernel", daemon=True).start()

    def _listen(self) -> None:
        with suppress(ValueError):
            while (asked := self._line.hear()) is not None:
                self._answer(asked)
        self._ending.now()

    def _answer(self, asked: messages.Asked) -> None:
        if isinstance(asked, messages.Ask):
            self._line.say(messages.Told(*self._tally.sums(), self._tally.failures, self._tally.last_failure))
        elif isinstance(asked, messages.Show):
            self._show(asked.layout)
        elif isinstance(asked, messages.Unmount):
            self._unmount(lazily=asked.lazily)
        else:
            self._line.say(messages.Failed("a mount has one beginning"))

    def _show(self, layout: Layout) -> None:
        from runloop_jupyter.mounts.fuse.views import tree

        root = tree(layout, self._archives, self._root, self._layout)
        self._answers.show(root)
        self._root, self._layout = root, layout
        self._line.say(messages.Done())

    def _unmount(self, *, lazily: bool) -> None:
        self._ending.answering()
        done = let_go(self._ending.target or "", lazily=lazily)
        self._line.say(messages.Done() if done else messages.Busy())
        self._ending.answered()


def _store_of(begin: messages.Begin) -> Store:
    profile = Profile(begin.profile, begin.source, begin.base_url, begin.key)
    store = sessions.open_store(profile)
    if store.identity.id != begin.store_id:
        raise MountError(f"the {store.identity.label} is another one than when this was mounted. Restart the kernel")
    return store


def _taken(descriptor: int, how: int) -> int:
    """Return a descriptor's file under another number, which no child inherits; nothing is left under this one."""
    taken = os.dup(descriptor)
    nothing = os.open(os.devnull, how)
    os.dup2(nothing, descriptor)
    os.close(nothing)
    return taken


def _signalled() -> int:
    """Return a descriptor to read from: a byte comes for each signal that is to end this."""
    told, telling = os.pipe()
    os.set_blocking(telling, False)
    signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
    for number in _SIGNALS:
        # Not blocked, which what this starts would inherit; and not left to libfuse, which waits for its readers.
        signal.signal(number, lambda *_: None)
    return told


def main() -> None:
    """Serve one mount."""
    line, ending = Line(), Ending()
    told = _signalled()
    logging.getLogger("fuse").setLevel(logging.CRITICAL)  # what can't be had is told by the tally
    with suppress(ValueError, OSError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # On another thread: mfusepy leaves the signals alone there, and this one hears of them.
    threading.Thread(target=_serve, args=(line, ending), name="rl-fuse", daemon=True).start()
    while not os.read(told, 1):
        pass
    ending.now()


def _serve(line: Line, ending: Ending) -> None:
    try:
        begin = line.hear()
        if isinstance(begin, messages.Begin):
            Server(line, ending).run(begin)
    except (RunloopError, OSError) as error:
        line.say(messages.Failed(one_line(redact(str(error)))))
        ending.now(1)
    except msgspec.MsgspecError as error:
        line.say(
            messages.Failed(f"another version of this package is installed than runs ({error}). Restart the kernel")
        )
        ending.now(1)
    ending.after_loop()


if __name__ == "__main__":
    main()
