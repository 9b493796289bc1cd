"""Several at a time are one transfer: its bytes add up, the first failure ends all, and so does its cancel."""

import threading
import time

import pytest

from runloop_jupyter.errors import TransferCancelled, TransferError
from runloop_jupyter.transfer.folders.together import Share, Stretch, together
from runloop_jupyter.transfer.transfer import Phase, Transfer


def transfer():
    return Transfer("scans", "up", "a store")


def test_bytes_add_up_and_what_is_begun_again_counts_once():
    whole = transfer()

    def work(size, share):
        share.begin(Phase.SENDING, size)
        share.advance(size // 2)
        share.begin(Phase.SENDING, size)  # the connection broke
        share.advance(size)
        share.begin(Phase.FINISHING)
        share.advance(99)

    together(whole, Phase.SENDING, 600, [100, 200, 300], work)
    now = whole.snapshot()
    assert (now.phase, now.done, now.total) == (Phase.SENDING, 600, 600)


def test_pieces_of_a_file_count_where_they_stand():
    whole = transfer()

    def work(_, share):
        for before in (0, 50):
            piece = Stretch(share, Phase.RECEIVING, before)
            piece.begin(Phase.RECEIVING, 50)
            piece.reach(30)
            piece.advance(20)

    together(whole, Phase.RECEIVING, 100, ["file"], work)
    assert whole.snapshot().done == 100


def test_the_first_that_fails_stops_those_beside_it_and_those_that_wait():
    begun = []

    def work(number, share):
        begun.append(number)
        if number == 0:
            raise TransferError("the first")
        while True:
            share.checkpoint()
            time.sleep(0.001)

    with pytest.raises(TransferError, match="the first"):
        together(transfer(), Phase.SENDING, 0, range(100), work, at_once=3)
    assert len(begun) <= 3


def test_it_returns_only_when_nobody_is_at_work_any_more():
    working = threading.Semaphore(0)
    whole = transfer()

    def work(number, share):
        try:
            while not whole.cancelled:
                whole.cancel()
            share.checkpoint()
        finally:
            time.sleep(0.05)  # it clears up after itself
            working.release()

    with pytest.raises(TransferCancelled):
        together(whole, Phase.SENDING, 0, [1, 2], work)
    assert working.acquire(blocking=False)


def test_nothing_to_do_is_done():
    together(transfer(), Phase.SENDING, 0, [], lambda *_: None)


def test_what_one_leaves_behind_the_whole_leaves():
    whole = transfer()
    Share(whole).leave()
    Share(whole).keep()
    assert (whole.leaves, whole.keeps) == (True, True)
