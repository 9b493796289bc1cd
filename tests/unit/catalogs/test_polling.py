"""While somebody listens the embedded store is asked what is new; seldom where it gives no answer, and not after."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import pytest

from runloop_jupyter.catalogs import embedded
from runloop_jupyter.catalogs.embedded import LONGEST_S, POLL_S, EmbeddedCatalog
from runloop_jupyter.catalogs.heard import Heard
from runloop_jupyter.errors import Unreachable
from runloop_jupyter.events import Signal
from runloop_jupyter.wire.browse import Freshness, PageView


class Rounds:
    """In place of the event that a poll waits for: one round at a time, as a test wants them."""

    def __init__(self):
        self.waits = []
        self._go = threading.Semaphore(0)
        self._waits = threading.Semaphore(0)

    def wait(self, seconds):
        self.waits.append(seconds)
        self._waits.release()
        assert self._go.acquire(timeout=10)

    def clear(self):
        pass

    def set(self):
        self._go.release()

    def one(self):
        """Let the poll go once round; return how long it then waits."""
        self._go.release()
        return self.waited()

    def waited(self):
        assert self._waits.acquire(timeout=10)
        return self.waits[-1]


class FakeBrowsing:
    """Answers, unless there is trouble."""

    def __init__(self):
        self.changes = 1
        self.trouble = None

    def page(self, asked):
        if self.trouble:
            raise self.trouble
        as_of = str(self.changes)
        return PageView(
            rows=[],
            first=0,
            total=0,
            exact=True,
            objects=0,
            size_bytes=0,
            as_of=as_of,
            newer=asked.as_of is not None and asked.as_of != as_of,
            fresh=Freshness(indexed=self.changes),
        )


@pytest.fixture
def rounds(monkeypatch):
    monkeypatch.setattr(embedded, "LEAST_S", 0)
    return Rounds()


@pytest.fixture
def catalog(rounds):
    store = SimpleNamespace(
        objects=SimpleNamespace(service=None, changed=Signal()), identity=SimpleNamespace(label="embedded store")
    )
    opened = EmbeddedCatalog(store, lambda _: None)
    opened._browsing, opened._wake = FakeBrowsing(), rounds
    yield opened
    thread = opened._thread
    opened.close()
    if thread is not None:
        thread.join(10)
        assert not thread.is_alive()


def test_who_listens_is_told_at_once_and_then_of_changes_only(catalog, rounds):
    told = []
    catalog.changed.listen(told.append)
    assert rounds.waited() == POLL_S
    rounds.one()
    catalog._browsing.changes = 2
    rounds.one()
    assert [each.indexed for each in told] == [1, 2]


def test_it_asks_no_more_when_nobody_listens(catalog, rounds):
    stop = catalog.changed.listen(lambda _: None)
    rounds.waited()
    thread = catalog._thread
    stop()
    thread.join(10)
    assert not thread.is_alive()
    assert catalog._thread is None


def test_a_store_that_gives_no_answer_is_asked_more_and_more_seldom_and_that_is_told_once(catalog, rounds):
    told = []
    catalog._browsing.trouble = Unreachable("no answer")
    catalog.changed.listen(told.append)
    waits = [rounds.waited(), *(rounds.one() for _ in range(6))]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S
    assert [each.trouble for each in told] == ["no answer"]


def test_one_that_answers_again_is_told_of_and_asked_as_before(catalog, rounds):
    told = []
    catalog._browsing.trouble = Unreachable("no answer")
    catalog.changed.listen(told.append)
    rounds.waited()
    catalog._browsing.trouble = None
    assert rounds.one() == POLL_S
    assert [each.trouble for each in told] == ["no answer", None]


def test_an_older_store_that_cant_be_browsed_says_what_to_do(catalog, rounds):
    told = []
    catalog._browsing.page = lambda asked: None
    catalog.changed.listen(told.append)
    assert rounds.waited() > POLL_S
    assert "earlier version" in told[0].trouble
    assert "runloop-local stop" in told[0].trouble


@pytest.fixture
def hurried():
    """Threads take turns at nearly every step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried")
def test_who_comes_and_goes_at_once_is_told_to_the_sender_in_that_order():
    said = []
    heard = Heard(lambda: said.append("first"), lambda: said.append("last"))

    def come_and_go():
        for _ in range(3000):
            heard.listen(lambda _: None)()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert said == ["first", "last"] * (len(said) // 2)
