"""A look at a folder that is to be sent as files: what is in it, and the digest of each file."""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.names import shown
from runloop_jupyter.archive.packing import special, target_of
from runloop_jupyter.archive.walking import Walk, naming
from runloop_jupyter.errors import ArchiveError
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.folders.listing import EMPTY, LARGEST, PER_FILE, File, Listing
from runloop_jupyter.transfer.folders.seen import Seen
from runloop_jupyter.transfer.folders.together import Share, together
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from runloop_jupyter.transfer.transfer import Transfer

HASHED_AT_ONCE: Final = 3
"""A digest reads ahead by itself; more threads only help where many files are small, or a disk is far."""


@dataclass(frozen=True)
class Scan:
    """What was found.

    Attributes:
        root: The folder.
        listing: What is in it; no file has pieces yet.
        looks: By digest, a file with these bytes, and its `os.stat` from before they were read.
        left_out: Paths of what may hold secrets, and was left out.
        ignored: How many files and folders a ``.runloopignore`` left out.
    """

    root: Path
    listing: Listing
    looks: dict[str, tuple[Path, os.stat_result]]
    left_out: list[str]
    ignored: int


def scan(root: Path, transfer: Transfer, *, include_secrets: bool = False) -> Scan:
    """Walk through a folder and hash its files; those that look as they did when they were hashed before are not read.

    Args:
        root: The folder; may be a link to one.
        transfer: Told how far it is; its `cancel` stops this.
        include_secrets: Whether what may hold secrets comes too.

    Raises:
        ArchiveError: Something that can't be sent, by its name; a file that can't be read, or changed meanwhile.
    """
    transfer.begin(Phase.HASHING)
    walk = Walk(root, include_secrets=include_secrets, checkpoint=transfer.checkpoint)
    folders: list[str] = []
    links: list[tuple[str, str]] = []
    found: dict[str, os.stat_result] = {}
    listed = 0
    with closing(iter(walk)) as things:
        for thing in things:
            mode = thing.stat.st_mode
            if stat.S_ISDIR(mode):
                folders.append(thing.path)
            elif stat.S_ISLNK(mode):
                links.append((thing.path, target_of(thing)))
            elif stat.S_ISREG(mode):
                found[thing.path] = thing.stat
            else:
                raise special(thing)
            listed += len(json.dumps(thing.path)) + PER_FILE
            if listed > LARGEST:  # said now, and not when all of it is sent
                raise ArchiveError(f"{root} has too many files to be kept as files; put it as one archive, --as tar.gz")
    digests = _Hashing(root, found, transfer).run()
    files = tuple(
        File(path, bool(there.st_mode & stat.S_IXUSR), there.st_size, digests[path]) for path, there in found.items()
    )
    looks = {digests[path]: (root / path, there) for path, there in found.items() if there.st_size}
    return Scan(root, Listing("", tuple(folders), tuple(links), files), looks, walk.left_out, walk.ignored)


class _Hashing:
    """The digests of the files of one walk."""

    def __init__(self, root: Path, found: dict[str, os.stat_result], transfer: Transfer) -> None:
        self._root = root
        self._found = found
        self._transfer = transfer
        self._seen = Seen(root)
        self._digests: dict[str, str] = {}

    def run(self) -> dict[str, str]:
        unknown = []
        for path, there in self._found.items():
            known = self._seen.digest(there) if there.st_size else EMPTY
            if known is None:
                unknown.append(path)
            else:
                self._digests[path] = known
        total = sum(self._found[path].st_size for path in unknown)
        try:
            together(self._transfer, Phase.HASHING, total, unknown, self._hash, at_once=HASHED_AT_ONCE)
        finally:
            self._seen.save()  # what was hashed before Ctrl-C need not be hashed again
        return self._digests

    def _hash(self, path: str, share: Share) -> None:
        there, began_ns = self._found[path], time.time_ns()
        share.begin(Phase.HASHING, there.st_size)
        with naming(path):
            found = digest.of_file(self._root / path, share.advance)
            after = os.lstat(self._root / path)
        if not is_as_it_was(there, after):
            raise ArchiveError(f"{shown(path)} changed while it was packed; put the folder again when it is still")
        self._digests[path] = found
        self._seen.note(there, found, began_ns)


def is_as_it_was(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file is the same one, untouched."""

    def looks(there: os.stat_result) -> tuple[int, ...]:
        return there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns

    return looks(before) == looks(after)
