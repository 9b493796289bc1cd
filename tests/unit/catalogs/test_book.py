"""A book against a service that changes under the walk: what is known ends up as what is listed, whatever the order."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing import thing, things

from runloop_jupyter.catalogs.book import Book, Superseded
from runloop_jupyter.catalogs.gaps import Gap, Kind
from runloop_jupyter.catalogs.merging import MET
from runloop_jupyter.catalogs.place import TOP, Damaged, Place

if TYPE_CHECKING:
    from runloop_jupyter.wire.objects import ObjectView


@pytest.fixture
def book(tmp_path):
    place = Place(tmp_path, "a" * 32)
    connection = place.connect(place.current(), writes=True)
    yield opened(connection)
    connection.close()


def opened(connection):
    book = Book(connection)
    book.take_over("me")
    return book


def known(book):
    """Ids in the order of their positions, the newest first."""
    return [
        each for (each,) in book._db.execute("SELECT id FROM object WHERE state != 'DELETED' ORDER BY position DESC")
    ]


def step(book, gap, listed, limit):
    """Take in the next page of a gap; return what came of it."""
    ids = [view.id for view in listed]
    start = ids.index(gap.after_id) + 1 if gap.after_id else 0
    page = listed[start : start + limit]
    merged = book.merge(gap, page, has_more=start + limit < len(listed), token="me")
    if merged.missing:
        book.remove(each for each in merged.missing if each not in ids)
    return merged


def fill(book, listed, limit=50):
    while gaps := book.gaps():
        step(book, gaps[0], listed, limit)


def look(book, listed, limit=50):
    return step(book, Gap(), listed, limit)


def test_a_new_book_is_one_gap_and_a_filled_one_has_none(book):
    assert book.gaps() == [Gap(TOP, "", Kind.FILL)]
    fill(book, things(120))
    assert book.gaps() == []
    assert known(book) == [view.id for view in things(120)]
    assert book.count() == 120


def test_a_look_that_meets_enough_known_ones_leaves_no_gap(book):
    fill(book, things(120))
    merged = look(book, things(130), 60)
    assert (merged.ended, merged.new) == (True, 10)
    assert book.gaps() == []
    assert known(book) == [view.id for view in things(130)]


def test_what_lies_between_a_look_and_what_was_known_is_a_gap(book):
    fill(book, things(100))
    look(book, things(300), 50)
    (gap,) = book.gaps()
    assert gap.after_id == things(300)[49].id
    fill(book, things(300))
    assert known(book) == [view.id for view in things(300)]


def test_a_few_known_ones_do_not_end_a_look(book):
    fill(book, things(100))
    book.note([thing(number) for number in range(150, 150 + MET - 1)])
    listed = things(150 + MET - 1)
    look(book, listed, 200)
    fill(book, listed)
    assert known(book) == [view.id for view in listed]


def test_what_this_kernel_put_ends_no_look(book):
    fill(book, things(100))
    book.note([thing(number) for number in range(200, 300)])
    listed = things(300)
    look(book, listed, 150)
    fill(book, listed)
    assert known(book) == [view.id for view in listed]


def test_a_page_of_somebody_elses_walk_changes_nothing(book):
    book.take_over("another")
    with pytest.raises(Superseded):
        look(book, things(10))
    assert known(book) == []


def test_objects_of_one_moment_keep_their_order(book):
    listed = [thing(number, create_time_ms=1_790_000_000_000) for number in reversed(range(300))]
    fill(book, listed)
    more = [thing(number, create_time_ms=1_790_000_000_000) for number in reversed(range(400))]
    look(book, more, 200)
    fill(book, more)
    assert known(book) == [view.id for view in more]


@pytest.mark.parametrize("time_ms", [0, -(10**30), 10**30, 1 << 45])
def test_objects_without_a_time_that_can_be_keep_their_order(book, time_ms):
    listed = [thing(number, create_time_ms=time_ms) for number in reversed(range(100))]
    fill(book, listed[50:])
    look(book, listed, 60)
    fill(book, listed)
    assert known(book) == [view.id for view in listed]


def test_a_file_of_another_identity_or_version_is_damaged(tmp_path):
    place = Place(tmp_path, "a" * 32)
    name = place.current()
    connection = place.connect(name, writes=True)
    connection.execute("UPDATE walked SET value = 'b' WHERE key = 'identity'")
    connection.close()
    with pytest.raises(Damaged):
        place.connect(name)
    place.throw_away(name)
    assert place.current() != name


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 90)),
        st.tuples(st.just("note"), st.integers(1, 40)),
        st.tuples(st.just("delete"), st.integers(0, 400)),
        st.tuples(st.just("look"), st.sampled_from([20, 40, 100])),
        st.tuples(st.just("fill"), st.sampled_from([7, 40, 100])),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS, st.booleans())
def test_whatever_happens_all_of_it_is_known_in_the_end(actions, one_moment):
    """Puts, deletions, notes and pages of walks in any order; then looks, fills and a sweep."""
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory), "a" * 32)
        connection = place.connect(place.current(), writes=True)
        book = opened(connection)
        number = itertools.count()
        listed: list[ObjectView] = []

        def new() -> ObjectView:
            n = next(number)
            return thing(n, create_time_ms=1_790_000_000_000 if one_moment else 1_790_000_000_000 + n * 1000)

        for what, n in actions:
            if what == "put":
                listed = [new() for _ in range(n)][::-1] + listed
            elif what == "note":
                mine = [new() for _ in range(n)]
                listed = mine[::-1] + listed
                book.note(mine)
            elif what == "delete" and listed:
                gaps = {gap.after_id for gap in book.gaps()}
                gone = listed[n % len(listed)]
                if gone.id not in gaps:
                    listed = [view for view in listed if view is not gone]
            elif what == "look" and not any(gap.ceiling == TOP for gap in book.gaps()):
                look(book, listed, n)
            elif what == "fill" and (gaps := book.gaps()):
                step(book, gaps[0], listed, n)
        if not any(gap.ceiling == TOP for gap in book.gaps()):
            look(book, listed, 100)
        fill(book, listed)
        assert {view.id for view in listed} <= set(known(book))
        book.begin_sweep(0)
        fill(book, listed)
        assert known(book) == [view.id for view in listed]
        connection.close()


def test_metadata_that_a_first_answer_lacked_is_taken_in_later(book):
    fill(book, things(10))
    book.note([thing(20, metadata=None)])
    listed = [thing(20), *things(10)]
    look(book, listed)
    assert book.index.get(thing(20).id).metadata == {"shard": "6"}
