"""A browser listens to its store while a page of it was heard lately, and no longer."""

import threading

import pytest
from later import Clock

from runloop_jupyter.browser.lease import LEASE_S, Lease


class Listens:
    """Counts who listens."""

    def __init__(self):
        self.now = 0
        self.ever = 0

    def __call__(self):
        self.now += 1
        self.ever += 1

        def stop():
            self.now -= 1

        return stop


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def listens():
    return Listens()


@pytest.fixture
def lease(listens, clock):
    return Lease(listens, clock, clock.after)


def test_it_listens_from_the_beginning(lease, listens, clock):
    clock.go_on(LEASE_S - 1)
    assert listens.now == 1


def test_it_ends_when_nothing_was_heard_for_long(lease, listens, clock):
    clock.go_on(LEASE_S)
    assert listens.now == 0


def test_whoever_is_heard_every_minute_is_listened_for_without_a_pause(lease, listens, clock):
    for _ in range(60):
        clock.go_on(60)
        assert lease.heard() is False
    assert (listens.now, listens.ever) == (1, 1)


def test_it_ends_so_long_after_the_last_that_was_heard(lease, listens, clock):
    clock.go_on(100)
    lease.heard()
    clock.go_on(LEASE_S - 1)
    assert listens.now == 1
    clock.go_on(1)
    assert listens.now == 0


def test_the_next_that_is_heard_begins_it_again_and_is_told_that_something_was_missed(lease, listens, clock):
    clock.go_on(10 * LEASE_S)
    assert lease.heard() is True
    assert listens.now == 1
    assert lease.heard() is False
    clock.go_on(LEASE_S)
    assert listens.now == 0


def test_after_it_ended_nothing_is_to_be_called(lease, clock):
    clock.go_on(LEASE_S)
    assert clock.calls == []


def test_once_closed_it_listens_no_more_whatever_is_heard(lease, listens, clock):
    lease.close()
    lease.close()
    assert lease.heard() is False
    assert (listens.now, clock.calls) == (0, [])


def test_no_thread_outlives_its_end(listens):
    before = threading.enumerate()
    Lease(listens).close()
    for thread in [each for each in threading.enumerate() if each not in before]:
        thread.join(5)
        assert not thread.is_alive()
