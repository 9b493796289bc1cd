"""``.runloopignore``: what a folder's owner leaves out of it, in the words of gitignore.

One may lie in the folder and in every folder beneath; each speaks of what is beneath itself, and the deepest that has
a word on a path decides. ``.gitignore`` is not looked at: research repositories put their data into it.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE_NAME: Final = ".runloopignore"
_LARGEST: Final = 1 << 20


class Ignored:
    """The patterns that hold in one folder: its own, and those of the folders above it.

    Args:
        prefix: The folder's path with a slash behind it; empty for the root.
        own: Its own patterns; None where it has none.
        above: What holds in the folder that it is in; None at the root.
    """

    def __init__(self, prefix: str, own: GitIgnoreSpec | None, above: Ignored | None) -> None:
        self._prefix = prefix
        self._own = own
        self._above = above

    def holds(self, path: str, *, folder: bool) -> bool:
        """Whether `path`, a file or a folder from the root down, is left out."""
        if self._own is not None:
            within = path.removeprefix(self._prefix) + "/" * folder
            if (said := _word_on(within, self._own)) is not None:
                return said
        return self._above is not None and self._above.holds(path, folder=folder)


def _word_on(path: str, patterns: GitIgnoreSpec) -> bool | None:
    """Return what the last pattern that speaks of `path` itself says: out, in, or None where none has a word on it.

    To pathspec a pattern speaks of all that is beneath what it matches too, and ``!keep`` would take back what another
    leaves out within ``keep``. Here whoever asks has asked for each folder above before.
    """
    for pattern in reversed(patterns.patterns):
        if pattern.regex is None or pattern.include is None:  # a comment
            continue
        if any(_is_of(found, path) for found in pattern.regex.finditer(path)):
            return bool(pattern.include)
    return None


def _is_of(found: re.Match[str], path: str) -> bool:
    # The slash behind what was matched: in the middle of a path that was a folder above.
    return found.groupdict().get("ps_d") is None or found.end("ps_d") == len(path)


def ignored_in(folder: int, prefix: str, above: Ignored | None) -> Ignored | None:
    """Return what holds in a folder; None where nothing is left out.

    Args:
        folder: Its descriptor.
        prefix: Its path with a slash behind it; empty for the root.
        above: What holds in the folder that it is in.

    Raises:
        ArchiveError: Its ``.runloopignore`` can't be read, or has a line that is no pattern.
    """
    text = _text(folder, prefix + FILE_NAME)
    return above if text is None else Ignored(prefix, _patterns(text, prefix + FILE_NAME), above)


def _text(folder: int, path: str) -> str | None:
    try:
        fd = os.open(FILE_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArchiveError(f"{shown(path)} can't be read: {error.strerror}; it must be a plain file") from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
        os.close(fd)
        raise ArchiveError(f"{shown(path)} must be a plain file of at most 1 MiB")
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        # File names are bytes: patterns meet those that are not UTF-8 as they are.
        return file.read().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _patterns(text: str, path: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # only where a folder has patterns

    lines = text.split("\n")
    try:
        return GitIgnoreSpec.from_lines(line.removesuffix("\r") for line in lines)
    except (ValueError, re.error):
        number, line = _first_bad(lines)
        raise ArchiveError(f"{shown(path)}, line {number}: “{shown(line)}” is no pattern of gitignore") from None


def _first_bad(lines: list[str]) -> tuple[int, str]:
    from pathspec import GitIgnoreSpec

    for number, line in enumerate(lines, 1):
        try:
            GitIgnoreSpec.from_lines([line.removesuffix("\r")])
        except (ValueError, re.error):
            return number, line
    return 0, ""
