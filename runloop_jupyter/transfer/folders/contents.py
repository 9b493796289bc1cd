"""Where the bytes of a member come from while it is sent: a file in the folder, or what another member holds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from runloop_jupyter.atomic import temporary_beside
from runloop_jupyter.paths import cache_dir, private_dir
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.scratch import fresh

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from runloop_jupyter.transfer.folders.listing import File
    from runloop_jupyter.transfer.folders.together import Share


class Contents(Protocol):
    """Gives the bytes of files."""

    def of(self, file: File, share: Share) -> AbstractContextManager[tuple[Path, os.stat_result]]:
        """Give a path with the bytes of a file for the block, and its `os.stat` from before they were verified."""


class OnDisk:
    """The files of a folder as they lie there.

    Args:
        looks: By digest, a file with these bytes and its `os.stat` from before it was hashed.
    """

    def __init__(self, looks: Mapping[str, tuple[Path, os.stat_result]]) -> None:
        self._looks = looks

    @contextmanager
    def of(self, file: File, share: Share) -> Iterator[tuple[Path, os.stat_result]]:
        """Give the file itself."""
        yield self._looks[file.digest]


class InStore:
    """The files of a folder that is in the store already: each is fetched and verified before it is sent again.

    Args:
        bring: Writes a file's verified bytes.
    """

    def __init__(self, bring: Callable[[File, BinaryIO, Share], None]) -> None:
        self._bring = bring

    @contextmanager
    def of(self, file: File, share: Share) -> Iterator[tuple[Path, os.stat_result]]:
        """Give a spool that goes with the block."""
        path = temporary_beside(private_dir(cache_dir() / "spool") / "member")
        try:
            with room(path.parent, file.size, share.label), fresh(path) as spool:
                self._bring(file, spool, share)
            yield path, path.stat()
        finally:
            path.unlink(missing_ok=True)
