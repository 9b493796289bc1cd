"""Where a catalog lies on the disk, and how its file is opened, made anew and thrown away.

``catalog/<identity of the store>/<version>/``

``current``           names the index file that holds; replaced by a rename
``index-<token>.db``  the index; a file that was damaged is never repaired, its successor has another token
``walker``            the claim of the kernel that walks through the store (`transfer.cache.claims`)
``walk.json``         how far that kernel is, for the others

No write-ahead log: that needs memory which processes share, and network disks have none. What a reader has open may be
thrown away by somebody else at any time: it goes on with what it has, and looks at ``current`` before each question.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from runloop_jupyter.atomic import atomic_writer
from runloop_jupyter.errors import CatalogError
from runloop_jupyter.index import INDEX
from runloop_jupyter.paths import private_dir

if TYPE_CHECKING:
    from pathlib import Path

_OWN: Final = 1
"""Version of what is added here to the index; goes up by one whenever `_SCRIPT` or what it means changes."""
VERSION: Final = INDEX.version * 1000 + _OWN
TOP: Final = 1 << 62
"""Greater than every position."""

# What the walker knows, in the transaction of what it found. `walked` is whatever is true of the file as a whole.
_SCRIPT: Final = """
    CREATE TABLE walked (
        key   TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE gap (
        ceiling  INTEGER NOT NULL,      -- position of what comes before it in the listing
        kind     INTEGER NOT NULL,      -- a `gaps.Kind`
        after_id TEXT NOT NULL,         -- id of what comes before it, where the walk goes on; empty for the beginning
        PRIMARY KEY (ceiling, kind)
    );
    CREATE TABLE noted (                -- put by a kernel of this machine, and not met on a walk yet
        id TEXT PRIMARY KEY
    ) WITHOUT ROWID;
"""
_BUSY_S: Final = 20.0
_UNUSED_S: Final = 30 * 86_400.0
_READER_KIB: Final = 32_000
_WRITER_KIB: Final = 128_000


class Damaged(Exception):
    """The file isn't what was written, or not of this store: it has to go."""


class Place:
    """One store's directory.

    Args:
        directory: Where catalogs are kept.
        identity: Of the store: what is kept for one account is never another's.

    Raises:
        CatalogError: Nothing can be written there.
    """

    def __init__(self, directory: Path, identity: str) -> None:
        self._identity = identity
        self._catalogs = directory
        self.directory = directory / identity / str(VERSION)
        try:
            private_dir(directory)
            private_dir(self.directory.parent)
            private_dir(self.directory)
        except OSError as error:
            raise _unwritable(self.directory, error) from None
        self.claim = self.directory / "walker"
        self.progress = self.directory / "walk.json"
        self._pointer = self.directory / "current"

    def current(self) -> str:
        """Return the name of the file that holds; made where there is none.

        Raises:
            CatalogError: None can be made.
        """
        with suppress(OSError):
            name = self._pointer.read_text("utf-8")
            if name.startswith("index-") and "/" not in name and (self.directory / name).is_file():
                return name
        return self._made()

    def connect(self, name: str, *, writes: bool = False) -> sqlite3.Connection:
        """Open a file for one thread.

        Raises:
            Damaged: It isn't a catalog of this store.
        """
        try:
            connection = sqlite3.connect(
                f"file:{_quoted(self.directory / name)}?mode=rw", uri=True, isolation_level=None, timeout=_BUSY_S
            )
        except sqlite3.OperationalError:  # thrown away in this moment
            raise Damaged(name) from None
        try:
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA cache_size = -{_WRITER_KIB if writes else _READER_KIB}")
            # Readers are locked out at the commit, not as soon as a page finds no room in memory.
            connection.execute("PRAGMA cache_spill = OFF")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            row = connection.execute("SELECT value FROM walked WHERE key = 'identity'").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            if is_damage(error) or "no such table" in str(error):
                raise Damaged(name) from None
            raise
        if version != VERSION or row is None or row[0] != self._identity:
            connection.close()
            raise Damaged(name)
        return connection

    def throw_away(self, name: str) -> None:
        """Let another file take the place of this one, whoever else has it open."""
        with suppress(OSError):
            if self._pointer.read_text("utf-8") == name:
                self._pointer.unlink()
        for each in (name, f"{name}-journal"):
            with suppress(OSError):
                (self.directory / each).unlink()

    def free(self) -> int:
        """Return how many bytes there is room for."""
        try:
            return shutil.disk_usage(self.directory).free
        except OSError:
            return 0

    def tidy(self) -> None:
        """Clear away what other versions of this package left long ago, of any store, and files that none holds."""
        old = time.time() - _UNUSED_S
        holds = self.current()
        for each in self.directory.glob("index-*"):
            if not each.name.startswith(holds):
                _clear_if_older(each, time.time() - 3600)
        for version in self._catalogs.glob("*/*"):
            if version != self.directory and max((_touched(each) for each in version.glob("*")), default=0.0) < old:
                shutil.rmtree(version, ignore_errors=True)
                with suppress(OSError):
                    version.parent.rmdir()

    def _made(self) -> str:
        """Make an empty file and let it hold, unless another process was quicker."""
        name = f"index-{secrets.token_hex(6)}.db"
        path = self.directory / name
        try:
            for each in (self.directory.parent, self.directory):
                private_dir(each)  # somebody may have cleared it away
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, isolation_level=None)
            try:
                connection.executescript(f"PRAGMA page_size = 8192; BEGIN; {INDEX.script}; {_SCRIPT}")
                connection.execute("INSERT INTO walked VALUES ('identity', ?)", (self._identity,))
                connection.execute("INSERT INTO gap VALUES (?, 0, '')", (TOP,))
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute("COMMIT")
            finally:
                connection.close()
            return self._holds_now(name)
        except OSError as error:
            raise _unwritable(self.directory, error) from None
        except sqlite3.Error as error:
            raise CatalogError(f"{self.directory} can't hold a catalog: {error}") from None

    def _holds_now(self, name: str) -> str:
        """Let `name` hold where nothing does; return what holds."""
        ours = self.directory / f".{name}.pointer"
        with atomic_writer(ours) as file:
            file.write(name.encode())
        try:
            for _ in range(2):
                try:
                    os.link(ours, self._pointer)
                    return name
                except FileExistsError:
                    there = self._pointer.read_text("utf-8")
                    if (self.directory / there).is_file():
                        self.throw_away(name)
                        return there
                    self._pointer.unlink(missing_ok=True)
                except OSError:  # a disk without links
                    break
            ours.replace(self._pointer)
            return name
        finally:
            ours.unlink(missing_ok=True)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error means that the file isn't what was written."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_FORMAT}


def _unwritable(directory: Path, error: OSError) -> CatalogError:
    reason = (error.strerror or type(error).__name__).lower()
    return CatalogError(
        f"{directory} can't hold a catalog ({reason}). Set RUNLOOP_JUPYTER_CACHE to a directory that can"
    )


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(os.fsencode(path))


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _clear_if_older(path: Path, than: float) -> None:
    with suppress(OSError):
        if path.stat().st_mtime < than:
            path.unlink()
