"""Making files beneath a folder that nobody gets out of."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Tree:
    """A folder into which things are made by descriptor, one component at a time, following no link.

    Attributes:
        files: Paths of the files made so far.
        links: Symbolic links to make when everything else is there, and their targets.
    """

    def __init__(self, root: Path) -> None:
        self._flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._root = os.open(root, self._flags)
        self._at = ""
        self._fd = os.dup(self._root)
        self.files: set[str] = set()
        self.links: dict[str, str] = {}
        self._folders: set[str] = set()

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self._fd)
        os.close(self._root)

    def folder(self, path: str) -> None:
        """Make the folder `path` and those above it, where they are missing."""
        self._enter(path)

    def create(self, path: str, *, executable: bool) -> int:
        """Return a descriptor of the new file `path`, for writing and reading."""
        self._claim(path)
        name = self._enter_parent(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=self._fd)
        os.fchmod(fd, 0o755 if executable else 0o644)
        self.files.add(path)
        return fd

    def hard_link(self, path: str, target: str) -> None:
        """Give the file `target`, made before, a second name."""
        self._claim(path)
        name = self._enter_parent(target)
        source = os.dup(self._fd)
        try:
            os.link(name, self._enter_parent(path), src_dir_fd=source, dst_dir_fd=self._fd, follow_symlinks=False)
        finally:
            os.close(source)
        self.files.add(path)

    def plan_link(self, path: str, target: str) -> None:
        """Keep `path` for a symbolic link to `target`."""
        self._claim(path)
        self.links[path] = target

    def make_link(self, path: str) -> None:
        """Make a planned link; to be called when everything else is there."""
        os.symlink(self.links[path], self._enter_parent(path), dir_fd=self._fd)

    def _claim(self, path: str) -> None:
        if path in self.files or path in self.links:
            raise FileExistsError(errno.EEXIST, "File exists", path)

    def _enter_parent(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        self._enter(folder)
        return name

    def _enter(self, folder: str) -> None:
        if folder == self._at:
            return
        fd = os.dup(self._root)
        walked = ""
        try:
            for name in folder.split("/") if folder else []:
                walked = f"{walked}/{name}".lstrip("/")
                if walked in self.links:
                    raise NotADirectoryError(errno.ENOTDIR, "Not a directory", walked)
                if walked not in self._folders:
                    # What is there already is a file, or a folder of another spelling that is one to this disk.
                    os.mkdir(name, 0o755, dir_fd=fd)
                    self._folders.add(walked)
                inner = os.open(name, self._flags, dir_fd=fd)
                os.close(fd)
                fd = inner
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd, self._at = fd, folder


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Turn the system's refusal of a name into one that says which; a full disk stays what it is."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ArchiveError(
            f"the archive has {shown(path)} twice, or as a file and a folder (or names that are one to this disk)"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL):
            raise ArchiveError(
                f"the archive has a name this disk can't hold ({shown(path)}): {error.strerror}"
            ) from error
        raise
