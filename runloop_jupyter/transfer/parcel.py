"""What is ready to be sent: bytes in one file, and all that must be known to make an object of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os


@dataclass(frozen=True)
class Parcel:
    """Bytes in one file and what the object shall be; written into the journal, another kernel can send it too.

    Attributes:
        name: The object's name.
        path: The file, absolute: a spool of ours, or the user's own.
        size: Bytes of that file when it was ready; with the two that follow it tells whether it still is the same.
        mtime_ns: Its time of modification.
        inode: Its inode.
        kind: ``rl.kind``.
        format: ``rl.format``.
        content_type: A `ContentType` value.
        identity: Which fact decides whether two stored forms are the same thing.
        facts: ``rl.facts`` as far as they are known without reading the file: all but the digest.
        notes: What its user should know, a line each.
        metadata: What its user attaches.
        provenance: ``rl.notebook`` and ``rl.git``, where that is wished for.
        ttl_ms: How long it lives, in milliseconds; None for ever.
        force: Send it even if the current version is the same.
        origin: Which notebook or script put it.
        digest: Of the file, ``algorithm:hex``; None until it was taken.
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    inode: int
    kind: str
    format: str
    content_type: str
    identity: str
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
    ttl_ms: int | None = None
    force: bool = False
    origin: str = "?"
    digest: str | None = None

    def is_there(self) -> bool:
        """Whether its file is there and, by size, time and inode, the same."""
        try:
            return self.fits(Path(self.path).stat())
        except (OSError, ValueError):
            return False

    def fits(self, found: os.stat_result) -> bool:
        """Whether `found` is of the file as it was."""
        return (found.st_size, found.st_mtime_ns, found.st_ino) == (self.size, self.mtime_ns, self.inode)
