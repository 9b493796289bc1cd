"""What the disk beneath a mount can do: share bytes with the cache, or have one more name for them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runloop_jupyter.mounts.kind import Kind
from runloop_jupyter.transfer.cache.clone import reflinked

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Ground:
    """How files of the cache come to be in a mount.

    Attributes:
        shares: Whether two files can share their bytes until one is written to (a reflink).
        links: Whether a file of the cache can have a name there (a hard link), and is safe under it. Whoever may write
            to what is read-only, as root may, could change the cache by it.
        one_disk: Whether both are on one disk.
    """

    shares: bool
    links: bool
    one_disk: bool

    @property
    def copies(self) -> bool:
        """Whether each byte that is shown takes room of its own."""
        return not (self.shares or self.links)

    def takes_room(self, kind: Kind) -> bool:
        """Whether what shows an object of a kind takes room beside what the cache has of it.

        A folder's files can share the cache's bytes and are never names for them: their mode is their own.
        """
        if kind is Kind.ARCHIVE:
            return True
        return self.copies if kind is Kind.FILE else not self.shares


def look(trial: Path, workshop: Path) -> Ground:
    """Return what can be done between two disks: by doing it once, with a file of a few bytes.

    Args:
        trial: A path in the cache where nothing is; nothing is left there.
        workshop: Where the files of the mount are made; private.

    Raises:
        OSError: Nothing can be written there.
    """
    one_disk = trial.parent.stat().st_dev == workshop.stat().st_dev
    source, target = trial, workshop / "ground"
    try:
        source.write_bytes(bytes(4096))
        source.chmod(0o400)
        shares = _shares(source, target)
        target.unlink()
        return Ground(shares, one_disk and not os.access(source, os.W_OK) and _links(source, target), one_disk)
    finally:
        for path in (source, target):
            with suppress(OSError):
                path.unlink()


def _shares(source: Path, target: Path) -> bool:
    with source.open("rb") as reading, target.open("xb") as writing:
        return reflinked(reading, writing)


def _links(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
