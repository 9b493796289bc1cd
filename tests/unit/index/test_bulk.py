"""Many at once come to the same as one after the other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from many_objects import many

from runloop_jupyter.index import ObjectIndex, connect, transaction
from runloop_jupyter.index.bulk import put_new
from runloop_jupyter.wire.objects import ObjectView

_TABLES = (
    (
        "SELECT position, id, o.name, name_fold, state, content_type, create_time_ms, size_bytes, delete_after_time_ms,"
        " tagged, part, n.n, n.living, (SELECT count(DISTINCT p.named) FROM object AS p WHERE p.name = o.name)"
        " FROM object AS o JOIN name AS n ON n.number = o.named ORDER BY position"
    ),
    "SELECT count(*) FROM name",
    "SELECT * FROM names",
    "SELECT * FROM object_metadata ORDER BY position",
    "SELECT * FROM tally ORDER BY state, content_type, part",
    "SELECT text, n, pairs FROM meta_key ORDER BY text",
    "SELECT k.text, p.value, p.n FROM meta_pair AS p JOIN meta_key AS k USING (key) ORDER BY 1, 2",
    (
        "SELECT k.text, x.position, p.value FROM object_meta AS x JOIN meta_key AS k USING (key)"
        " JOIN meta_pair AS p USING (pair) ORDER BY 1, 2"
    ),
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
)


def state(connection):
    """Everything that is kept, without the numbers that things were given."""
    rows = [connection.execute(statement).fetchall() for statement in _TABLES]
    words = [
        (
            key,
            value,
            connection.execute("SELECT rowid FROM object_pair WHERE object_pair MATCH ?", (f"{pair}",)).fetchall(),
        )
        for key, value, pair in connection.execute(
            "SELECT k.text, p.value, p.pair FROM meta_pair AS p JOIN meta_key AS k USING (key) ORDER BY 1, 2"
        ).fetchall()
    ]
    connection.execute("INSERT INTO object_name (object_name) VALUES ('integrity-check')")
    return rows, words


@pytest.fixture
def two(tmp_path):
    connections = [connect(tmp_path / name) for name in ("one", "other")]
    yield connections
    for each in connections:
        each.close()


def one_by_one(connection, placed):
    index = ObjectIndex(connection)
    with transaction(connection):
        for position, view in placed:
            index.put(position, view)


def together(connection, placed, size):
    walk = iter(placed)
    while some := list(itertools.islice(walk, size)):
        with transaction(connection):
            put_new(connection, some)


def test_a_year_of_runs_page_by_page(two):
    placed = list(enumerate(many(300, 1_790_000_000_000)))
    one_by_one(two[0], placed)
    together(two[1], placed[::-1], 70)
    assert state(two[0]) == state(two[1])
    with transaction(two[1]), transaction(two[0]):
        for connection in two:
            for position in range(0, 300, 3):
                ObjectIndex(connection).remove(position)
    assert state(two[0]) == state(two[1])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
views = st.lists(
    st.builds(
        lambda name, state, metadata: (name, state, metadata),
        texts,
        st.sampled_from(["READ_ONLY", "DELETED", "UPLOADING", "NEW"]),
        st.none() | st.dictionaries(texts | st.just("rl.kind"), texts | st.just("part"), max_size=4),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(views, st.integers(1, 5))
def test_any_objects(tmp_path_factory, said, size):
    directory = tmp_path_factory.mktemp("bulk")
    two = [connect(directory / name) for name in ("one", "other")]
    placed = [
        (
            number,
            ObjectView(
                id=f"obj_{number}", name=name, state=state, content_type="text", create_time_ms=number, metadata=has
            ),
        )
        for number, (name, state, has) in enumerate(said)
    ]
    one_by_one(two[0], placed)
    together(two[1], placed, size)
    assert state(two[0]) == state(two[1])
    for each in two:
        each.close()


def test_a_transaction_that_fails_leaves_the_triggers(two):
    placed = list(enumerate(many(80, 1_790_000_000_000)))
    before = state(two[0])

    def fail():
        with transaction(two[0]):
            put_new(two[0], placed)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert state(two[0]) == before
