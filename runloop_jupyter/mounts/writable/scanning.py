"""A look at a writable folder: which files there are, and how they look from outside. No file is read.

Ten thousand files take some 40 ms, so what can be remembered from one look to the next is: what a name means, and
what a ``.runloopignore`` says of it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.ignoring import FILE_NAME, Ignored, ignored_in
from runloop_jupyter.archive.names import DEPTH, shown
from runloop_jupyter.archive.private import holds_key
from runloop_jupyter.mounts import table
from runloop_jupyter.mounts.writable.leaving_out import NOISE, OPENS_DOORS, why_out
from runloop_jupyter.mounts.writable.state import looks_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from runloop_jupyter.mounts.writable.state import Looks

_KEYS: Final = (".pem", ".key", ".p8", ".pk8")
_ASKED_EVERY: Final = 256


@dataclass
class Scan:
    """What one look saw.

    Attributes:
        files: How each file that is to be stored looks, by path within the folder.
        secrets: Paths of what may hold secrets, and stays.
        ignored: How many files and folders a ``.runloopignore`` leaves out.
        odd: Why something else stays, a sentence, by its path.
    """

    files: dict[str, Looks] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    ignored: int = 0
    odd: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the files."""
        return sum(looks[0] for looks in self.files.values())


class Scanner:
    """Looks at one folder, time and again.

    Args:
        where: The directory, absolute, without links on the way.
        prefix: How the names of its objects begin, with a slash behind it.
    """

    def __init__(self, where: str, prefix: str) -> None:
        self._where = where
        self._prefix = prefix
        self._verdicts: dict[str, str | None] = {}
        self._before: dict[str, str | None] = {}
        self._patterns: dict[str, _Patterns] = {}
        self._keys: dict[str, tuple[Looks, bool]] = {}
        self._mounts: set[str] = set()
        self._device = 0

    def look(self, checkpoint: Callable[[], None] = lambda: None) -> Scan:
        """Look at all of it.

        Args:
            checkpoint: Called now and then; raises to stop.

        Raises:
            FileNotFoundError: The directory is gone.
            ArchiveError: A ``.runloopignore`` can't be read: what it leaves out isn't known.
            OSError: The directory can't be read.
        """
        scan = Scan()
        self._mounts = {each.where for each in table.everything() if each.mode != "write"}
        self._device = os.stat(self._where).st_dev  # noqa: PTH116
        self._before, self._verdicts = self._verdicts, {}
        patterns, self._patterns = self._patterns, {}
        self._folder(self._where, "", None, scan, patterns, checkpoint)
        return scan

    def glance(self, path: str) -> Looks | None:
        """Return how a file looks at this moment; None where there is none."""
        with suppress(OSError, ValueError):
            at = f"{self._where}/{path}"
            there = os.lstat(at)
            if stat.S_ISLNK(there.st_mode):
                return self._linked(at)
            if stat.S_ISREG(there.st_mode):
                return looks_of(there)
        return None

    def place(self, path: str) -> str:
        """Return where a file of the folder is."""
        return f"{self._where}/{path}"

    def _folder(
        self,
        at: str,
        prefix: str,
        above: _Patterns | None,
        scan: Scan,
        patterns: dict[str, _Patterns],
        checkpoint: Callable[[], None],
    ) -> None:
        with os.scandir(at) as found:
            entries = list(found)
        here = above
        if any(entry.name == FILE_NAME for entry in entries):
            here = self._patterns[prefix] = _patterns_of(at, prefix, above, patterns.get(prefix))
        folders = []
        for number, entry in enumerate(entries):
            if not number % _ASKED_EVERY:
                checkpoint()
            path = prefix + entry.name
            why = self._before[path] if path in self._before else why_out(self._prefix, path)
            self._verdicts[path] = why
            if why is not None:
                _stays(scan, path, why)
                continue
            try:
                there = entry.stat(follow_symlinks=False)
            except OSError:  # gone meanwhile
                continue
            mode = there.st_mode
            if here is not None and here.holds(path, folder=stat.S_ISDIR(mode)):
                scan.ignored += 1
            elif stat.S_ISREG(mode):
                self._file(scan, path, entry, looks_of(there))
            elif stat.S_ISDIR(mode):
                if there.st_dev != self._device or entry.path in self._mounts:
                    scan.odd[path] = f"{shown(path)} stays here: something else is mounted there"
                else:
                    folders.append((entry.path, path))
            elif stat.S_ISLNK(mode) and (looks := self._linked(entry.path)):
                self._file(scan, path, entry, looks)
            else:
                scan.odd[path] = f"{shown(path)} stays here: it is {_sort(mode)}"
        for inner, path in folders:
            if path.count("/") >= DEPTH:
                scan.odd[path] = f"{shown(path)} stays here: it lies more than {DEPTH} folders deep"
                continue
            try:
                self._folder(inner, f"{path}/", here, scan, patterns, checkpoint)
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    scan.odd[path] = f"{shown(path)} stays here: it can't be read ({error.strerror})"

    def _file(self, scan: Scan, path: str, entry: os.DirEntry[str], looks: Looks) -> None:
        if entry.name.endswith(_KEYS) and self._holds_key(path, entry, looks):
            scan.secrets.append(path)
        else:
            scan.files[path] = looks

    def _holds_key(self, path: str, entry: os.DirEntry[str], looks: Looks) -> bool:
        known = self._keys.get(path)
        if known is None or known[0] != looks:
            found = False
            with suppress(OSError):  # what can't be read is not sent either, and that is said then
                folder = os.open(os.path.dirname(entry.path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # noqa: PTH120
                try:
                    found = holds_key(folder, entry.name)
                finally:
                    os.close(folder)
            known = self._keys[path] = (looks, found)
        return known[1]

    def _linked(self, at: str) -> Looks | None:
        """Return how the file looks that a link leads to, if that is in the folder too."""
        with suppress(OSError):
            if os.path.realpath(at).startswith(self._where.rstrip("/") + "/"):
                there = os.stat(at)  # noqa: PTH116
                return looks_of(there) if stat.S_ISREG(there.st_mode) else None
        return None


class _Patterns:
    """What a ``.runloopignore`` says, and those above it; what was asked once is remembered."""

    def __init__(self, looks: Looks, ignored: Ignored | None, above: _Patterns | None) -> None:
        self.looks = looks
        self.ignored = ignored
        self.above = above
        self._said: dict[tuple[str, bool], bool] = {}

    def holds(self, path: str, *, folder: bool) -> bool:
        said = self._said.get((path, folder))
        if said is None:
            said = self._said[path, folder] = self.ignored is not None and self.ignored.holds(path, folder=folder)
        return said


def _patterns_of(at: str, prefix: str, above: _Patterns | None, before: _Patterns | None) -> _Patterns:
    folder = os.open(at, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        looks = looks_of(os.stat(FILE_NAME, dir_fd=folder, follow_symlinks=False))
        if before is not None and before.looks == looks and before.above is above:
            return before
        return _Patterns(looks, ignored_in(folder, prefix, above.ignored if above else None), above)
    finally:
        os.close(folder)


def _stays(scan: Scan, path: str, why: str) -> None:
    if why == OPENS_DOORS:
        scan.secrets.append(path)
    elif why != NOISE:
        scan.odd[path] = why


def _sort(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link that leads out of the folder, to a folder, or nowhere"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
