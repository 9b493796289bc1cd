"""Files of the store take their places in a writable folder: whole, and never over something that isn't kept.

They are brought into a hidden directory in the folder first. To take the place of a file, the two trade names in one
step, and only then it is looked at what came out: a save that came in between is not lost but kept beside.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import MountError
from runloop_jupyter.mounts.writable.leaving_out import STAGING
from runloop_jupyter.mounts.writable.remote import said_digest
from runloop_jupyter.mounts.writable.state import looks_of
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.whole import Whole

if TYPE_CHECKING:
    from runloop_jupyter.mounts.writable.state import Looks, State
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

MODE: Final = 0o666  # less the umask, as any new file of its user
_LATEST_MS: Final = 4_102_444_800_000  # 2100: a store may answer with any integer, a filesystem may not take it
_NAME_BYTES: Final = 255
_ASIDE: Final = ".old"
_CANT: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK})


@dataclass(frozen=True)
class Staged:
    """A version that was brought, verified, and has no place yet.

    Attributes:
        at: The file.
        digest: Of its bytes, ``blake3:…``.
        looks: How it looks; its mtime is when the version was put, so that any write to it will show.
    """

    at: Path
    digest: str
    looks: Looks


class Placing:
    """Puts versions where they belong.

    Args:
        store: Where they come from.
        where: The directory, absolute, without links on the way.
        state: Told before something trades places, so that a kernel killed in between loses nothing.

    Attributes:
        fetched: Bytes that came from the store, and not from the cache.
        asked: Of how many versions.
    """

    def __init__(self, store: Store, where: str, state: State) -> None:
        self._store = store
        self._where = where
        self._state = state
        self._staging = Path(where) / STAGING
        self._lock = threading.Lock()
        self.fetched = 0
        self.asked = 0

    def stage(self, view: ObjectView, transfer: Transfer) -> Staged:
        """Bring a version, verified.

        Raises:
            DigestMismatch, TransferError, StoreError, Unreachable: As `Whole` does.
            OSError: The directory can't be written to.
        """
        self._staging.mkdir(mode=0o700, exist_ok=True)
        at = self._staging / os.urandom(8).hex()
        try:
            whole = Whole(self._store.objects, self._store.identity.id, view, transfer)
            if (here := whole.here()) is not None:
                here.close()
            whole.to(at, mode=MODE, settled=False)
            said = said_digest(view)
            if said is None or not said.startswith(f"{digest.DEFAULT}:"):
                said = digest.of_file(at, lambda _: transfer.checkpoint())
            moment = max(0, min(view.create_time_ms, _LATEST_MS)) * 1_000_000
            os.utime(at, ns=(moment, moment))
            looks = looks_of(at.stat())
            if here is None:
                with self._lock:
                    self.fetched += looks[0]
                    self.asked += 1
            return Staged(at, said, looks)
        except BaseException:
            at.unlink(missing_ok=True)
            raise

    def put_new(self, staged: Staged, path: str) -> bool:
        """Put a staged file where nothing is; False where something is by now, and it is thrown away.

        Raises:
            MountError: It can't be there, for what is above it.
            OSError: As that, or the disk refused.
        """
        try:
            placed = _moved(staged.at, self._ready(path))
        except BaseException:
            staged.at.unlink(missing_ok=True)
            raise
        if not placed:
            staged.at.unlink(missing_ok=True)
        return placed

    def put_over(self, staged: Staged, path: str, unchanged: Looks | None) -> str | None:
        """Put a staged file in the place of what is there.

        Args:
            staged: The file.
            path: Where, within the folder.
            unchanged: How what is there looks if its bytes are in the store, so that it may go; None for what must be
                kept.

        Returns:
            The path within the folder under which what was there is kept; None where it went.

        Raises:
            MountError: It can't be there: a directory is.
            OSError: The disk refused.
        """
        name = staged.at.name
        self._state.displace(name, path, staged.digest)
        kept = None
        try:
            at = self._ready(path)
            with suppress(OSError):
                mode = at.lstat().st_mode
                if stat.S_ISDIR(mode):
                    raise MountError(f"{shown(path)} is a directory here, and a file in the store")
                if stat.S_ISREG(mode):
                    staged.at.chmod(stat.S_IMODE(mode) & 0o777)
            while (old := self._trade(staged.at, at)) is not None:
                if unchanged is None or _but_ctime(looks_of(old.lstat())) != _but_ctime(unchanged):
                    kept = self.keep(old, path)
                else:
                    old.unlink()
                if not staged.at.exists():
                    break
        except BaseException:
            if self._is_ours(staged):
                staged.at.unlink(missing_ok=True)
                self._state.displaced(name)
            raise
        self._state.displaced(name)
        return kept

    def is_as_placed(self, staged: Staged, path: str) -> Looks | None:
        """Return how a file looks that was just placed; None where somebody has changed it since."""
        with suppress(OSError):
            looks = looks_of((Path(self._where) / path).lstat())
            # To be moved changes its ctime and nothing else.
            return looks if _but_ctime(looks) == _but_ctime(staged.looks) else None
        return None

    def keep(self, file: Path, path: str) -> str:
        """Give a file a name beside `path` that says that it is one side of a conflict; return it.

        Raises:
            OSError: The disk refused.
        """
        moment = datetime.now(UTC)
        number = 1
        while True:
            name = conflict_name(path, moment, number)
            if _moved(file, self._ready(name)):
                return name
            number += 1

    def rescue(self) -> list[str]:
        """Clear what a kernel that was killed left on its way, and return what of it is kept: saved here and not sent.

        Raises:
            OSError: The directory can't be read or written.
        """
        kept = []
        for file in list(self._staging.iterdir()) if self._staging.is_dir() else []:
            moving = self._state.displacing.get(file.name.removesuffix(_ASIDE))
            if moving is not None and not self._is_stored(file, *moving):
                kept.append(self.keep(file, moving[0]))
            else:
                file.unlink(missing_ok=True)
        for name in list(self._state.displacing):
            self._state.displaced(name)
        self.tidy()
        return kept

    def tidy(self) -> None:
        """Remove the hidden directory where nothing is in it."""
        with suppress(OSError):
            self._staging.rmdir()

    def _is_stored(self, file: Path, path: str, incoming: str) -> bool:
        with suppress(OSError):
            if file.samefile(Path(self._where) / path):
                return True
        if not stat.S_ISREG(file.lstat().st_mode):
            return False
        base = self._state.known.get(path)
        return digest.of_file(file, lambda _: None) in {incoming, base.digest if base else incoming}

    def _is_ours(self, staged: Staged) -> bool:
        with suppress(OSError):
            return _but_ctime(looks_of(staged.at.lstat())) == _but_ctime(staged.looks)
        return False

    def _ready(self, path: str) -> Path:
        """Return where a path is, with the directories above it made; no link is followed out of the folder."""
        *above, name = path.split("/")
        at = Path(self._where)
        for part in above:
            at = at / part
            try:
                at.mkdir()
            except FileExistsError:
                if not stat.S_ISDIR(at.lstat().st_mode):
                    raise MountError(
                        f"{shown(path)} can't be here: {shown(str(at.relative_to(self._where)))} is no directory"
                    ) from None
        return at / name

    def _trade(self, staged: Path, at: Path) -> Path | None:
        """Put `staged` at a place; return where what was there is now, None where nothing was."""
        while True:
            if not os.path.lexists(at) and _moved(staged, at):
                return None
            with suppress(FileNotFoundError):  # it went at this moment
                if _swapped(staged, at):
                    return staged
                aside = staged.with_name(f"{staged.name}{_ASIDE}")
                at.rename(aside)
                _moved(staged, at)  # not where somebody made another at this moment; then once more
                return aside


def conflict_name(path: str, moment: datetime, number: int = 1) -> str:
    """Return what the file from here is called where both sides changed: its name, and when that was seen (UTC).

    Args:
        path: What it was called.
        moment: When.
        number: Which try, where that name is taken.

    Example:
        >>> conflict_name("run/a.tar.gz", datetime(2026, 11, 25, 14, 30, tzinfo=UTC))
        'run/a (conflict 2026-11-25 143000).tar.gz'
    """
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 20:  # .bashrc is a name, no ending
        stem, dot, ending = name, "", ""
    elif stem.lower().endswith(".tar") and len(stem) > 4:
        stem, dot, ending = stem[:-4], ".", f"{stem[-3:]}.{ending}"
    mark = f" (conflict {moment:%Y-%m-%d %H%M%S}{f' {number}' if number > 1 else ''}){dot}{ending}"
    while len(os.fsencode(stem + mark)) > _NAME_BYTES and stem:
        stem = stem[:-1]
    return f"{folder}{slash}{stem}{mark}"


def _but_ctime(looks: Looks) -> tuple[int, int, int]:
    return looks[0], looks[1], looks[3]


def _moved(source: Path, target: Path) -> bool:
    """Move a file to a name that nothing has; False where something has it."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _CANT:
            raise
        if os.path.lexists(target):
            return False
        source.rename(target)
        return True
    source.unlink()
    return True


def _swapped(one: Path, other: Path) -> bool:
    """Let two files trade names in one step; False where this system or this disk can't.

    Raises:
        FileNotFoundError: One of them isn't there.
        OSError: The disk refused.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        names = os.fsencode(one), os.fsencode(other)
        if sys.platform == "darwin":
            failed = libc.renamex_np(*names, 2)  # sys/stdio.h: RENAME_SWAP
        else:
            failed = libc.renameat2(-100, names[0], -100, names[1], 2)  # linux/fs.h: AT_FDCWD, RENAME_EXCHANGE
    except (AttributeError, OSError):  # an older libc
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in _CANT:
        return False
    raise OSError(number, os.strerror(number), str(other))
