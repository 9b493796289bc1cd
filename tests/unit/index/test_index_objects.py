"""The index against a plain list of objects that says what is right."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.index import INDEX, Filter, ObjectIndex, Schema, SchemaTooNew, Tally, connect, transaction
from runloop_jupyter.index.filter import plan
from runloop_jupyter.index.fold import fold
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

STATES = ["UPLOADING", "READ_ONLY", "DELETED"]
TYPES = ["text", "binary"]
LETTERS = "aAbBÄäßẞéE\u0301ıİ%_\"' \0\1\U0001f427\U0010ffff-"

names = st.text(LETTERS, max_size=12) | st.text(max_size=8)
metadata = st.none() | st.dictionaries(
    st.sampled_from(["k", "l", ""]), st.sampled_from(["1", "2", "", "ä"]), max_size=3
)
rows = st.lists(st.tuples(names, st.sampled_from(STATES), st.sampled_from(TYPES), metadata), max_size=12)
filters = st.builds(
    Filter,
    name=st.none() | st.text(LETTERS, max_size=2) | st.text(LETTERS, max_size=5) | names,
    search=st.none() | st.text(LETTERS, max_size=5) | st.sampled_from(["obj-", "obj-3", "obj-03x", "o", "OBJ"]),
    content_type=st.none() | st.sampled_from([*TYPES, "tar"]),
    state=st.none() | st.sampled_from([*STATES, "ERROR"]),
    metadata=st.dictionaries(
        st.sampled_from(["k", "l", "", "m"]),
        st.lists(st.sampled_from(["1", "2", "", "ä", "x"]), max_size=3),
        max_size=2,
    ),
)


def view(number: int, name: str, state: str, content_type: str, pairs: dict[str, str] | None) -> ObjectView:
    return ObjectView(
        id=f"obj-{number:02}x",
        name=name,
        state=state,
        content_type=content_type,
        create_time_ms=number,
        size_bytes=number if state == "READ_ONLY" else None,
        metadata=pairs,
    )


def meant(wanted: Filter, each: ObjectView) -> bool:
    name = fold(each.name)
    return (
        (not wanted.name or fold(wanted.name) in name)
        and (not wanted.search or fold(wanted.search) in name or each.id.startswith(wanted.search))
        and wanted.content_type in (None, each.content_type)
        and wanted.state in (None, each.state)
        and all((each.metadata or {}).get(key) in values for key, values in wanted.metadata.items())
    )


def memory_index(window: int = 3) -> ObjectIndex:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(INDEX.script)
    return ObjectIndex(connection, window=window)


@pytest.fixture
def index() -> Iterator[ObjectIndex]:
    made = memory_index()
    yield made
    made._connection.close()


def values_of(index: ObjectIndex, key: str, without: Collection[str] = ()) -> dict[str, int]:
    found = {value: n for each in index.metadata.value_counts(key, without=without) for value, n in each.items()}
    assert [value for each in index.metadata.values(key) for value in each] == list(found)
    return found


def fill(index: ObjectIndex, *names: str) -> None:
    for number, name in enumerate(names):
        index.put(number, view(number, name, "READ_ONLY", "text", None))


@contextmanager
def smaller_than_the_store(few: int, ids: int, beginnings: int) -> Iterator[None]:
    """Make a handful of objects so many that an index of a million is walked no other way."""
    with (
        patch("runloop_jupyter.index.filter.FEW", few),
        patch("runloop_jupyter.index.filter._IDS", ids),
        patch("runloop_jupyter.index.text._BEGINNINGS", beginnings),
        patch("runloop_jupyter.index.deadline.TURN_S", 0.0),
    ):
        yield


limits = st.builds(smaller_than_the_store, st.integers(0, 6), st.sampled_from([0, 2, 1000]), st.sampled_from([0, 200]))


@settings(max_examples=200, deadline=None)
@given(
    rows=rows,
    removed=st.sets(st.integers(0, 11)),
    wanted=filters,
    limit=st.integers(1, 5),
    before=st.none() | st.integers(0, 12),
    window=st.integers(1, 5),
    limits=limits,
)
def test_a_page_holds_exactly_the_newest_objects_that_are_meant(
    rows: list[tuple[str, str, str, dict[str, str] | None]],
    removed: set[int],
    wanted: Filter,
    limit: int,
    before: int | None,
    window: int,
    limits: AbstractContextManager[None],
) -> None:
    index = memory_index(window)
    try:
        views = [view(number, *row) for number, row in enumerate(rows)]
        for number, each in enumerate(views):
            index.put(number, each)
        for number in removed:  # `before` may be where one of them was
            index.remove(number)
        right = [each for each in reversed(views) if each.create_time_ms not in removed and meant(wanted, each)]
        older = [each for each in right if before is None or each.create_time_ms < before]
        with limits:
            page = index.page(wanted, limit=limit, before=before)
            assert page.objects == older[:limit]
            assert page.has_more == (len(older) > limit)
            assert index.count(wanted) == len(right)
            assert index.count(wanted, within_s=0) in (None, len(right))
    finally:
        index._connection.close()


@settings(max_examples=120, deadline=None)
@given(
    rows=rows,
    wanted=filters,
    keys=st.lists(st.sampled_from(["k", "l", "", "m"]), unique=True, min_size=1),
    limit=st.integers(1, 3),
    window=st.integers(1, 5),
    others=st.sampled_from([0, 20_000]),
    limits=limits,
)
def test_facets_count_the_values_of_the_objects_that_are_meant(
    rows: list[tuple[str, str, str, dict[str, str] | None]],
    wanted: Filter,
    keys: list[str],
    limit: int,
    window: int,
    others: int,
    limits: AbstractContextManager[None],
) -> None:
    index = memory_index(window)
    try:
        views = [view(number, *row) for number, row in enumerate(rows)]
        for number, each in enumerate(views):
            index.put(number, each)
        right = [each for each in views if meant(wanted, each)]
        with limits, patch("runloop_jupyter.index.filter._OTHERS", others):
            *_, found = index.facets(wanted, keys, limit=limit)
            *_, hurried = index.facets(wanted, keys, limit=limit, within_s=0)
        assert found is not None
        assert (found.complete, found.objects) == (True, len(right))
        assert [each.key for each in found.facets] == keys
        for facet in found.facets:
            counts = Counter(each.metadata[facet.key] for each in right if facet.key in (each.metadata or {}))
            assert facet.distinct == len(counts)
            assert list(facet.values.values()) == sorted(counts.values(), reverse=True)[:limit]
            assert facet.values.items() <= counts.items()
        assert hurried is not None
        assert hurried.complete or hurried.objects <= len(right)
        assert all(less.distinct <= whole.distinct for less, whole in zip(hurried.facets, found.facets, strict=True))
    finally:
        index._connection.close()


@given(rows=rows, removed=st.sets(st.integers(0, 11)), changed=st.sets(st.integers(0, 11)))
def test_kept_counts_equal_counting(
    rows: list[tuple[str, str, str, dict[str, str] | None]], removed: set[int], changed: set[int]
) -> None:
    index = memory_index()
    try:
        views = {number: view(number, *row) for number, row in enumerate(rows)}
        for number, each in views.items():
            index.put(number, each)
        for number in changed & views.keys():
            index.change(number, state="DELETED", size_bytes=None)
            index.drop_metadata(number)
            views[number] = view(number, views[number].name, "DELETED", views[number].content_type, None)
        for number in removed:
            index.remove(number)
            views.pop(number, None)
        left = list(views.values())
        pairs = [pair for each in left for pair in (each.metadata or {}).items()]
        assert list(index.metadata.keys()) == sorted({key for key, _ in pairs})
        for key in ("k", "l", "", "m"):
            used = [value for mine, value in pairs if mine == key]
            assert values_of(index, key) == {value: used.count(value) for value in sorted(set(used))}
        for without in ((), STATES[:1], STATES):
            counted = [each for each in left if each.state not in without]
            keys = {key: sum(key in (each.metadata or {}) for each in counted) for key in list(index.metadata.keys())}
            assert list(index.metadata.keys_without(without))[-1] == keys
            for key in keys:
                used = [each.metadata[key] for each in counted if key in (each.metadata or {})]
                values = {value: used.count(value) for value in values_of(index, key)}
                assert values_of(index, key, without) == values
        assert index.tally() == {
            state: Tally(len(mine), sum(each.size_bytes or 0 for each in mine))
            for state in STATES
            if (mine := [each for each in left if each.state == state])
        }
        assert index.page(Filter(), limit=20).objects == left[::-1]
        for each in left:
            assert each in index.page(Filter(name=each.name), limit=20).objects
    finally:
        index._connection.close()


def test_what_is_put_at_a_position_takes_the_place_of_what_was_there(index: ObjectIndex) -> None:
    fill(index, "first name")
    index.put(0, view(7, "second name", "READ_ONLY", "text", {"a": "b"}))
    assert index.get("obj-00x") is None
    assert index.count(Filter(name="first")) == 0
    assert [each.name for each in index.page(Filter(), limit=5).objects] == ["second name"]


def test_an_id_that_is_put_again_moves(index: ObjectIndex) -> None:
    fill(index, "one", "two")
    index.put(9, view(0, "one", "READ_ONLY", "text", None))
    assert index.position("obj-00x") == 9
    assert [each.name for each in index.page(Filter(), limit=5).objects] == ["one", "two"]


def test_the_caller_supplies_the_order(index: ObjectIndex) -> None:
    for position in (5, -3, 10**15):
        index.put(position, view(position % 100, str(position), "READ_ONLY", "text", None))
    assert [each.name for each in index.page(Filter(), limit=5).objects] == [str(10**15), "5", "-3"]
    assert index.newest() == 10**15


def test_a_search_with_more_matching_ids_than_are_fetched_is_still_right(index: ObjectIndex) -> None:
    for number in range(1100):
        index.put(number, view(number, "name", "READ_ONLY", "text", None))
    index.put(5000, view(5000, "has obj- inside", "READ_ONLY", "text", None))
    assert index.count(Filter(search="obj-")) == 1101
    assert index.page(Filter(search="obj-50"), limit=2).objects[0].name == "has obj- inside"


def test_a_very_long_text_is_found_whole_only(index: ObjectIndex) -> None:
    long = "".join(chr(0x4E00 + number) for number in range(500))
    fill(index, long, long[:-1] + "x")
    assert index.count(Filter(name=long)) == 1
    assert index.count(Filter(name=long[:400])) == 2


def test_a_text_narrows_without_reading_every_object(index: ObjectIndex) -> None:
    fill(index, "penguins", "pigs", "ping")
    for text in ("pengu", "pe", "p"):
        way = plan(index._connection, Filter(name=text))
        assert way is not None
        assert way.key == "object_name.rowid"
    for text in ("penguin-", "zq", "z"):  # one look at the index of names says that there is no such
        assert plan(index._connection, Filter(name=text)) is None


def test_what_many_and_few_have_is_found_through_the_few(index: ObjectIndex) -> None:
    for number in range(40):
        index.put(number, view(number, "a/long/name", "READ_ONLY", "text", {"all": "x", "few": str(number // 2)}))
    with smaller_than_the_store(few=10, ids=1000, beginnings=200):
        way = plan(index._connection, Filter(name="long", state="READ_ONLY", metadata={"all": ["x"], "few": ["3"]}))
    assert way is not None
    (pair,) = index._connection.execute("SELECT pair FROM meta_pair WHERE value = '3'").fetchone()
    assert (way.words, way.few) == (("object_pair", f"({pair})"), True)


def test_pairs_that_many_have_are_looked_for_together(index: ObjectIndex) -> None:
    for number in range(40):
        index.put(number, view(number, "name", "READ_ONLY", "text", {"all": "x", "half": "ab"[number % 2]}))
    with smaller_than_the_store(few=10, ids=1000, beginnings=200):
        way = plan(index._connection, Filter(metadata={"all": ["x"], "half": ["a"]}))
    assert way is not None
    assert way.words is not None
    assert way.words[1].count(" AND ") == 1
    assert "object_meta" not in way.source  # nothing is left to be tested on each


def test_what_takes_long_pauses_on_the_way(index: ObjectIndex) -> None:
    for number in range(40):
        index.put(number, view(number, "name", "READ_ONLY", "text", {"k": "x", "l": "yz"[number % 2]}))
    nobody = Filter(metadata={"k": ["x"], "l": ["y"]}, name="name", state="DELETED")
    index.put(40, view(40, "other", "DELETED", "text", None))
    with smaller_than_the_store(few=0, ids=1000, beginnings=200):
        *pauses, page = index.walk(nobody, limit=5)
        assert page is not None
        assert page.objects == []
        assert len(pauses) > 2
        assert set(pauses) == {None}
        *pauses, found = index.facets(Filter(metadata={"k": ["x"]}), ["l"], limit=5)
        assert found is not None
        assert found.facets[0].values == {"y": 20, "z": 20}
        assert len(pauses) > 2


def test_an_object_that_goes_while_a_page_is_walked_leaves_the_others_in_it(index: ObjectIndex) -> None:
    fill(index, *(f"name {number}" for number in range(20)))
    with smaller_than_the_store(few=0, ids=1000, beginnings=200):
        steps = index.walk(Filter(name="name"), limit=30)
        assert next(steps) is None
        index.remove(0)
        index.put(50, view(50, "name, newer", "READ_ONLY", "text", None))
        *_, page = steps
    assert page is not None
    assert [each.create_time_ms for each in page.objects] == list(range(19, 0, -1))


def test_a_database_is_durable_private_and_for_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    connection = connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    with transaction(connection):
        fill(ObjectIndex(connection), "kept")
    assert {each.name for each in tmp_path.iterdir()} == {"index.db", "index.db-wal"}  # no -shm: safe without mmap
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connect(path)
    connection.close()
    again = connect(path)
    assert ObjectIndex(again).count(Filter()) == 1
    again.close()


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path) -> None:
    connection = connect(tmp_path / "index.db")
    index = ObjectIndex(connection)

    def half() -> None:
        with transaction(connection):
            fill(index, "one")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert index.count(Filter()) == 0
    connection.close()


def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    connect(path, Schema(version=7, script="CREATE TABLE future (x);")).close()
    before = path.read_bytes()
    with pytest.raises(SchemaTooNew, match=r"newer runloop_jupyter \(format 7, this one reads 4\)"):
        connect(path)
    assert path.read_bytes() == before
