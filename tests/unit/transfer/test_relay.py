"""What stands for a transfer is stopped with it, and stops it."""

import pytest

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.transfer.relay import Relay
from runloop_jupyter.transfer.transfer import Transfer


@pytest.fixture
def pair():
    whole = Transfer("scans", "down", "a store")
    return whole, Relay(whole)


def test_it_goes_on_as_long_as_the_whole_does(pair):
    whole, relay = pair
    relay.checkpoint()
    whole.cancel()
    assert relay.cancelled
    with pytest.raises(TransferCancelled):
        relay.checkpoint()


def test_who_cancels_it_cancels_the_whole(pair):
    whole, relay = pair
    relay.cancel()
    assert whole.cancelled


def test_what_it_leaves_and_keeps_is_left_and_kept_of_the_whole(pair):
    whole, relay = pair
    relay.leave()
    relay.keep()
    assert (whole.leaves, whole.keeps) == (True, True)
