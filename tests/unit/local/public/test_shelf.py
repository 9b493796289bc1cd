"""The catalogue of public objects is in order, and each entry has its file."""

import json

from runloop_jupyter.index import Filter
from runloop_jupyter.local.ids import position_of
from runloop_jupyter.local.public import Shelf
from runloop_jupyter.local.public.shelf import HERE


def entries():
    return json.loads((HERE / "catalogue.json").read_text())


def test_every_entry_has_its_file_and_every_file_its_entry():
    files = {each["file"] for each in entries()}
    assert len(files) == len(entries())
    assert files == {path.name for path in HERE.iterdir() if path.suffix not in {".py", ""}} - {"catalogue.json"}


def test_ids_are_of_the_time_that_the_object_says_and_oldest_come_first():
    positions = [position_of(each["object"]["id"]) for each in entries()]
    assert positions == sorted(positions)
    assert [position >> 12 for position in positions] == [each["object"]["create_time_ms"] for each in entries()]


def test_what_is_not_on_the_shelf_is_not_there():
    shelf = Shelf()
    assert shelf.get("obj_none") is None
    assert shelf.path("obj_none") is None
    assert shelf.page(Filter(name="none"), limit=1, before=None).objects == []


def test_a_shelf_counts_and_pages():
    shelf = Shelf()
    first = shelf.page(Filter(), limit=1, before=None)
    assert first.has_more
    assert shelf.count(Filter()) == len(entries())
    rest = shelf.page(Filter(), limit=9, before=position_of(first.objects[0].id))
    assert len(rest.objects) == len(entries()) - 1
    assert shelf.path(first.objects[0].id).stat().st_size == first.objects[0].size_bytes
