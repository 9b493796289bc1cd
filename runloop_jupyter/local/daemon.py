"""The embedded store in the background: ``python -m runloop_jupyter.local.daemon ROOT READY_FD``; see `launch`.

One line is written to the descriptor READY_FD: ``ready``, ``busy`` when another daemon was faster, or ``failed``
and why.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from runloop_jupyter.errors import EmbeddedStoreError, one_line, redact
from runloop_jupyter.local.layout import Layout

_IDLE_SECONDS: Final = 1800.0
_LOG_BYTES: Final = 1 << 20
_SIGNATURE: Final = re.compile(r"(signature=|Runloop-Control )[^\s&'\"]+")


class RedactingFormatter(logging.Formatter):
    """Takes keys and signatures out of whatever is logged, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line(s) for `record` without secrets."""
        return _SIGNATURE.sub(r"\1•••", redact(super().format(record)))


def idle_seconds() -> float:
    """Return after how many seconds without use the daemon stops: ``RUNLOOP_LOCAL_IDLE``, or half an hour.

    Raises:
        EmbeddedStoreError: The variable isn't a number of seconds.
    """
    text = os.environ.get("RUNLOOP_LOCAL_IDLE", "")
    try:
        seconds = float(text) if text else _IDLE_SECONDS
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise EmbeddedStoreError(f"RUNLOOP_LOCAL_IDLE is a number of seconds greater than 0, not {text[:40]!r}")
    return seconds


def main(arguments: list[str]) -> int:
    """Leave the process that started this one, and serve."""
    if os.fork():  # the launcher needn't wait for a child that outlives it; nothing has a thread yet
        return 0
    layout, ready = Layout(Path(arguments[0])), int(arguments[1])
    os.umask(0o077)
    # A thread of a library's that started this may have had them blocked: libfuse's do.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    _log_to(layout)
    try:
        from runloop_jupyter.local import server  # aiohttp, only after the fork

        options = server.Options(idle_seconds=idle_seconds(), ready=lambda _: _report(ready, "ready"))
        try:
            server.serve(layout, options)
        except server.Locked:
            _report(ready, "busy")
    except EmbeddedStoreError as error:
        logging.getLogger(__name__).error("%s", error)
        _report(ready, f"failed {error}")
        return 1
    except BaseException as error:
        logging.getLogger(__name__).exception("the daemon failed")
        _report(ready, f"failed {type(error).__name__}: {error}")
        return 1
    return 0


def _report(descriptor: int, line: str) -> None:
    with suppress(OSError):  # closed already, or the launcher is gone
        os.write(descriptor, one_line(line).encode() + b"\n")
        os.close(descriptor)


def _log_to(layout: Layout) -> None:
    handler = logging.handlers.RotatingFileHandler(layout.log, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8")
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
