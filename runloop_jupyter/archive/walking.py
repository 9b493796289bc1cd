"""What of a folder goes into an archive: a walk in the order of names that follows no link."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter.archive.ignoring import Ignored, ignored_in
from runloop_jupyter.archive.names import DEPTH, NAME_BYTES, shown
from runloop_jupyter.archive.private import holds_key, is_secret
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Found:
    """One thing in a folder.

    Attributes:
        path: From the root down.
        name: Its last part.
        folder: Descriptor of the folder that it is in, open until the next thing is asked for.
        stat: Of itself: a link's own.
    """

    path: str
    name: str
    folder: int
    stat: os.stat_result


class Walk:
    """A walk through one folder, a folder before what is in it, the same everywhere.

    Left out is what ``.runloopignore`` says, and what may hold secrets. A descriptor of each folder on the way is
    held, so that a folder that is moved meanwhile leads nowhere else.

    Args:
        directory: The folder; may be a link to one.
        include_secrets: Whether what may hold secrets comes too.
        checkpoint: Called for each thing; raises to stop.

    Attributes:
        left_out: Paths of what may hold secrets, as far as the walk has come.
        ignored: How many files and folders ``.runloopignore`` left out.
    """

    def __init__(self, directory: Path, *, include_secrets: bool, checkpoint: Callable[[], None]) -> None:
        self.left_out: list[str] = []
        self.ignored = 0
        self._directory = directory
        self._include_secrets = include_secrets
        self._checkpoint = checkpoint

    def __iter__(self) -> Generator[Found]:
        """Yield what there is.

        Raises:
            ArchiveError: Something that can't be read, or lies too deep, by its name.
        """
        try:
            root = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ArchiveError(f"{self._directory} can't be packed: {error.strerror}") from error
        try:
            yield from self._folder(root, "", None)
        finally:
            os.close(root)

    def _folder(self, folder: int, prefix: str, above: Ignored | None) -> Generator[Found]:
        if prefix.count("/") >= DEPTH:
            raise ArchiveError(f"{shown(prefix)} lies more than {DEPTH} folders deep; pack a part of it")
        ignored = ignored_in(folder, prefix, above)
        for name in sorted(self._names(folder, prefix), key=os.fsencode):
            self._checkpoint()
            path = prefix + name
            if len(os.fsencode(path)) > NAME_BYTES:
                raise ArchiveError(f"{shown(path)} is longer than {NAME_BYTES:,} bytes; pack a part of it")
            with naming(path):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                is_folder = stat.S_ISDIR(found.st_mode)
                if ignored is not None and ignored.holds(path, folder=is_folder):
                    self.ignored += 1
                    continue
                if not self._include_secrets and self._is_secret(folder, name, found):
                    self.left_out.append(path)
                    continue
            yield Found(path, name, folder, found)
            if is_folder:
                yield from self._inner(folder, name, path, ignored)

    def _inner(self, folder: int, name: str, path: str, above: Ignored | None) -> Generator[Found]:
        with naming(path):
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            yield from self._folder(inner, f"{path}/", above)
        finally:
            os.close(inner)

    def _names(self, folder: int, prefix: str) -> list[str]:
        try:
            return os.listdir(folder)
        except OSError as error:
            raise ArchiveError(f"{shown(prefix) or self._directory} can't be packed: {error.strerror}") from error

    def _is_secret(self, folder: int, name: str, found: os.stat_result) -> bool:
        return is_secret(name) or (stat.S_ISREG(found.st_mode) and holds_key(folder, name))


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Turn the system's refusal of something to be packed into an error that says of what."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(
            f"{shown(path)} can't be packed: {error.strerror}; mend it, move it away or name it in .runloopignore"
        ) from error
