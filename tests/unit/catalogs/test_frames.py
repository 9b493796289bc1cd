"""Frames on a socket: whole, in any number at once, and a long one holds up no short one."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runloop_jupyter.catalogs.frames import PIECE, Gone, Line, Sort


@pytest.fixture
def ends():
    one, other = socket.socketpair()
    lines = Line(one), Line(other)
    yield lines
    for each in lines:
        each.close()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=300), st.sampled_from([0, 1])), max_size=20))
def test_what_is_said_is_heard(messages):
    one, other = socket.socketpair()
    here, there = Line(one), Line(other)
    try:
        for number, data, sort in messages:
            here.say(number, data, Sort(sort))
        assert [there.hear() for _ in messages] == [(number, Sort(sort), data) for number, data, sort in messages]
    finally:
        here.close()
        there.close()


def test_a_short_answer_passes_a_long_one(ends):
    here, there = ends
    long = bytes(40 * PIECE)
    thread = threading.Thread(target=here.say, args=(1, long))
    thread.start()
    heard = []

    def listen():
        while len(heard) < 2:
            heard.append(there.hear())

    listener = threading.Thread(target=listen)
    there_first = threading.Event()

    def short():
        there_first.wait()
        here.say(2, b"short", Sort.FAILED)

    other = threading.Thread(target=short)
    other.start()
    there_first.set()
    listener.start()
    for each in (thread, other, listener):
        each.join(20)
    assert heard == [(2, Sort.FAILED, b"short"), (1, Sort.ANSWER, long)]


def test_many_threads_at_once_mix_nothing_up(ends):
    here, there = ends
    sizes = [0, 1, 1000, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE]
    threads = [
        threading.Thread(target=here.say, args=(number, bytes([number]) * size))
        for number, size in enumerate(sizes, start=1)
    ]
    for each in threads:
        each.start()
    heard = {number: data for number, _, data in (there.hear() for _ in sizes)}
    assert heard == {number: bytes([number]) * size for number, size in enumerate(sizes, start=1)}
    for each in threads:
        each.join()


def test_the_end_of_the_other_end_is_told(ends):
    here, there = ends
    there.close()
    with pytest.raises(Gone):
        here.hear()
    with pytest.raises(Gone):
        here.say(1, bytes(PIECE))


def test_half_a_message_is_none(ends):
    here, there = ends
    here._end.sendall(b"\0\0\0\1\0\0\0\0\x10half")
    here.close()
    with pytest.raises(Gone):
        there.hear()


def test_what_is_longer_than_any_piece_is_not_waited_for(ends):
    here, there = ends
    here._end.sendall(b"\0\0\0\1\0\xff\xff\xff\xff")
    with pytest.raises(Gone):
        there.hear()
