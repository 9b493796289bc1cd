"""A store's database as earlier versions of this package wrote it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.index import Filter, connect
from runloop_jupyter.local.blobs import Blobs
from runloop_jupyter.local.database import SCHEMA
from runloop_jupyter.local.layout import Layout
from runloop_jupyter.local.objects import Objects

if TYPE_CHECKING:
    from runloop_jupyter.wire.objects import ObjectListView

# Written by each version's own code; a new version adds its own here.
WRITTEN = sorted(Path(__file__).parent.glob("store-version-*.db"))


def shape(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    return {(kind, name, sql and " ".join(sql.split())) for kind, name, sql in rows}


def listed(objects: Objects, wanted: Filter) -> ObjectListView:
    """Return the page that a list call comes to, after whatever pauses it makes."""
    return next(page for page in objects.list(wanted, limit=10, starting_after=None, count=True) if page is not None)


def test_there_is_a_file_of_each_version() -> None:
    assert [each.stem for each in WRITTEN] == [f"store-version-{n}" for n in range(1, SCHEMA.version + 1)]


@pytest.mark.parametrize("written", WRITTEN, ids=lambda path: path.stem)
def test_a_file_of_an_earlier_version_becomes_what_a_new_one_is_and_keeps_what_it_holds(
    written: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layout = Layout(tmp_path)
    shutil.copy(written, layout.database)
    version = int(written.stem.removeprefix("store-version-"))
    with caplog.at_level("INFO"):
        connection = connect(layout.database, SCHEMA)
    # Where it takes longer than a launcher waits, that is what the log ends with.
    assert (f"from format {version} to {SCHEMA.version}: once" in caplog.text) == (version < SCHEMA.version)
    new = connect(tmp_path / "new.db", SCHEMA)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA.version,)
    assert shape(connection) == shape(new)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    objects = Objects(connection, Blobs(layout), clock=lambda: 1_795_000_001.0)
    objects.checked = True  # only the database was kept
    page = listed(objects, Filter())
    assert [(each.name, each.state) for each in page.objects] == [
        ("asked", "READ_ONLY"),
        ("half", "UPLOADING"),
        ("gone", "DELETED"),
        ("Größe", "READ_ONLY"),
        ("penguins", "READ_ONLY"),
    ]
    found = listed(objects, Filter(name="GRÖ"))
    assert [each.name for each in found.objects] == ["Größe"]
    assert json.loads(b"".join(objects.metadata_values("species", count=True)))["counts"] == [2]
    assert objects.once("request-1", "POST /v1/objects", lambda: b"done twice").startswith(b"obj_")
    later = Objects(connection, Blobs(layout), clock=lambda: 2_900_000_000.0)
    assert later.sweep() == 1
    connection.close()
    new.close()


def test_an_older_file_tells_parts_of_sets_and_counts_names_as_a_new_one_does(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    shutil.copy(Path(__file__).with_name("store-version-3.db"), layout.database)
    older = sqlite3.connect(layout.database)
    held = "INSERT INTO object VALUES (?, ?, ?, ?, ?, 'binary', 1, 8, NULL, ?)"
    older.execute(held, (10, "obj_p", "big.rl-part-00001", "big.rl-part-00001", "READ_ONLY", 1))
    older.execute(held, (11, "obj_q", "big.rl-part-00002", "big.rl-part-00002", "DELETED", 0))
    older.execute(held, (12, "obj_r", "penguins", "penguins", "READ_ONLY", 0))
    older.execute('INSERT INTO object_metadata VALUES (10, \'{"rl.kind":"part"}\')')
    older.execute(
        "INSERT INTO meta_pair (pair, key, value) SELECT 99, key, 'part' FROM meta_key WHERE text = 'rl.kind'"
    )
    older.execute("INSERT INTO object_meta SELECT key, 10, 99 FROM meta_key WHERE text = 'rl.kind'")
    older.commit()
    older.close()
    connection = connect(layout.database, SCHEMA)
    parts = connection.execute("SELECT name FROM object WHERE part ORDER BY name").fetchall()
    assert parts == [("big.rl-part-00001",), ("big.rl-part-00002",)]
    kept = connection.execute("SELECT n, living FROM object JOIN name ON number = named WHERE name = 'penguins'")
    assert kept.fetchall() == [(2, 2), (2, 2)]
    assert connection.execute("SELECT living FROM names").fetchone() == (3,)
    tally = "SELECT state, part, n FROM tally ORDER BY state, part"
    assert connection.execute(tally).fetchall() == [
        ("DELETED", 0, 1),
        ("DELETED", 1, 1),
        ("READ_ONLY", 0, 4),
        ("READ_ONLY", 1, 1),
        ("UPLOADING", 0, 1),
    ]
    connection.close()
