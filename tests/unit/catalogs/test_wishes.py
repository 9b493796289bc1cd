"""A kernel that reads what another one walks has that one look for it, and go on looking while it is asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from later import Clock
from listing import thing, things

from runloop_jupyter.catalogs import walker
from runloop_jupyter.catalogs.place import Place
from runloop_jupyter.catalogs.walker import Walker
from runloop_jupyter.errors import Unreachable
from runloop_jupyter.wire.objects import ObjectListView


class Service:
    """Lists what it has, newest first."""

    def __init__(self, views):
        self.views = list(views)
        self.pages = []

    def list(self, *, limit, starting_after=None, retries=None):
        self.pages.append((starting_after, limit))
        ids = [view.id for view in self.views]
        start = ids.index(starting_after) + 1 if starting_after else 0
        page = self.views[start : start + limit]
        return ObjectListView(objects=page, has_more=start + limit < len(self.views))


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(walker, "time", SimpleNamespace(monotonic=clock, time=walker.time.time))
    return clock


@pytest.fixture
def service():
    return Service(things(300))


@pytest.fixture
def pair(tmp_path, clock, service):
    """Who walks, and who reads; what there is has been walked through."""
    walks, reads = (Walker(Place(tmp_path, "store"), lambda: service, "tests") for _ in range(2))
    for _ in range(4):
        walks._round()
        clock.go_on(1)
    reads._round()
    assert (walks._charge.is_ours, not reads._charge.is_ours) == (True, True)
    service.pages.clear()
    yield walks, reads
    walks.release()


def known(one):
    return one._current().count()


def test_trouble_stays_while_nobody_asks_and_goes_with_the_next_answer(pair, clock, service, monkeypatch):
    walks, _ = pair

    def gives_none(**_):
        raise Unreachable("it gives no answer")

    with monkeypatch.context() as patch:
        patch.setattr(service, "list", gives_none)
        walks.asked()
        for _ in range(30):  # most of them after the minute in which somebody asked
            clock.go_on(10)
            walks._round()
    assert walks.progress().trouble == "it gives no answer"
    walks.asked()
    walks._round()
    assert walks.progress().trouble is None


def test_nobody_looks_while_nobody_asks(pair, clock, service):
    walks, reads = pair
    for half in range(2):
        service.pages.clear()
        for _ in range(20):
            clock.go_on(10)
            walks._round()
            reads._round()
        assert bool(service.pages) is (half == 0)


def test_while_a_reader_is_asked_new_objects_are_looked_for_whatever_the_walkers_kernel_does(pair, clock, service):
    walks, reads = pair
    walks._round()
    clock.go_on(1000)
    service.views.insert(0, thing(9000))
    reads.asked()
    for _ in range(3):
        reads._round()
        walks._round()
        clock.go_on(1)
    assert known(reads) == 301


def test_a_reader_that_is_to_refresh_has_whoever_walks_look_at_once(pair, clock, service):
    walks, reads = pair
    walks.asked()
    clock.go_on(11)
    walks._round()  # has just looked, and won't for ten seconds
    service.views.insert(0, thing(9000))
    reads.refresh()
    reads._round()
    walks._round()
    assert known(reads) == 301


def test_a_reader_can_have_all_of_it_walked_through_again(pair, clock, service):
    walks, reads = pair
    clock.go_on(1000)
    walks._round()
    del service.views[250]
    reads.refresh(whole=True)
    reads._round()
    service.get = lambda object_id, retries=None: thing(0, state="DELETED")
    for _ in range(4):
        walks._round()
        clock.go_on(1)
    assert known(reads) == 299


def test_an_old_wish_is_none_of_a_new_walkers(tmp_path, clock, service):
    first = Walker(Place(tmp_path, "store"), lambda: service, "tests")
    first._wishes.say(walker.Wish.SWEEP)
    first._round()
    assert not first._sweep
    first._grant()
    assert not first._sweep
    first.release()
