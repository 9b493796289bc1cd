"""Who fetches an object: of several kernels that want it at once one does, and the others wait for it.

A claim is one small file, ``claims/<store>/<object id>``: a line that names host, boot and process of who fetches, and
once a second while bytes arrive a line that says how many, which renews its modification time too. No lock of the
filesystem's is asked for: those mean nothing on some network disks. A file that is linked into place, whole, by one of
several is enough. Losing a race here costs a second download and never a wrong byte, for what is fetched is verified
and appears by a rename whoever fetched it.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.paths import private_dir
from runloop_jupyter.transfer.journal import Owner, me

if TYPE_CHECKING:
    from pathlib import Path

RENEW_EVERY_S: Final = 1.0
SILENCE_S: Final = 30.0
"""After so long without a byte somebody else tries; the one who fell silent may go on, and both end with the same."""


class Claim:
    """The right to fetch, held by this process until `release`."""

    def __init__(self, path: Path, fd: int, token: str) -> None:
        self._path = path
        # Written to by its descriptor: where somebody took over, what has the name now is theirs.
        self._fd: int | None = fd
        self._token = token
        self._renewed = time.monotonic()
        self._lock = threading.Lock()

    def renew(self, done: int = 0) -> None:
        """Say how many bytes have arrived; cheap to call for each of them."""
        now = time.monotonic()
        if now - self._renewed < RENEW_EVERY_S:
            return
        with self._lock, suppress(OSError):
            if self._fd is not None:
                self._renewed = now
                os.write(self._fd, f"{done}\n".encode())

    def release(self) -> None:
        """Let others have it. Where somebody took over meanwhile, theirs stays."""
        with suppress(OSError):
            if _token(self._path) == self._token:
                self._path.unlink()
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None


def take(path: Path) -> Claim | None:
    """Claim what `path` stands for; None where somebody has it.

    Raises:
        OSError: No room, no permission.
    """
    private_dir(path.parent)
    token = secrets.token_hex(8)
    line = json.dumps({"token": token, "owner": asdict(me())}) + "\n"
    temporary = temporary_beside(path)
    fd = _written(temporary, line)
    try:
        # Whole from its first moment, which a file that is opened and then written to isn't.
        os.link(temporary, path)
    except OSError as error:
        # A file server that answers twice says of one's own link that it was there.
        if _token(path) == token:
            return Claim(path, fd, token)
        os.close(fd)
        if isinstance(error, FileExistsError):
            return None
        try:  # a disk without links: then nobody links, and all open
            fd = _written(path, line)
        except FileExistsError:
            return None
    finally:
        with suppress(OSError):
            temporary.unlink()
    return Claim(path, fd, token)


def _written(path: Path, line: str) -> int:
    """Make a file with one line and return it open, each further write going to its end."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line.encode())
    except BaseException:
        os.close(fd)
        with suppress(OSError):
            path.unlink()
        raise
    return fd


class Watch:
    """Looks at somebody else's claim while waiting for it to end.

    Args:
        path: The claim.

    Attributes:
        done: How many bytes its owner had last.
    """

    def __init__(self, path: Path) -> None:
        self.done = 0
        self._path = path
        self._seen: tuple[str, int] | None = None
        self._since = time.monotonic()

    def clear_if_abandoned(self) -> bool:
        """Take the claim away where its owner is dead or silent; return whether it was."""
        try:
            renewed = self._path.stat().st_mtime_ns
            content = _content(self._path)
        except OSError:
            return False
        self.done = int(str(content.get("done", 0)))
        token, now = str(content.get("token")), time.monotonic()
        # By one's own clock: that of another machine, or of a file server, may be wrong by any time.
        if self._seen != (token, renewed):
            self._seen, self._since = (token, renewed), now
        if now - self._since < SILENCE_S and _alive(content) is not False:
            return False
        return self._take_away(token)

    def _take_away(self, token: str) -> bool:
        aside = temporary_beside(self._path)
        try:
            self._path.rename(aside)
        except OSError:
            return False
        if (found := str(_token(aside))) != token:
            # Another was quicker, and this is the new one's claim.
            with suppress(OSError):
                os.link(aside, self._path)
        with suppress(OSError):
            aside.unlink()
        return found == token


def is_dead(path: Path) -> bool:
    """Whether a claim's owner certainly runs no more."""
    try:
        return _alive(_content(path)) is False
    except OSError:
        return False


def _alive(content: dict[str, object]) -> bool | None:
    try:
        return Owner(**content["owner"]).alive  # type: ignore[arg-type]
    except (KeyError, TypeError):
        return None  # not written yet, or another version's: its silence will tell


def _token(path: Path) -> object:
    try:
        return _content(path).get("token")
    except OSError:
        return None


def _content(path: Path) -> dict[str, object]:
    """Return what a claim says, and under ``done`` its last number; nothing where it can't be read."""
    first, *numbers = path.read_bytes().splitlines() or [b""]
    try:
        content = json.loads(first)
        done = int(numbers[-1]) if numbers else 0
    except ValueError:
        return {}
    return {**content, "done": done} if isinstance(content, dict) else {}
