"""What lies where in the directory of an embedded store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The names under one store's root. Directories are 0700, files 0600."""

    root: Path

    @property
    def database(self) -> Path:
        """Objects and what belongs to them; only the daemon opens it."""
        return self.root / "store.db"

    @property
    def blobs(self) -> Path:
        """The bytes of objects, one file each, named by id."""
        return self.root / "blobs"

    @property
    def incoming(self) -> Path:
        """Uploads on their way; whatever lies here at a start was cut off."""
        return self.root / "incoming"

    @property
    def strays(self) -> Path:
        """Files found among the blobs that the database knows no object for; only a person removes them."""
        return self.root / "strays"

    @property
    def ballast(self) -> Path:
        """Room set aside for deleting on a full disk; see `ballast`."""
        return self.root / "ballast"

    @property
    def identity(self) -> Path:
        """The store's own UUID and its port, kept for ever."""
        return self.root / "store.json"

    @property
    def key(self) -> Path:
        """The bearer key, where none is given by ``RUNLOOP_LOCAL_KEY``."""
        return self.root / "key"

    @property
    def signing_key(self) -> Path:
        """What presigned URLs are signed with."""
        return self.root / "signing-key"

    @property
    def lock(self) -> Path:
        """Held by the one daemon that serves this root."""
        return self.root / "lock"

    @property
    def state(self) -> Path:
        """Where that daemon can be reached; see `state`."""
        return self.root / "daemon.json"

    @property
    def log(self) -> Path:
        """The daemon's log, rotated."""
        return self.root / "daemon.log"
