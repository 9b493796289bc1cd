"""Blobs under their objects' own names: ``files/<store identity>/<object id>/NAME``, a hard link.

A path that a user is given has the name and the suffix that other programs go by. It is the blob's own inode, without
write permission, so that it takes no room and what is done to it is seen. Where the disk has no hard links it is a
symbolic one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.paths import private_dir
from runloop_jupyter.transfer.cache.listing import inode_of, listed, unlink
from runloop_jupyter.transfer.cache.names import part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Links:
    """The links beneath one directory.

    Args:
        root: ``…/files``; made when something is first linked.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def link(self, store: str, object_id: str, name: str, blob: Path, inode: int) -> Path:
        """Return the blob under an object's name.

        Args:
            store: Identity of the store.
            object_id: The object.
            name: As `file_name` gives it.
            blob: The blob, as it was verified.
            inode: Its inode then.

        Raises:
            FileNotFoundError: The blob goes at this moment.
            OSError: No room, no permission.
        """
        path = self._folder(store, object_id) / name
        if inode_of(path) == inode:
            return path
        private_dir(path.parent)
        temporary = temporary_beside(path)
        try:
            try:
                os.link(blob, temporary)
            except FileNotFoundError:
                raise
            except OSError:
                temporary.symlink_to(os.path.relpath(blob, path.parent))
            temporary.replace(path)
        finally:
            with suppress(OSError):  # a rename onto the same inode does nothing and leaves both
                temporary.unlink()
        return path

    def remove(self, store: str, object_id: str, inode: int | None) -> None:
        """Remove what leads to an inode, or to nothing, under an object's names; harmless where nothing does.

        What leads to another inode is left: it was linked meanwhile.
        """
        folder = self._folder(store, object_id)
        for name in listed(folder):
            path, aside = folder / name, temporary_beside(folder / name)
            if inode_of(path) not in {inode, None}:
                continue
            with suppress(OSError):
                path.rename(aside)
                if inode_of(aside) not in {inode, None}:
                    os.link(aside, path)
            unlink(aside)
        with suppress(OSError):
            folder.rmdir()

    def scan(self) -> Iterator[Path]:
        """Yield the directory of each object, with ``<store>/<id>`` at its end."""
        for store in listed(self._root):
            for thing in listed(self._root / store):
                yield self._root / store / thing

    def _folder(self, store: str, object_id: str) -> Path:
        return self._root / part(store) / part(object_id)
