"""A walk through pages: each once, and only as far as it pays."""

import threading
import time

import pytest

from runloop_jupyter.actions import walk
from runloop_jupyter.actions.walk import End, Walk
from runloop_jupyter.errors import ServerError, TransferCancelled
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.wire.objects import ObjectListView, ObjectView


def view(time_ms):
    return ObjectView(id=f"obj_{time_ms}", name="n", state="READ_ONLY", content_type="text", create_time_ms=time_ms)


class Pages:
    """A store's pages, and how many of them were asked for."""

    def __init__(self, *times):
        self.asked = 0
        self._times = times

    def __iter__(self):
        for place, page in enumerate(self._times):
            self.asked += 1
            yield ObjectListView(objects=list(map(view, page)), has_more=place < len(self._times) - 1)


def walked(pages, **how):
    going = Walk(iter(pages), Transfer("ls", "down", ""), **how)
    return [each.create_time_ms for page in going for each in page], going


def test_every_page_is_walked_once_in_order():
    pages = Pages([9, 8], [], [7], [6, 5])
    times, going = walked(pages)
    assert times == [9, 8, 7, 6, 5]
    assert (going.end, going.looked_at, pages.asked) == (End.ALL, 5, 4)


def test_a_walk_ends_after_the_first_page_that_is_older_throughout():
    pages = Pages([9, 8], [7, 2], [1, 0], [-5])
    times, going = walked(pages, since_ms=6)
    assert times == [9, 8, 7, 2, 1, 0]
    assert (going.end, going.young, pages.asked) == (End.SINCE, 3, 3)


def test_one_odd_time_loses_nothing():
    times, going = walked(Pages([9, -(10**30), 8], [10**30, 1], [7], []), since_ms=6)
    assert {9, 8, 7, 10**30} <= set(times)
    assert going.end is End.ALL


def test_an_empty_page_is_not_an_old_one():
    assert walked(Pages([9], [], [8]), since_ms=6)[0] == [9, 8]


def test_a_walk_ends_when_enough_was_found_and_it_took_long(monkeypatch):
    assert walked(Pages([9], [8], [7]), enough=lambda: True)[1].end is End.ALL
    monkeypatch.setattr(walk, "LONG_ENOUGH_S", 0)
    times, going = walked(Pages([9], [8], [7]), enough=lambda: True)
    assert (times, going.end) == ([9], End.ENOUGH)


def test_a_walk_has_a_cap(monkeypatch):
    monkeypatch.setattr(walk, "LOOK_AT_MOST", 2)
    pages = Pages([9], [8], [7])
    times, going = walked(pages)
    assert (times, going.end, pages.asked) == ([9, 8], End.CAP, 2)


def test_the_next_page_is_fetched_while_this_one_is_looked_at():
    fetched = threading.Event()

    def pages():
        yield ObjectListView(objects=[view(2)], has_more=True)
        fetched.set()
        yield ObjectListView(objects=[view(1)], has_more=False)

    going = iter(Walk(pages(), Transfer("ls", "down", "")))
    next(going)
    assert fetched.wait(5)


def test_what_goes_wrong_with_a_page_is_raised():
    def pages():
        yield ObjectListView(objects=[view(2)], has_more=True)
        raise ServerError("no")

    with pytest.raises(ServerError):
        walked(pages())


def test_a_walk_that_is_cancelled_ends_while_a_page_hangs():
    over = threading.Event()

    def pages():
        over.wait(30)
        yield ObjectListView(objects=[], has_more=False)

    looking = Transfer("ls", "down", "")
    threading.Timer(0.1, looking.cancel).start()
    began = time.monotonic()
    with pytest.raises(TransferCancelled):
        list(Walk(pages(), looking))
    assert time.monotonic() - began < 5
    over.set()
