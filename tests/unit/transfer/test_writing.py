"""What is received is written in its place, whatever order it comes in, and hashed in order."""

import os
import threading

import blake3
import pytest

from runloop_jupyter.errors import TransferCancelled
from runloop_jupyter.transfer.checking import Check
from runloop_jupyter.transfer.partial import Partial
from runloop_jupyter.transfer.receiving import Lane
from runloop_jupyter.transfer.writing import AT_FIRST, BUFFER, Beside

DATA = os.urandom(6 * BUFFER + 1000)


@pytest.fixture
def partial(tmp_path):
    with (tmp_path / "arriving").open("w+b") as file:
        yield Partial(file)


@pytest.fixture
def check(partial):
    return Check(partial, "blake3", len(DATA))


def moved(n_bytes):
    """Nobody counts."""


def receive(writing, lane):
    """Hand over the bytes of a lane, as a connection does."""
    position = lane.start
    while position < lane.stop:
        buffer = writing.buffer()
        piece = DATA[position : min(position + BUFFER, lane.stop)]
        buffer[: len(piece)] = piece
        writing.hand_over(buffer, len(piece), lane)
        position += len(piece)


def content(partial):
    return os.pread(partial.fileno(), len(DATA) + 1, 0)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_lanes_in_any_order_are_one_file_with_its_digest(order, partial, check):
    cuts = [0, BUFFER + 5, 4 * BUFFER, len(DATA)]
    lanes = [Lane(cuts[each], cuts[each + 1]) for each in order]
    with Beside(partial, check, moved) as writing:
        for lane in lanes:
            receive(writing, lane)
        writing.flush()
        assert all(lane.start == lane.stop for lane in lanes)
    check.catch_up(lambda: None)
    assert (content(partial), check.hexdigest()) == (DATA, blake3.blake3(DATA).hexdigest())


def test_what_comes_in_order_is_not_read_back(partial, check, monkeypatch):
    monkeypatch.setattr(os, "preadv", lambda *_: pytest.fail("read back"))
    with Beside(partial, check, moved) as writing:
        receive(writing, Lane(0, len(DATA)))
        writing.flush()
    check.catch_up(lambda: None)
    assert check.hexdigest() == blake3.blake3(DATA).hexdigest()


def test_two_connections_at_once_write_both(partial, check):
    with Beside(partial, check, moved) as writing:
        middle = len(DATA) // 2
        threads = [
            threading.Thread(target=receive, args=(writing, lane))
            for lane in (Lane(0, middle), Lane(middle, len(DATA)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writing.flush()
    assert content(partial) == DATA


def test_a_full_disk_is_told_to_whoever_receives_and_nothing_waits_for_ever(partial, check, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with Beside(partial, check, moved) as writing:
        with pytest.raises(OSError, match="No space"):
            receive(writing, Lane(0, len(DATA)))
        with pytest.raises(OSError, match="No space"):
            writing.flush()
        with pytest.raises(OSError, match="No space"):
            writing.look()


def test_a_cancel_is_told_to_whoever_receives(partial, check):
    def cancelled(n_bytes):
        raise TransferCancelled("cancelled")

    with Beside(partial, check, cancelled) as writing, pytest.raises(TransferCancelled):
        receive(writing, Lane(0, len(DATA)))


def test_once_it_is_stopped_nothing_more_is_written(partial, check):
    with Beside(partial, check, moved) as writing:
        receive(writing, Lane(0, BUFFER))
        writing.flush()
        writing.stop()
        receive(writing, Lane(BUFFER, len(DATA)))
        writing.flush()
    assert content(partial) == DATA[:BUFFER]


def test_memory_is_bounded_by_the_buffers_there_are(partial, check, monkeypatch):
    held, entered = threading.Event(), threading.Event()
    write = Partial.write

    def slowly(self, data, position):
        entered.set()
        held.wait(10)
        write(self, data, position)

    monkeypatch.setattr(Partial, "write", slowly)
    with Beside(partial, check, moved) as writing:
        taken = [writing.buffer() for _ in range(AT_FIRST)]
        waiting = threading.Thread(target=writing.buffer)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        writing.hand_over(taken[0], 10, Lane(0, 10))
        entered.wait(10)
        held.set()
        waiting.join(10)
        assert not waiting.is_alive()
