"""Files of older versions: brought forward whole, step by step, or left as they are."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from runloop_jupyter.errors import RunloopError
from runloop_jupyter.index import Schema, connect

if TYPE_CHECKING:
    from pathlib import Path

FIRST = Schema(version=1, script="CREATE TABLE thing (n INTEGER);")


def upper(connection: sqlite3.Connection) -> None:
    """A step that needs Python."""
    for n, name in connection.execute("SELECT n, name FROM thing").fetchall():
        connection.execute("UPDATE thing SET name = ? WHERE n = ?", (name.upper(), n))


THIRD = Schema(
    version=3,
    script="CREATE TABLE thing (n INTEGER, name TEXT);",
    steps=("ALTER TABLE thing ADD COLUMN name TEXT; UPDATE thing SET name = 'thing ' || n", upper),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the first version, with two rows."""
    path = tmp_path / "old.db"
    with closing(connect(path, FIRST)) as connection:
        connection.execute("INSERT INTO thing VALUES (1), (2)")
    return path


def inside(path: Path) -> tuple[int, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return version, connection.execute("SELECT * FROM thing").fetchall()


def test_an_older_file_goes_through_every_step(path: Path) -> None:
    connect(path, THIRD).close()
    assert inside(path) == (3, [(1, "THING 1"), (2, "THING 2")])
    connect(path, THIRD).close()
    assert inside(path) == (3, [(1, "THING 1"), (2, "THING 2")])


def test_a_new_file_goes_through_none(tmp_path: Path) -> None:
    connect(tmp_path / "new.db", THIRD).close()
    assert inside(tmp_path / "new.db") == (3, [])


@pytest.mark.parametrize(
    "broken", ["INSERT INTO thing VALUES (3, 'half'); INSERT INTO nowhere VALUES (1)", "a function"]
)
def test_a_step_that_fails_leaves_the_file_as_the_step_before_left_it(path: Path, broken: str) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO thing VALUES (3, 'half')")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        connect(path, Schema(3, "", (THIRD.steps[0], fail if broken == "a function" else broken)))
    assert inside(path) == (2, [(1, "thing 1"), (2, "thing 2")])
    connect(path, THIRD).close()
    assert inside(path) == (3, [(1, "THING 1"), (2, "THING 2")])


def test_killed_within_a_step_the_next_opening_does_it_whole(path: Path) -> None:
    program = """
import os, pathlib, signal, sys
from runloop_jupyter.index import Schema, connect
def killed(connection):
    connection.execute("UPDATE thing SET name = 'half'")
    os.kill(os.getpid(), signal.SIGKILL)
connect(pathlib.Path(sys.argv[1]), Schema(3, "", (sys.argv[2], killed)))
"""
    ended = subprocess.run([sys.executable, "-c", program, str(path), str(THIRD.steps[0])], check=False)
    assert ended.returncode == -9
    assert inside(path)[0] == 2
    connect(path, THIRD).close()
    assert inside(path) == (3, [(1, "THING 1"), (2, "THING 2")])


def test_without_steps_an_older_file_is_refused_and_left_alone(path: Path) -> None:
    with pytest.raises(RunloopError, match=r"written by an older runloop_jupyter \(format 1, this one reads 5\)"):
        connect(path, Schema(5, "CREATE TABLE thing (n INTEGER);"))
    assert inside(path) == (1, [(1,), (2,)])


def test_a_step_too_few_is_noticed_before_any_file_is_opened() -> None:
    with pytest.raises(ValueError, match="version 3 needs 2 steps, not 1"):
        Schema(3, "", ("SELECT 1",))
