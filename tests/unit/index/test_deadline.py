"""A statement that takes too long is cut off, and the connection is as good as before."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from runloop_jupyter.index.deadline import TimeUp, cut_off

FOR_EVER = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_what_would_go_on_for_ever_ends_at_its_time() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        began = time.monotonic()
        with pytest.raises(TimeUp), cut_off(connection, began + 0.05):
            connection.execute(FOR_EVER).fetchall()
        assert 0.05 <= time.monotonic() - began < 5
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_what_comes_after_is_not_cut_off_any_more() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        with cut_off(connection, time.monotonic() + 0.02):
            pass
        time.sleep(0.03)
        some = FOR_EVER.replace("FROM n)", "FROM n WHERE i < 100000)")
        assert connection.execute(some).fetchone() == (100_000,)


def test_other_errors_are_themselves() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(sqlite3.OperationalError, match="no such table"),
        cut_off(connection, time.monotonic() + 60),
    ):
        connection.execute("SELECT * FROM missing")
