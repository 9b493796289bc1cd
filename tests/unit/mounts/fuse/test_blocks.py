"""Blocks of an object, read by many at once: the right bytes, each asked for once, and little that nobody wants."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.errors import ConnectionLost, TransferError
from runloop_jupyter.mounts.fuse import blocks
from runloop_jupyter.mounts.fuse.blocks import BLOCK, FARTHEST, KEPT, BlockReader, Budget, allowed

MIB = 1 << 20
DATA = random.Random(5).randbytes(96 * MIB)
REQUEST = 128 << 10
"""Bytes that Linux asks for at a time while it reads a file straight on."""


class Memory:
    """Parts of an object that lies in memory; counts them as the wire's are."""

    def __init__(self, data=DATA):
        self.data = data
        self.asked = []
        self.fails = 0
        self._lock = threading.Lock()

    def fetch(self, start, buffer, halted=lambda: False):
        with self._lock:
            self.asked.append((start, start + len(buffer)))
            if self.fails:
                self.fails -= 1
                raise ConnectionLost("the line is dead")
        buffer[:] = self.data[start : start + len(buffer)]

    @property
    def moved(self):
        return sum(stop - start for start, stop in self.asked)


@pytest.fixture
def memory():
    return Memory()


def reader_of(memory, budget=None):
    return BlockReader(memory, len(memory.data), budget or Budget())


def read(reader, start, stop):
    room = bytearray(stop - start)
    return bytes(room[: reader.read_into(memoryview(room), start)])


def straight(reader, start, stop):
    for at in range(start, stop, REQUEST):
        until = min(at + REQUEST, stop)
        assert read(reader, at, until) == DATA[at:until]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5 * BLOCK + 900), st.integers(1, 3 * BLOCK)), min_size=1, max_size=20))
def test_it_reads_what_is_there_wherever_it_is_asked(reads):
    data = DATA[: 5 * BLOCK + 777]
    reader = reader_of(Memory(data))
    for start, length in reads:
        assert read(reader, start, start + length) == data[start : start + length]


def test_a_look_costs_the_blocks_it_is_in(memory):
    read(reader_of(memory), 10 * BLOCK + 5, 10 * BLOCK + 9)
    assert memory.asked == [(10 * BLOCK, 11 * BLOCK)]


def test_what_is_here_is_not_asked_for_again(memory):
    reader = reader_of(memory)
    read(reader, 2 * BLOCK, 3 * BLOCK)
    read(reader, 3 * BLOCK - 10, 3 * BLOCK + 10)
    assert memory.asked == [(2 * BLOCK, 3 * BLOCK), (3 * BLOCK, 4 * BLOCK)]


@pytest.mark.parametrize("chunk", [8 * MIB, 8 * MIB + 600_000, 10 * MIB + 12345, 17 * MIB, 40 * MIB])
def test_columns_that_are_read_by_chunks_move_at_most_a_tenth_more_than_they_have(memory, chunk):
    reader = reader_of(memory)
    starts = range(5 * BLOCK, len(DATA) - chunk, chunk + 3 * MIB)
    read(reader, len(DATA) - BLOCK, len(DATA))
    for start in starts:
        straight(reader, start, start + chunk)
    reader._lanes.clear()
    assert memory.moved <= 1.1 * chunk * len(starts) + MIB


def test_chunks_that_are_as_long_as_those_before_come_in_few_requests(memory):
    reader = reader_of(memory)
    for number in range(3):
        straight(reader, number * 16 * MIB, number * 16 * MIB + 8 * MIB)
    before = len(memory.asked)
    straight(reader, 60 * MIB, 68 * MIB)
    assert len(memory.asked) - before <= 16


def test_all_of_an_object_comes_in_large_pieces_once_much_of_it_was_read(memory):
    reader = reader_of(memory)
    straight(reader, 0, 48 * MIB)
    before = len(memory.asked)
    straight(reader, 48 * MIB, 96 * MIB)
    assert len(memory.asked) - before <= 48 * MIB // MIB
    assert memory.moved <= len(DATA) + MIB


def test_who_looked_at_the_end_first_does_not_read_it_all(memory):
    reader = reader_of(memory)
    read(reader, len(DATA) - BLOCK, len(DATA))
    straight(reader, 0, 40 * MIB)
    assert memory.moved <= 1.1 * 40 * MIB + MIB


def test_two_who_read_in_turns_both_go_straight_on(memory):
    reader = reader_of(memory)
    for at in range(0, 8 * MIB, REQUEST):
        for start in (0, 48 * MIB):
            assert read(reader, start + at, start + at + REQUEST) == DATA[start + at : start + at + REQUEST]
    assert memory.moved <= 1.1 * 16 * MIB + MIB
    assert len(memory.asked) < 2 * 8 * MIB // REQUEST * 0.9  # it went ahead of both


def test_a_read_that_fails_says_so_and_the_next_one_tries_again(memory):
    reader = reader_of(memory)
    memory.fails = 1
    with pytest.raises(ConnectionLost):
        read(reader, 0, 100)
    assert read(reader, 0, 100) == DATA[:100]


def test_a_reader_waits_for_a_dead_line_only_so_long(memory, monkeypatch):
    monkeypatch.setattr(blocks, "PATIENCE_S", 0.2)
    line = threading.Event()
    monkeypatch.setattr(memory, "fetch", lambda *_: line.wait(20))
    reader = reader_of(memory)
    with pytest.raises(TransferError, match="nothing came"):
        read(reader, 0, 100)
    line.set()
    monkeypatch.undo()
    assert read(reader, 0, 100) == DATA[:100]


def test_what_fails_ahead_is_nobodys_error(memory):
    reader = reader_of(memory)
    straight(reader, 0, 4 * MIB)
    memory.fails = 1
    for at in range(4 * MIB, 12 * MIB, REQUEST):
        try:
            assert read(reader, at, at + REQUEST) == DATA[at : at + REQUEST]
        except ConnectionLost:  # the failure hit a read of its own, not one ahead
            assert read(reader, at, at + REQUEST) == DATA[at : at + REQUEST]
    assert memory.fails == 0


def test_many_threads_read_the_right_bytes_and_never_the_same_twice_at_once(memory):
    reader = reader_of(memory)

    def some(seed):
        chance = random.Random(seed)
        for _ in range(60):
            start = chance.randrange(16 * MIB)
            stop = start + chance.choice([1, 4096, REQUEST, 3 * BLOCK])
            assert read(reader, start, stop) == DATA[start:stop]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(some, range(8)))


def test_it_holds_little_however_much_is_read(memory):
    reader = reader_of(memory)
    held = 0
    for start in (0, 90 * MIB):
        for at in range(start, start + 6 * MIB, REQUEST):
            read(reader, at, at + REQUEST)
            held = max(held, reader._held)
    straight(reader, 6 * MIB, 80 * MIB)
    assert held <= KEPT + FARTHEST
    assert reader._held <= KEPT + FARTHEST


def test_past_the_budget_nothing_is_fetched_ahead(memory):
    reader = reader_of(memory, Budget(limit=0))
    straight(reader, 0, 8 * MIB)
    assert memory.moved == 8 * MIB


def test_at_rest_it_holds_nothing(memory):
    budget = Budget()
    before = budget.free
    reader = reader_of(memory, budget)
    straight(reader, 0, 8 * MIB)
    reader.rest()
    assert budget.free == before


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_what_is_fetched_ahead_is_bounded(straight, expected):
    assert 0 <= allowed(straight, expected) <= FARTHEST
    assert allowed(straight) <= straight / 4
    assert straight < 8 * MIB or allowed(straight) <= max(384 << 10, straight / 16)
