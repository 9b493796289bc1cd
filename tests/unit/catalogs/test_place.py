"""Where a catalog lies: one file holds, whoever makes it, and what is damaged or left by others goes."""

from __future__ import annotations

import os
import threading
import time

import pytest

from runloop_jupyter.catalogs.place import VERSION, Damaged, Place
from runloop_jupyter.catalogs.progress import Progress, Seen
from runloop_jupyter.errors import CatalogError


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "catalog", "a" * 32)


def test_of_many_who_make_one_at_once_all_have_the_same(tmp_path):
    start = threading.Barrier(12)
    found = []

    def make():
        mine = Place(tmp_path / "catalog", "a" * 32)
        start.wait()
        found.append(mine.current())

    threads = [threading.Thread(target=make) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(found)) == 1
    assert Place(tmp_path / "catalog", "a" * 32).current() == found[0]
    assert [each.name for each in (tmp_path / "catalog").rglob("index-*")] == [found[0]]


def test_what_is_thrown_away_is_followed_by_another_and_touches_no_other(place):
    first = place.current()
    place.throw_away(first)
    second = place.current()
    assert first != second
    place.throw_away(first)
    assert place.current() == second


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_none_is_damaged(place, content):
    name = place.current()
    (place.directory / name).write_bytes(content)
    with pytest.raises(Damaged):
        place.connect(name)


@pytest.mark.parametrize("pointer", ["", "../../elsewhere", "index-gone.db", "\x00"])
def test_a_pointer_that_leads_nowhere_is_replaced(place, pointer):
    place.current()
    (place.directory / "current").write_text(pointer)
    name = place.current()
    place.connect(name).close()
    assert place.current() == name


def test_only_its_owner_can_read_it(place):
    name = place.current()
    assert (place.directory / name).stat().st_mode & 0o777 == 0o600
    assert place.directory.stat().st_mode & 0o777 == 0o700


def test_what_other_versions_left_long_ago_is_cleared_and_what_is_young_stays(place):
    place.current()
    old = place.directory.parent / str(VERSION - 1)
    young = place.directory.parent.parent / ("b" * 32) / str(VERSION)
    for each in (old, young):
        each.mkdir(parents=True)
        (each / "index-x.db").write_bytes(b"x")
    long_ago = time.time() - 40 * 86_400
    os.utime(old / "index-x.db", (long_ago, long_ago))
    place.tidy()
    assert not old.exists()
    assert young.exists()
    assert place.directory.exists()


def test_where_nothing_can_be_made_the_error_says_what_to_set(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="RUNLOOP_JUPYTER_CACHE"):
        Place(tmp_path / "file", "a" * 32)


def test_how_far_a_walk_is_is_read_as_it_was_written(tmp_path):
    seen = Seen(tmp_path / "walk.json")
    assert seen.read() == Progress()
    said = Progress(looked_ms=5, walking=True, trouble="busy")
    said.write(tmp_path / "walk.json")
    assert seen.read() == said
    (tmp_path / "walk.json").write_bytes(b"{")
    assert seen.read() == said
