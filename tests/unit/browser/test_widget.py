"""A browser listens to its catalog while a page of it is heard, and takes from Python what a page can show."""

from __future__ import annotations

import threading
from functools import partial
from itertools import count, repeat
from types import SimpleNamespace

import pytest
from later import Clock

from runloop_jupyter.browser import widget
from runloop_jupyter.browser.lease import LEASE_S, Lease
from runloop_jupyter.browser.widget import Browser
from runloop_jupyter.errors import InputError, Unreachable
from runloop_jupyter.events import Signal
from runloop_jupyter.wire.browse import Freshness, PageView, Query


class FakeCatalog:
    """Knows seven objects, unless it is in trouble."""

    def __init__(self):
        self.changed = Signal()
        self.trouble = None
        self.asked = 0

    def fresh(self):
        self.asked += 1
        if self.trouble:
            raise Unreachable(self.trouble)
        return Freshness(indexed=7)

    def keys(self):
        return []

    def page(self, asked):
        return PageView(
            rows=[],
            first=0,
            total=0,
            exact=True,
            objects=0,
            size_bytes=0,
            as_of="",
            newer=False,
            fresh=Freshness(indexed=7),
        )


class Sent:
    """What a widget sends."""

    def __init__(self):
        self.all = []
        self._came = threading.Condition()

    def __call__(self, content, buffers=None):
        with self._came:
            self.all.append(content)
            self._came.notify_all()

    def wait(self, **wanted):
        def found():
            return next((each for each in self.all if wanted.items() <= each.items()), None)

        with self._came:
            assert self._came.wait_for(found, 10), self.all
            return found()

    def events(self, name):
        return [each for each in self.all if each.get("event") == name]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def catalog():
    return FakeCatalog()


@pytest.fixture
def sent(monkeypatch):
    sent = Sent()
    monkeypatch.setattr(Browser, "send", lambda self, content, buffers=None: sent(content, buffers))
    return sent


@pytest.fixture
def browser(catalog, clock, sent, monkeypatch):
    monkeypatch.setattr(widget, "Lease", partial(Lease, clock=clock, after=clock.after))
    monkeypatch.setattr(widget, "_load_the_rest_soon", lambda: None)
    transfers = SimpleNamespace(added=Signal())
    identity = SimpleNamespace(label="fake store", id="fake")
    place = SimpleNamespace(
        catalog=catalog,
        session=SimpleNamespace(transfers=transfers),
        store=SimpleNamespace(identity=identity),
        remember=lambda views: None,
    )
    opened = Browser(place, columns=[])
    yield opened
    opened.close()


def ask(browser, sent, rid, op, **args):
    browser._handle_custom_msg({"v": 1, "rid": rid, "op": op, "args": args}, [])
    return sent.wait(rid=rid)


def test_a_browser_that_no_page_asks_leaves_its_catalog_alone(browser, catalog, clock):
    assert catalog.changed.is_heard
    clock.go_on(LEASE_S)
    assert not catalog.changed.is_heard


def test_a_page_that_somebody_sees_keeps_it_listening(browser, catalog, clock, sent):
    for i in range(10):
        clock.go_on(60)
        assert ask(browser, sent, f"r{i}", "watching")["kind"] == "ok"
    assert catalog.changed.is_heard
    assert sent.events("changed") == []


@pytest.mark.parametrize("op", ["watching", "keys"])
def test_whatever_a_page_asks_has_it_listen_again_and_tells_that_something_may_have_changed(
    browser, catalog, clock, sent, op
):
    clock.go_on(LEASE_S)
    assert ask(browser, sent, "r1", op)["kind"] == "ok"
    assert catalog.changed.is_heard
    assert sent.wait(event="changed")["value"]["fresh"]["indexed"] == 7


def test_what_changes_is_told_while_it_listens(browser, catalog, sent):
    ask(browser, sent, "r1", "watching")
    catalog.changed.send(Freshness(indexed=8))
    assert sent.wait(event="changed")["value"]["fresh"]["indexed"] == 8


def test_a_store_that_is_away_by_then_is_told_of_and_refuses_nothing(browser, catalog, clock, sent):
    clock.go_on(LEASE_S)
    catalog.trouble = "no answer"
    assert ask(browser, sent, "r1", "watching")["kind"] == "ok"
    assert sent.wait(event="changed")["value"]["fresh"]["trouble"] == "no answer"


def test_each_watching_asks_the_catalog_which_may_have_to_stop_or_begin_again(browser, catalog, sent):
    ask(browser, sent, "r1", "watching")
    assert catalog.asked == 1


def test_watching_takes_no_args(browser, sent):
    assert ask(browser, sent, "r1", "watching", n=1)["error"] == "InputError"


def test_a_browser_whose_comm_the_front_end_closed_listens_to_nothing(browser, catalog):
    browser.comm.handle_close({})
    assert not catalog.changed.is_heard
    assert not browser._place.session.transfers.added.is_heard


def test_a_closed_browser_listens_to_nothing(browser, catalog, clock):
    browser.close()
    assert not catalog.changed.is_heard
    assert clock.calls == []


@pytest.mark.parametrize("said", [None, 7, "abc", [None]], ids=repr)
def test_what_is_no_selection_is_refused_in_one_line(browser, said):
    with pytest.raises(InputError, match="a selection is a list of objects"):
        browser.selection = said


def test_a_selection_of_more_than_a_page_can_be_told_of_is_refused_before_it_is_read(browser):
    read = count()
    with pytest.raises(InputError, match="10,000 objects at most"):
        browser.selection = (next(read) for _ in repeat(None))
    assert next(read) == 10_001


def test_no_query_is_the_one_for_everything(browser):
    browser.query = "runs"
    browser.query = None
    assert browser.query == Query()


def test_no_columns_are_an_empty_list_and_none_is_refused(browser):
    browser.columns = []
    with pytest.raises(InputError, match="columns are a list"):
        browser.columns = None
