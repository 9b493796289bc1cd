"""So many at a time, the others in their order; nobody waits for the threads."""

import threading
import time

import pytest

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.lanes import Lanes
from runloop_jupyter.transfer.transfer import State, Transfer
from runloop_jupyter.transfer.work import set_off


class Gate:
    """Work that says when it begins and ends when it is let go."""

    def __init__(self):
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self):
        self.began.set()
        self.go.wait(10)


@pytest.fixture
def lanes():
    return Lanes(2, "test-lanes")


def test_no_more_than_its_width_go_on_at_once(lanes):
    gates = [Gate() for _ in range(3)]
    for each in gates:
        lanes.submit(each)
    assert gates[0].began.wait(5)
    assert gates[1].began.wait(5)
    assert not gates[2].began.wait(0.05)
    gates[0].go.set()
    assert gates[2].began.wait(5)
    for each in gates:
        each.go.set()


def test_they_are_begun_in_their_order():
    one, order, over = Lanes(1, "test-lanes"), [], threading.Event()
    gate = Gate()
    one.submit(gate)
    for number in range(20):
        one.submit(lambda number=number: order.append(number))
    one.submit(over.set)
    gate.go.set()
    assert over.wait(5)
    assert order == list(range(20))


def test_its_threads_are_daemons_and_end_when_nothing_waits(lanes):
    seen, over = [], threading.Event()
    lanes.submit(lambda: (seen.append(threading.current_thread()), over.set()))
    assert over.wait(5)
    assert seen[0].daemon
    seen[0].join(5)
    assert not seen[0].is_alive()
    again = threading.Event()
    lanes.submit(again.set)
    assert again.wait(5)


def test_what_is_cancelled_while_it_waits_cleans_up_at_once_behind_nobody():
    one, gate, cleaned = Lanes(1, "test-lanes"), Gate(), threading.Event()
    one.submit(gate)
    transfer = Transfer("waits", "up", "there", behind=True)

    def work():
        try:
            transfer.checkpoint()
        finally:
            cleaned.set()

    outcome = set_off(one, transfer, work)
    assert not cleaned.wait(0.05)
    began = time.monotonic()
    transfer.cancel()
    assert transfer.wait(1)
    assert time.monotonic() - began < 1
    assert cleaned.is_set()
    assert transfer.snapshot().state is State.CANCELLED
    assert isinstance(outcome.error, TransferCancelled)
    gate.go.set()
