"""The tables of the index, and the one way to open a database of this package."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runloop_jupyter.errors import RunloopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schema:
    """What a database file contains.

    Attributes:
        version: Kept in ``PRAGMA user_version``; goes up by one whenever `script` changes.
        script: The statements that make an empty file ready.
        steps: How an older file comes to the same: the first takes version 1 to 2, the next 2 to 3. Statements, or a
            function that uses the connection within the transaction it finds. A step that was released never changes.
            Empty for what is made anew instead, such as a catalog.
    """

    version: int
    script: str
    steps: tuple[str | Callable[[sqlite3.Connection], None], ...] = ()

    def __post_init__(self) -> None:
        if self.steps and len(self.steps) != self.version - 1:
            raise ValueError(f"version {self.version} needs {self.version - 1} steps, not {len(self.steps)}")


class SchemaTooNew(RunloopError):
    """The file was written by a newer version of this package; guessing at it could damage it.

    Attributes:
        found: The file's version.
        known: The newest version that this code can read.
    """

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} was written by a newer runloop_jupyter (format {found}, this one reads {known}): "
            "update the package, or point it at another place"
        )
        self.found = found
        self.known = known


class SchemaTooOld(RunloopError):
    """The file was written by an older version of this package, and there are no steps from there."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(f"{path} was written by an older runloop_jupyter (format {found}, this one reads {known})")


# What is tested on object after object is narrow: names, states and types lie close together, the wide metadata JSON in
# a table of its own that only a page's rows are read from.
#
# The index of names holds no copy of them (external content), no positions (detail=none): a match ANDs the trigrams,
# and the query verifies with instr(). Two U+0001 end each name, so that every character begins a trigram, and a text of
# one or two characters is an OR of the trigrams that begin with it, which object_gram tells.
#
# A key's objects lie together in order (object_meta), which tells quickly the value that an object has. Which objects
# have a value is in an index of words: an object's pairs, by number, are its text (object_pair). FTS5 goes through two
# lists of 250,000 and finds nothing in both in 18 ms, a join of two b-trees in 180. Numbers that a person waits for are
# kept by triggers, not counted when asked; the values that many objects share can be read most frequent first, those of
# one object alone, which may be a million, aren't in that index.
#
# Names are numbered, without many gaps: a list that shows one version of each marks the numbers it has met in a row of
# bytes. What browsers ask for most, whole objects that are no parts of sets ("living"), has indexes of its own: they
# hold nothing to be passed over, and an upload that isn't finished costs little. `changes` only ever goes up, and tells
# a list whether it is still what it was.
INDEX: Final = Schema(
    version=4,
    script="""
    CREATE TABLE object (
        position             INTEGER PRIMARY KEY,  -- greater is newer
        id                   TEXT NOT NULL UNIQUE,
        name                 TEXT NOT NULL,
        name_fold            TEXT NOT NULL,
        state                TEXT NOT NULL,
        content_type         TEXT NOT NULL,
        create_time_ms       INTEGER NOT NULL,
        size_bytes           INTEGER,
        delete_after_time_ms INTEGER,
        tagged               INTEGER NOT NULL,     -- whether it has a row in object_metadata
        part                 INTEGER NOT NULL,     -- whether it is part of a set, which no list of names shows
        named                INTEGER NOT NULL      -- the number of its name
    );
    CREATE INDEX object_by_state ON object (state);
    CREATE INDEX object_by_content_type ON object (content_type);
    CREATE INDEX object_by_both ON object (state, content_type);
    CREATE INDEX object_tagged ON object (state) WHERE tagged;
    CREATE INDEX object_part ON object (state) WHERE part;
    CREATE INDEX object_by_name ON object (name, state, part);
    CREATE INDEX object_living ON object (named) WHERE state = 'READ_ONLY' AND NOT part;
    CREATE INDEX object_by_size ON object (size_bytes) WHERE state = 'READ_ONLY' AND NOT part;
    CREATE INDEX object_by_put ON object (create_time_ms) WHERE state = 'READ_ONLY' AND NOT part;
    CREATE INDEX object_by_expiry ON object (delete_after_time_ms, state, part)
        WHERE delete_after_time_ms IS NOT NULL AND state != 'DELETED';

    CREATE TABLE object_metadata (
        position INTEGER PRIMARY KEY,
        json     TEXT NOT NULL                     -- the same pairs are in object_meta
    );

    CREATE TABLE tally (
        state        TEXT NOT NULL,
        content_type TEXT NOT NULL,
        part         INTEGER NOT NULL,
        n            INTEGER NOT NULL,
        size_bytes   INTEGER NOT NULL,
        changes      INTEGER NOT NULL,             -- how often something came, went or grew
        PRIMARY KEY (state, content_type, part)
    ) WITHOUT ROWID;

    CREATE TABLE name (
        number INTEGER PRIMARY KEY,
        n      INTEGER NOT NULL DEFAULT 0,         -- objects that have it
        living INTEGER NOT NULL DEFAULT 0          -- of these the whole ones that are no parts of sets
    );
    CREATE TABLE names (living INTEGER NOT NULL);  -- one row: how many names something living has
    INSERT INTO names VALUES (0);

    CREATE TABLE meta_key (
        key    INTEGER PRIMARY KEY,
        text   TEXT NOT NULL UNIQUE,
        n      INTEGER NOT NULL DEFAULT 0,         -- objects that have it
        pairs  INTEGER NOT NULL DEFAULT 0          -- different values
    );
    CREATE TABLE meta_pair (
        pair  INTEGER PRIMARY KEY,
        key   INTEGER NOT NULL,
        value TEXT NOT NULL,
        n     INTEGER NOT NULL DEFAULT 0,
        UNIQUE (key, value)
    );
    CREATE INDEX meta_pair_by_n ON meta_pair (key, n) WHERE n > 1;
    CREATE TABLE object_meta (
        key      INTEGER NOT NULL,
        position INTEGER NOT NULL,
        pair     INTEGER NOT NULL,
        PRIMARY KEY (key, position)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE object_pair USING fts5 (
        pairs, content = '', columnsize = 0, tokenize = 'ascii', detail = none
    );

    CREATE VIRTUAL TABLE object_name USING fts5 (
        name_fold, content = 'object', content_rowid = 'position', tokenize = 'trigram case_sensitive 1', detail = none
    );
    CREATE VIRTUAL TABLE object_gram USING fts5vocab (object_name, 'instance');

    CREATE TRIGGER object_inserted AFTER INSERT ON object BEGIN
        INSERT INTO object_name (rowid, name_fold) VALUES (new.position, new.name_fold || char(1, 1));
        INSERT OR IGNORE INTO tally VALUES (new.state, new.content_type, new.part, 0, 0, 0);
        UPDATE tally SET n = n + 1, size_bytes = size_bytes + ifnull(new.size_bytes, 0), changes = changes + 1
            WHERE state = new.state AND content_type = new.content_type AND part = new.part;
        UPDATE name SET n = n + 1, living = living + (new.state = 'READ_ONLY' AND NOT new.part)
            WHERE number = new.named;
    END;
    CREATE TRIGGER object_changed AFTER UPDATE OF state, size_bytes ON object BEGIN
        UPDATE tally SET n = n - 1, size_bytes = size_bytes - ifnull(old.size_bytes, 0), changes = changes + 1
            WHERE state = old.state AND content_type = old.content_type AND part = old.part;
        INSERT OR IGNORE INTO tally VALUES (new.state, new.content_type, new.part, 0, 0, 0);
        UPDATE tally SET n = n + 1, size_bytes = size_bytes + ifnull(new.size_bytes, 0), changes = changes + 1
            WHERE state = new.state AND content_type = new.content_type AND part = new.part;
        UPDATE name SET living = living + (new.state = 'READ_ONLY') - (old.state = 'READ_ONLY')
            WHERE number = new.named AND NOT new.part;
    END;
    CREATE TRIGGER object_deleted AFTER DELETE ON object BEGIN
        INSERT INTO object_name (object_name, rowid, name_fold)
            VALUES ('delete', old.position, old.name_fold || char(1, 1));
        UPDATE tally SET n = n - 1, size_bytes = size_bytes - ifnull(old.size_bytes, 0), changes = changes + 1
            WHERE state = old.state AND content_type = old.content_type AND part = old.part;
        UPDATE name SET n = n - 1, living = living - (old.state = 'READ_ONLY' AND NOT old.part)
            WHERE number = old.named;
        DELETE FROM name WHERE number = old.named AND n = 0;
    END;
    CREATE TRIGGER name_changed AFTER UPDATE OF living ON name WHEN (old.living > 0) != (new.living > 0) BEGIN
        UPDATE names SET living = living + (new.living > 0) - (old.living > 0);
    END;
    CREATE TRIGGER meta_pair_inserted AFTER INSERT ON meta_pair BEGIN
        UPDATE meta_key SET pairs = pairs + 1 WHERE key = new.key;
    END;
    CREATE TRIGGER meta_pair_deleted AFTER DELETE ON meta_pair BEGIN
        UPDATE meta_key SET pairs = pairs - 1 WHERE key = old.key;
    END;
    CREATE TRIGGER object_meta_inserted AFTER INSERT ON object_meta BEGIN
        UPDATE meta_pair SET n = n + 1 WHERE pair = new.pair;
        UPDATE meta_key SET n = n + 1 WHERE key = new.key;
    END;
    CREATE TRIGGER object_meta_deleted AFTER DELETE ON object_meta BEGIN
        UPDATE meta_pair SET n = n - 1 WHERE pair = old.pair;
        DELETE FROM meta_pair WHERE pair = old.pair AND n = 0;
        UPDATE meta_key SET n = n - 1 WHERE key = old.key;
        DELETE FROM meta_key WHERE key = old.key AND n = 0;
    END;
    """,
)


def connect(path: Path, schema: Schema = INDEX) -> sqlite3.Connection:
    """Open the database at `path`, made 0600; a new file is filled with `schema`, an older one brought up to it.

    Write-ahead log, every commit on the disk before it returns, and the file locked for this connection alone: the log
    then needs no shared memory, which doesn't reach across hosts on network filesystems. Statements commit by
    themselves outside of `transaction`.

    Raises:
        SchemaTooNew: The file was written by a newer version.
        SchemaTooOld: By an older one, and `schema` has no steps.
        sqlite3.Error: Not a database, in use, no room, or an SQLite without FTS5 trigrams (before 3.34).
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # sqlite itself would go by the umask
    connection = sqlite3.connect(path, isolation_level=None, timeout=2)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -32000")
        _prepare(connection, path, schema)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block did when it ends well, take all of it back when it doesn't."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk can have rolled it back already
            connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > schema.version:
        raise SchemaTooNew(path, found, schema.version)
    if found == 0:
        _step(connection, schema.script, schema.version)
    elif found < schema.version and not schema.steps:
        raise SchemaTooOld(path, found, schema.version)
    elif found < schema.version:
        log.info(
            "bringing %s from format %d to %d: once, some seconds per 100,000 objects", path, found, schema.version
        )
        for version in range(found + 1, schema.version + 1):
            _step(connection, schema.steps[version - 2], version)


def _step(connection: sqlite3.Connection, step: str | Callable[[sqlite3.Connection], None], version: int) -> None:
    """Do `step` and say that the file is of `version`, both or neither."""
    if callable(step):
        with transaction(connection):
            step(connection)
            connection.execute(f"PRAGMA user_version = {version}")
        return
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {version}; COMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
