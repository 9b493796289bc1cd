"""The digest of a file that arrives in any order: each byte is taken in once, in its place."""

import os

import blake3
import pytest

from runloop_jupyter.errors import TransferError
from runloop_jupyter.transfer.checking import STEP, Check
from runloop_jupyter.transfer.partial import Partial

DATA = os.urandom(STEP + 1000)


@pytest.fixture
def partial(tmp_path):
    with (tmp_path / "arriving").open("w+b") as file:
        yield Partial(file)


@pytest.fixture
def check(partial):
    return Check(partial, "blake3", len(DATA))


def arrive(partial, start, stop):
    piece = memoryview(DATA)[start:stop]
    partial.write(piece, start)
    return piece, start


def digest():
    return blake3.blake3(DATA).hexdigest()


def go_on():
    pass


def test_what_is_taken_in_as_it_comes_is_not_read_back(partial, check, monkeypatch):
    check.take(*arrive(partial, 0, 1000))
    check.take(*arrive(partial, 1000, len(DATA)))
    monkeypatch.setattr(os, "preadv", lambda *_: pytest.fail("read back"))
    check.catch_up(go_on)
    assert check.hexdigest() == digest()


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0]])
def test_what_is_not_the_next_is_left_until_all_before_it_is_there(order, partial, check):
    cuts = [0, 1000, 5000, len(DATA)]
    for number in order:
        check.take(*arrive(partial, cuts[number], cuts[number + 1]))
    check.catch_up(go_on)
    assert check.hexdigest() == digest()


def test_what_comes_a_second_time_is_not_taken_in_twice(partial, check):
    check.take(*arrive(partial, 0, 1000))
    check.take(*arrive(partial, 0, 1000))
    check.take(*arrive(partial, 500, 2000))
    check.take(*arrive(partial, 1000, len(DATA)))
    check.catch_up(go_on)
    assert check.hexdigest() == digest()


def test_of_what_has_a_gap_only_what_stands_before_it_is_taken_in(partial, check):
    arrive(partial, 0, 1000)
    arrive(partial, 2000, len(DATA))
    check.catch_up(go_on)
    assert check.hexdigest() == blake3.blake3(DATA[:1000]).hexdigest()


def test_a_check_that_is_restarted_begins_with_the_first_byte(partial, check):
    check.take(*arrive(partial, 0, 1000))
    check.restart()
    arrive(partial, 0, len(DATA))
    check.catch_up(go_on)
    assert check.hexdigest() == digest()


def test_a_file_that_was_cut_off_meanwhile_is_told(partial, check):
    arrive(partial, 0, len(DATA))
    os.ftruncate(partial.fileno(), 10)
    with pytest.raises(TransferError, match="cut off meanwhile"):
        check.catch_up(go_on)
