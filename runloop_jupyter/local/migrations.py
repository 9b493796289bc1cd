"""How the database of an earlier version becomes that of the next. What was released here never changes."""

from __future__ import annotations

from typing import Final

_INDEX_2: Final = """
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
        tagged               INTEGER NOT NULL      -- whether it has a row in object_metadata
    );
    CREATE INDEX object_by_state ON object (state);
    CREATE INDEX object_by_content_type ON object (content_type);
    CREATE INDEX object_by_both ON object (state, content_type);
    CREATE INDEX object_tagged ON object (state) WHERE tagged;

    CREATE TABLE object_metadata (
        position INTEGER PRIMARY KEY,
        json     TEXT NOT NULL                     -- the same pairs are in object_meta
    );

    CREATE TABLE tally (
        state        TEXT NOT NULL,
        content_type TEXT NOT NULL,
        n            INTEGER NOT NULL,
        size_bytes   INTEGER NOT NULL,
        PRIMARY KEY (state, content_type)
    ) WITHOUT ROWID;

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
        pair     INTEGER NOT NULL,
        position INTEGER NOT NULL,
        key      INTEGER NOT NULL,
        PRIMARY KEY (pair, position)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX object_meta_by_key ON object_meta (key, position);

    CREATE VIRTUAL TABLE object_name USING fts5 (
        name_fold, content = 'object', content_rowid = 'position', tokenize = 'trigram case_sensitive 1', detail = none
    );
    CREATE VIRTUAL TABLE object_gram USING fts5vocab (object_name, 'instance');

    CREATE TRIGGER object_inserted AFTER INSERT ON object BEGIN
        INSERT INTO object_name (rowid, name_fold) VALUES (new.position, new.name_fold || char(1, 1));
        INSERT OR IGNORE INTO tally VALUES (new.state, new.content_type, 0, 0);
        UPDATE tally SET n = n + 1, size_bytes = size_bytes + ifnull(new.size_bytes, 0)
            WHERE state = new.state AND content_type = new.content_type;
    END;
    CREATE TRIGGER object_changed AFTER UPDATE OF state, size_bytes ON object BEGIN
        UPDATE tally SET n = n - 1, size_bytes = size_bytes - ifnull(old.size_bytes, 0)
            WHERE state = old.state AND content_type = old.content_type;
        INSERT OR IGNORE INTO tally VALUES (new.state, new.content_type, 0, 0);
        UPDATE tally SET n = n + 1, size_bytes = size_bytes + ifnull(new.size_bytes, 0)
            WHERE state = new.state AND content_type = new.content_type;
    END;
    CREATE TRIGGER object_deleted AFTER DELETE ON object BEGIN
        INSERT INTO object_name (object_name, rowid, name_fold)
            VALUES ('delete', old.position, old.name_fold || char(1, 1));
        UPDATE tally SET n = n - 1, size_bytes = size_bytes - ifnull(old.size_bytes, 0)
            WHERE state = old.state AND content_type = old.content_type;
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
"""

# To version 2, which keeps metadata in a table of its own and counts by key.
NARROWED: Final = f"""
    DROP TRIGGER object_inserted;
    DROP TRIGGER object_changed;
    DROP TRIGGER object_deleted;
    DROP TRIGGER object_meta_inserted;
    DROP TRIGGER object_meta_deleted;
    DROP TABLE object_name;
    DROP TABLE tally;
    DROP INDEX object_by_state;
    DROP INDEX object_by_content_type;
    DROP INDEX object_meta_by_position;
    ALTER TABLE object RENAME TO object_1;
    ALTER TABLE meta_pair RENAME TO meta_pair_1;
    ALTER TABLE object_meta RENAME TO object_meta_1;
    {_INDEX_2}
    INSERT INTO object SELECT position, id, name, name_fold, state, content_type, create_time_ms, size_bytes,
        delete_after_time_ms, metadata IS NOT NULL FROM object_1;
    INSERT INTO object_metadata SELECT position, metadata FROM object_1 WHERE metadata IS NOT NULL;
    INSERT INTO meta_key (text) SELECT DISTINCT key FROM meta_pair_1;
    INSERT INTO meta_pair (pair, key, value)
        SELECT old.pair, meta_key.key, old.value FROM meta_pair_1 AS old JOIN meta_key ON meta_key.text = old.key;
    INSERT INTO object_meta
        SELECT old.pair, old.position, meta_pair.key FROM object_meta_1 AS old JOIN meta_pair USING (pair);
    DROP TABLE object_1;
    DROP TABLE meta_pair_1;
    DROP TABLE object_meta_1;
"""  # noqa: S608 - all of it stands here

# To version 3, in which a word index intersects metadata pairs.
PAIRS_AS_WORDS: Final = """
    ALTER TABLE object_meta RENAME TO object_meta_2;
    DROP TRIGGER object_meta_inserted;
    DROP TRIGGER object_meta_deleted;
    CREATE TABLE object_meta (
        key      INTEGER NOT NULL,
        position INTEGER NOT NULL,
        pair     INTEGER NOT NULL,
        PRIMARY KEY (key, position)
    ) WITHOUT ROWID;
    INSERT INTO object_meta
        SELECT key, position, pair FROM object_meta_2 INDEXED BY object_meta_by_key ORDER BY key, position;
    DROP TABLE object_meta_2;
    CREATE VIRTUAL TABLE object_pair USING fts5 (
        pairs, content = '', columnsize = 0, tokenize = 'ascii', detail = none
    );
    INSERT INTO object_pair (rowid, pairs)
        SELECT o.position, (
            SELECT group_concat(x.pair, ' ') FROM meta_key AS k CROSS JOIN object_meta AS x USING (key)
            WHERE x.position = o.position
        )
        FROM object_metadata AS o ORDER BY o.position;
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
"""

# To version 4, which numbers names, knows parts of sets, and has an index for each order that browsers ask for.
NAMES_NUMBERED: Final = """
    DROP TRIGGER object_inserted;
    DROP TRIGGER object_changed;
    DROP TRIGGER object_deleted;
    DROP INDEX object_by_state;
    DROP INDEX object_by_content_type;
    DROP INDEX object_by_both;
    DROP INDEX object_tagged;
    DROP TABLE tally;
    ALTER TABLE object RENAME TO object_3;
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
    CREATE TABLE name (
        number INTEGER PRIMARY KEY,
        n      INTEGER NOT NULL DEFAULT 0,         -- objects that have it
        living INTEGER NOT NULL DEFAULT 0          -- of these the whole ones that are no parts of sets
    );
    CREATE TABLE names (living INTEGER NOT NULL);  -- one row: how many names something living has
    CREATE TABLE numbered (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
    INSERT INTO numbered (text) SELECT DISTINCT name FROM object_3 ORDER BY name;
    INSERT INTO object
        SELECT position, id, name, name_fold, state, content_type, create_time_ms, size_bytes, delete_after_time_ms,
            tagged,
            EXISTS (
                SELECT 1 FROM meta_key AS k CROSS JOIN object_meta AS x ON x.key = k.key AND x.position = o.position
                CROSS JOIN meta_pair AS p ON p.pair = x.pair WHERE k.text = 'rl.kind' AND p.value = 'part'
            ) OR (o.state = 'DELETED' AND NOT o.tagged AND o.name GLOB '*.rl-part-[0-9][0-9][0-9][0-9][0-9]*'),
            (SELECT number FROM numbered WHERE text = o.name)
        FROM object_3 AS o ORDER BY position;
    INSERT INTO name SELECT named, count(*), sum(state = 'READ_ONLY' AND NOT part) FROM object GROUP BY named;
    INSERT INTO names SELECT count(*) FROM name WHERE living > 0;
    DROP TABLE numbered;
    DROP TABLE object_3;
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
    CREATE TABLE tally (
        state        TEXT NOT NULL,
        content_type TEXT NOT NULL,
        part         INTEGER NOT NULL,
        n            INTEGER NOT NULL,
        size_bytes   INTEGER NOT NULL,
        changes      INTEGER NOT NULL,             -- how often something came, went or grew
        PRIMARY KEY (state, content_type, part)
    ) WITHOUT ROWID;
    INSERT INTO tally
        SELECT state, content_type, part, count(*), sum(ifnull(size_bytes, 0)), count(*) FROM object GROUP BY 1, 2, 3;
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
"""
