"""Reading a stored object by ranges: the same as reading a file, in few requests, from one object only."""

import io
import random
import time

import misbehaving as far
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.errors import TransferCancelled, TransferError
from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer.reader import (
    BLOCK,
    BLOCKS_KEPT,
    LARGE,
    READ_AHEAD,
    STRAIGHT,
    VERY_LARGE,
    RangeReader,
)
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.wire.objects import ObjectView

DATA = random.Random(7).randbytes(5 * BLOCK + 777)
VAST = random.Random(9).randbytes(12 << 20)
LONG = random.Random(8).randbytes(40 * BLOCK)


class Links:
    """The one call of the API that a reader makes: each answer is a link of its own."""

    def __init__(self, server):
        self._server = server
        self.asked = 0

    def download_url(self, object_id):
        self.asked += 1
        return Secret(f"{self._server.url}/{object_id}?signature=sentinel-{self.asked}")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: low)


@pytest.fixture(scope="module")
def server():
    with far.serving(far.Content(b"")) as server:
        yield server


@pytest.fixture
def store(server):
    """A store with one object; `store.open(data)` reads it."""
    server.behave()
    store = Links(server)

    def opened(data=DATA, etag='"one"', size=None, checkpoint=lambda: None, ahead=True):
        server.backend = far.Content(data, etag)
        return RangeReader(store, a_view(len(data) if size is None else size), checkpoint, ahead=ahead)

    store.open = opened
    store.will = server.will
    store.ranges = lambda: [each.headers["range"] for each in server.asked("GET")]
    return store


def a_view(size):
    return ObjectView(
        id="obj_1", name="penguins", state="READ_ONLY", content_type="binary", create_time_ms=1, size_bytes=size
    )


def settled(reader):
    """Wait until nothing comes any more."""
    before = -1
    while before != reader.bytes_fetched:
        before = reader.bytes_fetched
        time.sleep(0.1)


def read_at(reader, offset, size):
    reader.seek(offset)
    return reader.read(size)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(-1, 3 * BLOCK)),
        st.tuples(st.just("readline"), st.integers(-1, 500)),
        st.tuples(st.just("seek"), st.integers(0, len(DATA) + BLOCK), st.just(io.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(-len(DATA), BLOCK), st.just(io.SEEK_END)),
        st.tuples(st.just("tell")),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(steps=STEPS, length=st.sampled_from([0, 1, BLOCK - 1, BLOCK, BLOCK + 1, len(DATA)]), ranges=st.booleans())
def test_any_sequence_of_reads_and_seeks_is_that_of_a_file(server, steps, length, ranges):
    server.behave()
    if not ranges:
        server.will("GET", far.ignores_ranges, for_ever=True)
    server.backend = far.Content(DATA[:length])
    file, stored = io.BytesIO(DATA[:length]), io.BufferedReader(RangeReader(Links(server), a_view(length)), 4096)
    for name, *arguments in steps:
        if name == "seek" and arguments[1] == io.SEEK_END and length + arguments[0] < 0:
            continue
        assert getattr(stored, name)(*arguments) == getattr(file, name)(*arguments)


@given(st.lists(st.tuples(st.integers(0, len(DATA)), st.integers(0, BLOCK)), max_size=6))
@settings(deadline=None, max_examples=30)
def test_unbuffered_it_gives_a_part_of_what_was_asked_and_never_a_wrong_one(server, places):
    server.behave()
    server.backend = far.Content(DATA)
    reader = RangeReader(Links(server), a_view(len(DATA)))
    for offset, size in places:
        reader.seek(offset)
        got = reader.read(size)
        assert DATA[offset : offset + size].startswith(got)
        assert bool(got) == (size > 0 and offset < len(DATA))
        assert reader.tell() == offset + len(got)


def test_nothing_is_asked_before_something_is_read(store):
    reader = store.open()
    reader.seek(0, io.SEEK_END)
    assert reader.tell() == len(DATA)
    assert (store.asked, reader.requests, reader.bytes_fetched) == (0, 0, 0)


def test_an_empty_object_is_read_without_a_request(store):
    reader = store.open(b"")
    assert reader.read() == b""
    assert reader.read(10) == b""
    assert (store.asked, reader.requests) == (0, 0)


def test_a_few_bytes_cost_one_block(store):
    reader = store.open()
    assert read_at(reader, BLOCK + 5, 8) == DATA[BLOCK + 5 : BLOCK + 13]
    assert store.ranges() == [f"bytes={BLOCK}-{2 * BLOCK - 1}"]
    assert (reader.requests, reader.bytes_fetched) == (1, BLOCK)


def test_the_last_block_is_no_longer_than_the_object(store):
    reader = store.open()
    assert read_at(reader, len(DATA) - 8, 100) == DATA[-8:]
    assert store.ranges() == [f"bytes={5 * BLOCK}-{len(DATA) - 1}"]


def test_what_was_read_is_not_asked_for_again(store):
    reader = store.open()
    for _ in range(3):
        assert read_at(reader, 10, 100) == DATA[10:110]
    assert reader.requests == 1


def test_one_large_read_is_one_request(store):
    reader = store.open(LONG)
    buffer = bytearray(8 * BLOCK)
    assert reader.readinto(buffer) == BLOCK
    assert store.ranges() == [f"bytes=0-{8 * BLOCK - 1}"]


def test_reading_straight_on_takes_ever_fewer_requests(store):
    reader = store.open(LONG)
    assert io.BufferedReader(reader, BLOCK).read() == LONG
    assert reader.bytes_fetched == len(LONG)
    assert reader.requests <= len(LONG) // BLOCK // READ_AHEAD + 5


def test_many_bytes_are_fetched_as_they_are_asked_for(store):
    reader = store.open(VAST)
    assert read_at(reader, 5, LARGE) == VAST[5 : LARGE + 5]
    assert store.ranges() == [f"bytes=5-{LARGE + 4}"]


def test_very_many_bytes_come_by_several_connections(store):
    reader = store.open(VAST)
    buffer = bytearray(VERY_LARGE)
    view = memoryview(buffer)
    at = 0
    while at < VERY_LARGE:
        at += reader.readinto(view[at:])
    assert buffer == VAST[:VERY_LARGE]
    assert sorted(store.ranges()) == [f"bytes=0-{4 * 2**20 - 1}", f"bytes={4 * 2**20}-{VERY_LARGE - 1}"]


def test_what_follows_is_fetched_ahead_while_it_is_read(store):
    reader = store.open(VAST)
    file = io.BufferedReader(reader, BLOCK)
    assert b"".join(iter(lambda: file.read(BLOCK), b"")) == VAST
    assert reader.bytes_fetched == len(VAST)
    most = max(int(stop) - int(start) for start, stop in (each[6:].split("-") for each in store.ranges()))
    assert most > READ_AHEAD * BLOCK  # more than one that reads would ask for by itself


def test_what_is_fetched_ahead_is_at_most_half_of_what_was_read(store):
    reader = store.open(VAST)
    for _ in range(STRAIGHT // LARGE + 1):
        reader.read(LARGE)
    reader.seek(0)
    reader.read(1)
    settled(reader)
    assert STRAIGHT < reader.bytes_fetched <= (STRAIGHT + LARGE) * 3 // 2 + BLOCK


def test_for_a_look_nothing_is_fetched_ahead(store):
    reader = store.open(VAST, ahead=False)
    for _ in range(STRAIGHT // LARGE + 2):
        reader.read(LARGE)
    settled(reader)
    assert reader.bytes_fetched == STRAIGHT + 2 * LARGE


def test_a_fault_of_what_comes_ahead_is_not_seen_by_who_reads(store, server):
    reader = store.open(VAST)
    for _ in range(STRAIGHT // LARGE):
        reader.read(LARGE)
    store.will("GET", far.cut(1000), far.cut(1000), far.says(404))
    assert read_at(reader, STRAIGHT, len(VAST)) + reader.read() == VAST[STRAIGHT:]


def test_jumping_about_reads_no_further_than_it_must(store):
    reader = store.open(LONG)
    for block in (30, 3, 17, 9, 25):
        read_at(reader, block * BLOCK, 10)
    assert (reader.requests, reader.bytes_fetched) == (5, 5 * BLOCK)


def test_memory_is_bounded_however_long_the_object(store):
    data = bytes((BLOCKS_KEPT + 40) * BLOCK)
    reader = store.open(data)
    while reader.read(BLOCK):
        pass
    assert len(reader._blocks) <= BLOCKS_KEPT
    assert read_at(reader, 0, 4) == data[:4]


def test_one_link_serves_for_all_reads(store):
    reader = store.open()
    for block in (4, 2, 0):
        read_at(reader, block * BLOCK, 1)
    assert store.asked == 1


def test_a_link_that_has_expired_is_replaced(store):
    reader = store.open()
    read_at(reader, 0, 1)
    store.will("GET", far.says(403, b"<Error><Message>Request has expired</Message></Error>"))
    assert read_at(reader, 3 * BLOCK, 4) == DATA[3 * BLOCK : 3 * BLOCK + 4]
    assert store.asked == 2


def test_links_that_are_all_refused_are_one_clear_error_without_the_link(store):
    reader = store.open()
    store.will("GET", far.echoes(403), for_ever=True)
    with pytest.raises(TransferError, match=r"“penguins” couldn't be read: .*403.*Try again$") as caught:
        reader.read(1)
    assert "sentinel" not in str(caught.value)
    assert "://" not in str(caught.value)


MENDED = {
    "a reset before the answer": [far.loses_reply],
    "a reset in the middle": [far.reset(1000)],
    "a body cut short": [far.cut(1000)],
    "a busy store": [far.says(503), far.says(429)],
    "another part than was asked for": [far.from_elsewhere],
    "a store that sends everything": [far.ignores_ranges],
    "an answer without an ETag": [far.with_headers(etag="")],
}


@pytest.mark.parametrize("faults", MENDED.values(), ids=MENDED)
def test_the_right_bytes_come_through(faults, store):
    reader = store.open()
    read_at(reader, 0, 1)
    store.will("GET", *faults)
    assert read_at(reader, 2 * BLOCK + 3, 10) == DATA[2 * BLOCK + 3 : 2 * BLOCK + 13]


def test_a_store_that_sends_everything_is_left_when_the_part_has_come(store):
    reader = store.open(LONG)
    store.will("GET", far.ignores_ranges)
    read_at(reader, 2 * BLOCK, 10)
    assert reader.bytes_fetched <= 4 * BLOCK


@pytest.mark.parametrize("answer", [[], [far.ignores_ranges]], ids=["by ranges", "whole"])
def test_an_object_that_changed_meanwhile_is_one_clear_error_and_no_mixture(answer, store, server):
    reader = store.open()
    read_at(reader, 0, 1)
    server.backend = far.Content(DATA[::-1], etag='"two"')
    store.will("GET", *answer)
    with pytest.raises(TransferError, match=r"“penguins” changed .* while it was read\. Open it again"):
        read_at(reader, 3 * BLOCK, 10)


def test_an_object_shorter_than_the_store_said_is_an_error_and_no_silence(store):
    reader = store.open(DATA[:1000], size=len(DATA))
    with pytest.raises(TransferError, match="“penguins” couldn't be read"):
        reader.read(BLOCK)


def test_an_object_without_bytes_can_not_be_opened():
    view = ObjectView(id="obj_1", name="new", state="UPLOADING", content_type="text", create_time_ms=1)
    with pytest.raises(TransferError, match="“new” has no bytes yet"):
        RangeReader(None, view)


def test_it_can_be_stopped_before_each_request(store):
    transfer = Transfer("penguins", "down", "there")
    reader = store.open(checkpoint=transfer.checkpoint)
    read_at(reader, 0, 1)
    transfer.cancel()
    assert read_at(reader, 5, 1) == DATA[5:6]
    with pytest.raises(TransferCancelled):
        read_at(reader, 4 * BLOCK, 1)
    assert reader.requests == 1


@pytest.mark.parametrize("offset", [-1, -len(DATA) - 1])
def test_a_position_before_the_start_is_refused_and_changes_nothing(offset, store):
    reader = store.open()
    reader.seek(7)
    with pytest.raises(ValueError, match="negative"):
        reader.seek(offset, io.SEEK_SET)
    assert reader.tell() == 7
