"""What is done of a portion counts in the whole, however often it begins again."""

import pytest

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.transfer.portion import Portion
from runloop_jupyter.transfer.transfer import Phase, Transfer


@pytest.fixture
def whole():
    transfer = Transfer("large", "up", "a store")
    transfer.begin(Phase.SENDING, 100)
    return transfer


def test_bytes_of_a_portion_are_bytes_of_the_whole(whole):
    portion = Portion(whole, 40)
    portion.begin(Phase.SENDING, 30)
    portion.advance(10)
    portion.advance(5)
    assert (whole.snapshot().done, whole.snapshot().total) == (55, 100)
    portion.begin(Phase.SENDING, 30)
    assert whole.snapshot().done == 40
    portion.reach(30)
    assert whole.snapshot().done == 70


def test_other_phases_of_a_portion_are_its_own(whole):
    portion = Portion(whole, 40)
    portion.begin(Phase.SENDING, 30)
    portion.advance(30)
    portion.begin(Phase.FINISHING)
    assert (whole.snapshot().phase, whole.snapshot().done) == (Phase.SENDING, 70)


def test_to_cancel_the_whole_stops_a_portion_and_the_other_way_round(whole):
    portion = Portion(whole, 0)
    portion.checkpoint()
    portion.cancel()
    assert whole.cancelled
    assert portion.cancelled
    with pytest.raises(TransferCancelled):
        portion.advance(1)


def test_what_a_portion_leaves_the_whole_leaves(whole):
    Portion(whole, 0).leave()
    assert whole.leaves
