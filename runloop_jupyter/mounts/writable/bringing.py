"""What changed in the store comes into a writable folder: at the mount, and when it is refreshed."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runloop_jupyter.archive.names import shown
from runloop_jupyter.errors import ConnectionLost, MountError, RunloopError, StoreError, TransferCancelled, Unreachable
from runloop_jupyter.mounts.writable import remote
from runloop_jupyter.mounts.writable.leaving_out import comes
from runloop_jupyter.mounts.writable.state import TICK_S, Known
from runloop_jupyter.mounts.writable.writers import being_written
from runloop_jupyter.transfer import digest
from runloop_jupyter.transfer.folders.together import together
from runloop_jupyter.transfer.manifest import size_of
from runloop_jupyter.transfer.room import room
from runloop_jupyter.transfer.transfer import Phase

if TYPE_CHECKING:
    from runloop_jupyter.mounts.writable.placing import Placing
    from runloop_jupyter.mounts.writable.scanning import Scan, Scanner
    from runloop_jupyter.mounts.writable.state import Looks, State
    from runloop_jupyter.session import Store
    from runloop_jupyter.transfer.transfer import Transfer
    from runloop_jupyter.wire.objects import ObjectView

AT_ONCE: Final = 8


@dataclass
class Brought:
    """What came in.

    Attributes:
        files: Paths of the files that came, or were replaced.
        bytes: Of those.
        conflicts: Paths that both sides had changed, and under which path the file from here is kept.
        failed: Why something couldn't come, a sentence, by path.
        folders: How many folders and archives beneath the name were left out.
        hidden: How many objects were left out for their names: a program's own, or a secret's.
        namesake: Whether a folder was put under the very name of this one: what is in that doesn't come.
        listed: The newest version of each file that the store has, as it was looked at.
    """

    files: list[str] = field(default_factory=list)
    bytes: int = 0
    conflicts: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    folders: int = 0
    hidden: int = 0
    namesake: bool = False
    listed: dict[str, ObjectView] = field(default_factory=dict)


class Bringing:
    """One time of bringing in what is new.

    Args:
        store: The store.
        prefix: How the names of the folder's objects begin, with a slash behind it.
        where: The directory.
        state: What is known of its files.
        scanner: Looks at it.
        placing: Puts files into it.
        mounting: Whether the folder is being mounted: what was deleted here comes back then, and only then.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        where: str,
        state: State,
        scanner: Scanner,
        placing: Placing,
        *,
        mounting: bool,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._where = where
        self._state = state
        self._scanner = scanner
        self._placing = placing
        self._mounting = mounting
        self._brought = Brought()
        self._lock = threading.Lock()

    def run(self, scan: Scan, transfer: Transfer) -> Brought:
        """Bring it.

        Args:
            scan: How the folder looks.
            transfer: Told how far it is; its `cancel` stops this, and what came until then stays.

        Raises:
            TransferCancelled: Cancelled.
            TransferError: There is no room for all of it.
            StoreError, Unreachable, ConnectionLost: The store refused, or is gone.
        """
        transfer.begin(Phase.LOOKING)
        views, self._brought.folders = remote.files(self._store, self._prefix)
        self._brought.namesake = self._mounting and remote.is_put_as_folder(self._store, self._prefix.rstrip("/"))
        self._brought.listed = views
        wanted = {path: view for path, view in views.items() if self._is_wanted(path, view, scan)}
        total = sum(size_of(view) or 0 for path, view in wanted.items())

        def bring(path: str, share: Transfer) -> None:
            try:
                self._bring(path, wanted[path], scan.files.get(path), share)
            except (TransferCancelled, ConnectionLost, Unreachable, StoreError):
                raise
            except RunloopError as error:
                self._fail(path, str(error))
            except OSError as error:
                self._fail(path, f"{shown(path)} can't come in: {error.strerror or error}")
            except ValueError:  # a zero byte
                self._fail(path, f"{shown(path)} can't come in: it is no name for a file")

        try:
            with room(Path(self._where), total, self._prefix.rstrip("/")):  # one line now, and not one for each file
                together(transfer, Phase.RECEIVING, total, sorted(wanted), bring, at_once=AT_ONCE)
        finally:
            self._placing.tidy()
            self._state.save()
        return self._brought

    def _is_wanted(self, path: str, view: ObjectView, scan: Scan) -> bool:
        if not comes(path):
            self._brought.hidden += 1
            return False
        if path in scan.odd or path in scan.secrets:
            return False
        base = self._state.known.get(path)
        return remote.is_news(view, base) or (self._mounting and path not in scan.files)

    def _bring(self, path: str, view: ObjectView, looks: Looks | None, transfer: Transfer) -> None:
        at = Path(self._where) / path
        if looks is None:
            if at.is_dir() and not at.is_symlink():
                raise MountError(f"{shown(path)} can't come in: it is a directory here, and a file in the store")
            if os.path.lexists(at):
                return  # it is left out here, or came at this moment
            staged = self._placing.stage(view, transfer)
            if self._placing.put_new(staged, path):
                self._learn(path, view, staged.digest, self._placing.is_as_placed(staged, path), staged.looks[0])
            return
        base = self._state.known.get(path)
        unchanged = base is not None and base.looks == looks
        if base is not None and unchanged:
            digest_ = base.digest
        else:
            digest_ = digest.of_file(at, lambda _: transfer.checkpoint())
            if self._scanner.glance(path) != looks:
                return  # it is being written: the next send sees that both sides changed
            unchanged = base is not None and base.digest == digest_
        if remote.is_same(self._store, view, at, digest_, transfer):
            self._state.learn(path, Known(looks if _is_settled(looks) else None, digest_, view.id, view.create_time_ms))
            return
        said = remote.said_digest(view)
        if said is not None and self._state.sending.get(path) == said:
            # What this folder was sending when its kernel died. The file has changed since, and is sent again.
            self._state.learn(path, Known(None, said, view.id, view.create_time_ms))
            return
        self.replace(path, view, looks if unchanged else None, transfer)

    def replace(self, path: str, view: ObjectView, unchanged: Looks | None, transfer: Transfer) -> None:
        """Bring a version to the place of a file of the folder.

        Args:
            path: Which.
            view: The version.
            unchanged: How the file looks if its bytes are in the store; None for one that must be kept.
            transfer: Its `cancel` stops this.

        Raises:
            MountError: It can't take that place now.
            OSError, TransferError, StoreError, Unreachable: As `Placing` does.
        """
        if unchanged is not None and being_written(f"{self._where}/{path}"):
            raise MountError(
                f"{shown(path)} has a newer version, but a program has the file open for writing. Refresh once it is"
                " closed"
            )
        staged = self._placing.stage(view, transfer)
        kept = self._placing.put_over(staged, path, unchanged)
        self._learn(path, view, staged.digest, self._placing.is_as_placed(staged, path), staged.looks[0])
        if kept is not None:
            with self._lock:
                self._brought.conflicts[path] = kept

    @property
    def brought(self) -> Brought:
        """What came so far."""
        return self._brought

    def _learn(self, path: str, view: ObjectView, digest_: str, looks: Looks | None, size: int) -> None:
        self._state.learn(path, Known(looks, digest_, view.id, view.create_time_ms))
        with self._lock:
            self._brought.files.append(path)
            self._brought.bytes += size

    def _fail(self, path: str, why: str) -> None:
        with self._lock:
            self._brought.failed[path] = why


def _is_settled(looks: Looks) -> bool:
    """Whether a file's last change is so long ago that a later one will show."""
    return max(looks[1], looks[2]) / 1e9 + TICK_S < time.time()
